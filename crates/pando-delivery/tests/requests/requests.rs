//! Requests before and after they are signed (docs/protocol.md, section 6.2), and their answers.

use crate::server::authority;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use ed25519_dalek::SigningKey;
use http_body_util::BodyExt;
use pando_api::{Envelope, Problem, ProblemCode, SignedRequest};
use pando_delivery::group::Caller;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;
use tls_codec::{DeserializeBytes, Serialize};

/// The media types of bodies.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.pando";
pub(crate) const BYTES_MEDIA_TYPE: &str = "application/octet-stream";

/// A session of a client.
pub(crate) struct Session {
    pub(crate) caller: Caller,
    /// The header `Authorization`.
    pub(crate) authorization: String,
    pub(crate) key: SigningKey,
}

/// A request before it is signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
    /// The header `Range`.
    pub(crate) range: Option<String>,
    pub(crate) session: Option<Arc<Session>>,
    /// The time of the signature, in seconds since 1970.
    pub(crate) created: u64,
}

/// A request as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    /// Returns a request of a session, or of a login, without a body.
    pub(crate) fn new(session: Option<&Arc<Session>>, method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            content_type: None,
            body: Vec::new(),
            range: None,
            session: session.cloned(),
            created: crate::clients::NOW / 1_000,
        }
    }

    pub(crate) fn with_range(mut self, range: &str) -> Self {
        self.range = Some(range.to_owned());
        self
    }

    /// Returns the request with a body in an envelope.
    pub(crate) fn with<T: Debug + Serialize + DeserializeBytes>(self, body: T) -> Self {
        self.with_bytes(MEDIA_TYPE, Envelope::encode_body(body).unwrap())
    }

    /// Returns the request with a body of a media type.
    pub(crate) fn with_bytes(mut self, media_type: &str, body: Vec<u8>) -> Self {
        self.content_type = (!body.is_empty()).then(|| media_type.to_owned());
        self.body = body;
        self
    }

    pub(crate) fn is_read(&self) -> bool {
        self.method == "GET"
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// Returns the parts of the request that its signature covers.
    pub(crate) fn signed<'a>(&'a self, authority: &'a str, authorization: &'a str) -> SignedRequest<'a> {
        SignedRequest {
            method: &self.method,
            authority,
            path: self.path(),
            query: self.query(),
            content_type: self.content_type.as_deref(),
            authorization,
        }
    }

    /// Returns the request with its token, and with its signature if it is a mutation.
    pub(crate) fn sign(&self) -> Wire {
        self.sign_as(self)
    }

    /// Returns the request with the signature that covers another request.
    pub(crate) fn sign_as(&self, other: &Self) -> Wire {
        let mut headers = Vec::new();
        let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
        if let Some(content_type) = &self.content_type {
            add("content-type", content_type);
        }
        if let Some(range) = &self.range {
            add("range", range);
        }
        if let Some(session) = &self.session {
            add("authorization", &session.authorization);
        }
        if let Some(session) = other.session.as_ref().filter(|_| !self.is_read()) {
            let authority = authority().to_string();
            let signed = other.signed(&authority, &session.authorization);
            let signature = signed.sign(&other.body, &session.key, other.created).unwrap();
            add("content-digest", &signature.content_digest);
            add("signature-input", &signature.signature_input);
            add("signature", &signature.signature);
        }
        Wire { method: self.method.clone(), target: self.target.clone(), headers, body: self.body.clone() }
    }
}

impl Wire {
    pub(crate) fn http(&self) -> Request<Body> {
        let mut request = Request::builder().method(&*self.method).uri(&*self.target);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(known, _)| known == name).unwrap().1
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        let mut altered = self.clone();
        altered.headers.retain(|(known, _)| known != name);
        altered
    }

    /// Returns the request with one more header.
    pub(crate) fn and(&self, name: &str, value: &str) -> Self {
        let mut altered = self.clone();
        altered.headers.push((name.to_owned(), value.to_owned()));
        altered
    }

    /// Returns the request with another value of a header.
    pub(crate) fn replace(&self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }
}

/// A response with its complete body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Decodes the body of a response with this status.
    #[track_caller]
    pub(crate) fn decode<T: Debug + Serialize + DeserializeBytes>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.headers["content-type"], MEDIA_TYPE);
        Envelope::decode_body(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn problem(&self) -> Problem {
        Problem::from_json(&self.body).unwrap()
    }

    /// Returns the code of a response that refuses a request.
    #[track_caller]
    pub(crate) fn code(&self) -> ProblemCode {
        assert!(self.status >= 300, "not refused: {self}");
        self.problem().known_code().unwrap()
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}
