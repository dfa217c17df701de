//! Responses for refused requests: problem documents (docs/protocol.md, section 4; RFC 9457).

use crate::error::Refusal;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use pando_api::{PROBLEM_MEDIA_TYPE, ProblemCode};

/// The header `Cache-Control` of all responses but those with immutable contents.
pub(crate) const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let problem = self.problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::from(problem.to_json()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        headers.extend([NO_STORE]);
        if let Some(seconds) = problem.known_code().and_then(retry_after) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1, requires this header.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Returns after how many seconds a client repeats a request.
fn retry_after(code: ProblemCode) -> Option<u64> {
    match code {
        ProblemCode::Overloaded | ProblemCode::OutcomeUnknown => Some(1),
        ProblemCode::Internal => Some(5),
        ProblemCode::Limit => Some(10),
        other if other.is_retryable() => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_problem_document() {
        for code in ProblemCode::ALL {
            let response = Refusal::new(*code, "why").into_response();
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_MEDIA_TYPE);
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), code.is_retryable(), "{code:?}");
            assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), code.status() == 401);
        }
    }
}
