//! Responses with encoded bodies (docs/protocol.md, section 1).

use super::problem::NO_STORE;
use super::request::MEDIA_TYPE;
use crate::error::Refusal;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use pando_api::Envelope;
use std::fmt::Debug;
use tls_codec::{DeserializeBytes, Serialize};

/// The result of a handler.
pub(crate) type Answer = Result<Response<Body>, Refusal>;

/// Returns a response with a body in its envelope.
pub(crate) fn encoded<T: Debug + Serialize + DeserializeBytes>(status: StatusCode, body: T) -> Answer {
    let bytes = Envelope::encode_body(body)?;
    Ok(with_type(status, MEDIA_TYPE, bytes))
}

/// Returns a response without a body.
pub(crate) fn empty() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().extend([NO_STORE]);
    response
}

/// Returns a response with bytes of a media type.
pub(crate) fn with_type(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().extend([NO_STORE]);
    response
}
