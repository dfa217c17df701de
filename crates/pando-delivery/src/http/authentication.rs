//! The authentication of requests by the token and the signature of a session (docs/protocol.md,
//! section 6.2).

use super::token::{SessionClaims, TokenKey};
use crate::error::Refusal;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use pando_api::{Authority, ProblemCode, SignatureHeaders, SignedRequest};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The scheme of the header `Authorization`.
const SCHEME: &str = "Bearer ";

/// The keys and names by which a server authenticates requests.
#[derive(Debug)]
pub struct Authenticator {
    /// The host and the port of the server.
    pub authority: Authority,
    /// The key of the tokens.
    pub key: TokenKey,
}

impl Authenticator {
    /// Verifies the token of a request. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// - [`ProblemCode::Unauthenticated`] if there is no token, or the token is not of this server.
    /// - [`ProblemCode::TokenExpired`] if it has expired.
    /// - [`ProblemCode::Malformed`] if the header occurs more than once.
    pub fn session(&self, headers: &HeaderMap, now: u64) -> Result<SessionClaims, Refusal> {
        let missing = || Refusal::new(ProblemCode::Unauthenticated, "the request has no bearer token");
        let token = only(headers, &header::AUTHORIZATION)?.and_then(|value| value.strip_prefix(SCHEME));
        self.key.open_token(token.ok_or_else(missing)?, now)
    }

    /// Verifies the signature of a request by the key of its session. `body` is the complete body
    /// as received. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// - [`ProblemCode::BadRequestSignature`] if the signature is missing or wrong.
    /// - [`ProblemCode::Malformed`] if a header occurs more than once.
    pub fn verify(
        &self,
        request: &Parts,
        body: &[u8],
        session: &SessionClaims,
        now: u64,
    ) -> Result<(), Refusal> {
        let bad = |why: String| Refusal::new(ProblemCode::BadRequestSignature, why);
        let headers = &request.headers;
        let required = |name: &HeaderName| {
            let value = only(headers, name)?;
            value.ok_or_else(|| bad(format!("the header {name} is missing")))
        };
        let signature = SignatureHeaders {
            content_digest: required(&CONTENT_DIGEST)?.to_owned(),
            signature_input: required(&SIGNATURE_INPUT)?.to_owned(),
            signature: required(&SIGNATURE)?.to_owned(),
        };
        let signed = SignedRequest {
            method: request.method.as_str(),
            authority: &self.authority.to_string(),
            path: request.uri.path(),
            query: request.uri.query(),
            content_type: only(headers, &header::CONTENT_TYPE)?,
            authorization: required(&header::AUTHORIZATION)?,
        };
        let verified = signed.verify(body, &signature, &session.session_key, now / 1_000);
        verified.map_err(|error| bad(error.to_string()))
    }
}

/// Returns the value of a header that occurs at most once.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let malformed = |why: &str| Refusal::new(ProblemCode::Malformed, format!("the header {name} {why}"));
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed("occurs more than once"));
    }
    value.to_str().map(Some).map_err(|_| malformed("has other characters than printable ASCII"))
}
