//! Requests that were authenticated and decoded (docs/protocol.md, sections 1 and 6).

use super::authentication::{Authenticator, only};
use super::body::{BodyMemory, Received};
use super::clock::Clock;
use super::limits::BodyLimits;
use super::query::numbers;
use super::token::SessionClaims;
use crate::error::Refusal;
use crate::group::Caller;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use pando_api::{Envelope, EnvelopeError, ProblemCode};
use std::fmt::{self, Debug};
use std::sync::Arc;
use tls_codec::{DeserializeBytes, Serialize};
use tokio::sync::OwnedSemaphorePermit;

/// The media type of bodies.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.pando";

/// The media type of blobs and ratchet trees.
pub(crate) const BYTES_MEDIA_TYPE: &str = "application/octet-stream";

/// The parts of a server that authenticate and read requests.
pub(crate) struct Gate {
    pub(crate) authenticator: Authenticator,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) limits: BodyLimits,
    pub(crate) memory: BodyMemory,
    pub(crate) is_revoked: Box<dyn Fn(&Caller) -> bool + Send + Sync>,
}

impl Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Gate {
    /// Returns the session of a request.
    fn session(&self, headers: &HeaderMap, now: u64) -> Result<(SessionClaims, Caller), Refusal> {
        let session = self.authenticator.session(headers, now)?;
        let caller = Caller { client: session.client.clone(), version: session.version };
        self.admit(&caller)?;
        Ok((session, caller))
    }

    /// Refuses a client whose certificate was revoked after its login. A token is valid for
    /// minutes, so the revocations are looked up for each request.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<(), Refusal> {
        let is_revoked = (self.is_revoked)(caller);
        if is_revoked { Err(Refusal::new(ProblemCode::CertificateRevoked, "")) } else { Ok(()) }
    }

    /// Reads the body of a request. A body that is not empty has the media type, and an empty one
    /// has none.
    async fn receive<T: RequestBody>(&self, request: Request) -> Result<(Parts, Received), Refusal> {
        let (parts, body) = request.into_parts();
        let content_type = only(&parts.headers, &header::CONTENT_TYPE)?;
        if content_type.is_some_and(|content_type| content_type != T::MEDIA_TYPE) {
            return Err(unsupported(T::MEDIA_TYPE));
        }
        let has_type = content_type.is_some();
        let received = self.memory.read(body, T::limit(&self.limits)).await?;
        match (received.bytes.is_empty(), has_type) {
            (true, true) => Err(Refusal::new(ProblemCode::Malformed, "an empty body has no media type")),
            (false, false) => Err(unsupported(T::MEDIA_TYPE)),
            _ => Ok((parts, received)),
        }
    }
}

/// Refuses parameters of a target that has none. The handlers of other targets check theirs.
fn check_query(uri: &Uri, has_query: bool) -> Result<(), Refusal> {
    if has_query { Ok(()) } else { numbers(uri, []).map(|[]| ()) }
}

fn unsupported(media_type: &str) -> Refusal {
    Refusal::new(ProblemCode::UnsupportedMediaType, format!("the media type is {media_type}"))
}

/// The body of a mutation.
pub(crate) trait RequestBody: Sized {
    /// The media type.
    const MEDIA_TYPE: &str = MEDIA_TYPE;

    /// Whether the target has a query with parameters. Otherwise, a query is refused.
    const HAS_QUERY: bool = false;

    /// Returns the most bytes.
    fn limit(limits: &BodyLimits) -> usize;

    /// Decodes the body.
    fn decode(bytes: Bytes) -> Result<Self, Refusal>;
}

/// An absent body.
#[derive(Debug)]
pub(crate) struct Empty;

impl RequestBody for Empty {
    fn limit(_: &BodyLimits) -> usize {
        0
    }

    fn decode(_: Bytes) -> Result<Self, Refusal> {
        Ok(Self)
    }
}

/// The bytes of a blob.
#[derive(Debug)]
pub(crate) struct BlobBytes(pub(crate) Bytes);

impl RequestBody for BlobBytes {
    const MEDIA_TYPE: &str = BYTES_MEDIA_TYPE;
    const HAS_QUERY: bool = true;

    fn limit(limits: &BodyLimits) -> usize {
        limits.blob
    }

    fn decode(bytes: Bytes) -> Result<Self, Refusal> {
        Ok(Self(bytes))
    }
}

/// Implements [`RequestBody`] for bodies in envelopes.
macro_rules! bodies {
    ($($name:path, $limit:ident;)*) => {$(
        impl RequestBody for $name {
            fn limit(limits: &BodyLimits) -> usize {
                limits.$limit
            }

            fn decode(bytes: Bytes) -> Result<Self, Refusal> {
                decode(&bytes)
            }
        }
    )*};
}

bodies! {
    pando_api::Acknowledgement, other;
    pando_api::ClaimKeyPackages, other;
    pando_api::CreateGroup, group;
    pando_api::Login, other;
    pando_api::RemovalIntent, other;
    pando_api::Report, other;
    pando_api::Reset, group;
    pando_api::SubmitCommit, commit;
    pando_api::SubmitMessage, message;
    pando_api::UploadKeyPackages, key_packages;
}

/// Decodes a body in its envelope.
fn decode<T: Debug + Serialize + DeserializeBytes>(bytes: &[u8]) -> Result<T, Refusal> {
    Envelope::decode_body(bytes).map_err(|error| {
        let code = match error {
            EnvelopeError::UnknownExtension(_) => ProblemCode::UnknownExtension,
            _ => ProblemCode::Malformed,
        };
        Refusal::new(code, error.to_string())
    })
}

/// A request that reads. Its token was verified. `HAS_QUERY` says whether the target has a query
/// with parameters. Otherwise, a query is refused.
#[derive(Debug)]
pub(crate) struct Read<const HAS_QUERY: bool = false> {
    pub(crate) caller: Caller,
    pub(crate) now: u64,
}

impl<const HAS_QUERY: bool, S> FromRequestParts<S> for Read<HAS_QUERY>
where
    Arc<Gate>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let gate = Arc::<Gate>::from_ref(state);
        let now = gate.clock.now();
        let (_, caller) = gate.session(&parts.headers, now)?;
        check_query(&parts.uri, HAS_QUERY)?;
        Ok(Self { caller, now })
    }
}

/// A mutation. Its token and its signature were verified.
#[derive(Debug)]
pub(crate) struct Mutation<T> {
    pub(crate) caller: Caller,
    pub(crate) body: T,
    pub(crate) now: u64,
    /// The memory that the body counts as used until the request ends.
    pub(crate) _memory: Option<OwnedSemaphorePermit>,
}

impl<T: RequestBody, S> FromRequest<S> for Mutation<T>
where
    Arc<Gate>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    /// Verifies the token before it reads the body, so that a client without a session occupies no
    /// memory.
    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let gate = Arc::<Gate>::from_ref(state);
        let (session, caller) = gate.session(request.headers(), gate.clock.now())?;
        let (parts, received) = gate.receive::<T>(request).await?;
        // A long body may have taken a while.
        let now = gate.clock.now();
        gate.authenticator.verify(&parts, &received.bytes, &session, now)?;
        check_query(&parts.uri, T::HAS_QUERY)?;
        Ok(Self { caller, body: T::decode(received.bytes)?, now, _memory: received.memory })
    }
}

/// A request without a session: a part of a login.
#[derive(Debug)]
pub(crate) struct Unauthenticated<T> {
    pub(crate) body: T,
    pub(crate) now: u64,
}

impl<T: RequestBody, S> FromRequest<S> for Unauthenticated<T>
where
    Arc<Gate>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let gate = Arc::<Gate>::from_ref(state);
        let (parts, received) = gate.receive::<T>(request).await?;
        check_query(&parts.uri, T::HAS_QUERY)?;
        Ok(Self { body: T::decode(received.bytes)?, now: gate.clock.now() })
    }
}
