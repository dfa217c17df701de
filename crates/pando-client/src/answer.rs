//! Checks of answers that do not depend on the operation: the status, the media type, the envelope
//! and problem documents (docs/protocol.md, sections 1 and 4).

use crate::error::{BadAnswer, Refusal};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Response};
use pando_api::{Envelope, PROBLEM_MEDIA_TYPE, Problem};
use std::fmt::Debug;
use std::time::Duration;
use tls_codec::{DeserializeBytes, Serialize};

/// The media types of bodies.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.pando";
pub(crate) const BYTES_MEDIA_TYPE: &str = "application/octet-stream";
pub(crate) const JSON_MEDIA_TYPE: &str = "application/json";

/// The most bytes of a problem document and of other short answers.
pub(crate) const SHORT: usize = 64 << 10;

/// A refusal, or a violation of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    Refused(Box<Refusal>),
    Bad(BadAnswer),
}

impl From<BadAnswer> for NoAnswer {
    fn from(bad: BadAnswer) -> Self {
        Self::Bad(bad)
    }
}

/// Returns the value of a header that occurs exactly once and is printable ASCII.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// Checks that the status is `status`. An error status is a refusal with a problem document.
pub(crate) fn check_status(response: &Response<Bytes>, status: u16) -> Result<(), NoAnswer> {
    let found = response.status().as_u16();
    match found {
        _ if found == status => Ok(()),
        400..=599 => Err(refusal(response)?),
        _ => Err(BadAnswer::Status(found).into()),
    }
}

/// Decodes a body in its envelope, in an answer with this status.
pub(crate) fn encoded<T>(response: &Response<Bytes>, status: u16) -> Result<T, NoAnswer>
where
    T: Debug + Serialize + DeserializeBytes,
{
    check_status(response, status)?;
    check_media_type(response, MEDIA_TYPE)?;
    Ok(Envelope::decode_body(response.body()).map_err(BadAnswer::from)?)
}

/// Checks an answer without a body.
pub(crate) fn empty(response: &Response<Bytes>) -> Result<(), NoAnswer> {
    check_status(response, 204)?;
    if response.body().is_empty() { Ok(()) } else { Err(BadAnswer::NotEmpty.into()) }
}

/// Checks the media type. JSON may have parameters.
pub(crate) fn check_media_type(response: &Response<Bytes>, expected: &'static str) -> Result<(), BadAnswer> {
    let found = only(response.headers(), &CONTENT_TYPE).unwrap_or_default();
    let is_json = expected != MEDIA_TYPE && expected != BYTES_MEDIA_TYPE;
    let found = if is_json { found.split(';').next().unwrap_or_default().trim_end() } else { found };
    if found == expected { Ok(()) } else { Err(BadAnswer::MediaType(expected)) }
}

/// Decodes a problem document.
fn refusal(response: &Response<Bytes>) -> Result<NoAnswer, BadAnswer> {
    let status = response.status().as_u16();
    // A gateway in front of the server answers without a problem document.
    check_media_type(response, PROBLEM_MEDIA_TYPE)?;
    let problem = Problem::from_json(response.body());
    let problem = problem.map_err(|error| BadAnswer::Problem(error.to_string()))?;
    if problem.status != status || problem.known_code().is_some_and(|code| code.status() != status) {
        return Err(BadAnswer::Problem(format!(
            "code {:?} in an answer with the status {status}",
            problem.code
        )));
    }
    let seconds = only(response.headers(), &RETRY_AFTER).and_then(|value| value.parse().ok());
    let retry_after = seconds.map(Duration::from_secs);
    Ok(NoAnswer::Refused(Box::new(Refusal { problem, retry_after })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use pando_api::{Blob, ProblemCode};

    fn response(status: u16, media_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
        let response = Response::builder().status(status).header(CONTENT_TYPE, media_type);
        response.body(body.into()).unwrap()
    }

    fn bad<T>(result: Result<T, NoAnswer>) -> Option<BadAnswer> {
        match result {
            Err(NoAnswer::Bad(bad)) => Some(bad),
            _ => None,
        }
    }

    #[test]
    fn a_body_has_its_status_media_type_and_envelope() {
        let blob = Blob { expires: 7, bytes: 9 };
        let bytes = Envelope::encode_body(blob).unwrap();
        let good = response(200, MEDIA_TYPE, bytes.clone());
        assert_eq!(encoded::<Blob>(&good, 200), Ok(blob));
        assert_eq!(bad(encoded::<Blob>(&good, 201)), Some(BadAnswer::Status(200)));
        for status in [100, 204, 206, 301, 302, 304] {
            let other = response(status, MEDIA_TYPE, bytes.clone());
            assert_eq!(bad(encoded::<Blob>(&other, 200)), Some(BadAnswer::Status(status)));
        }
        for media_type in ["application/octet-stream", "application/vnd.pando;v=2", "text/html", ""] {
            let other = response(200, media_type, bytes.clone());
            assert_eq!(bad(encoded::<Blob>(&other, 200)), Some(BadAnswer::MediaType(MEDIA_TYPE)));
        }
        let mut twice = good;
        twice.headers_mut().append(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        assert_eq!(bad(encoded::<Blob>(&twice, 200)), Some(BadAnswer::MediaType(MEDIA_TYPE)));
        for length in 0..bytes.len() {
            let short = response(200, MEDIA_TYPE, bytes[..length].to_vec());
            assert!(matches!(bad(encoded::<Blob>(&short, 200)), Some(BadAnswer::Envelope(_))));
        }
        let long = response(200, MEDIA_TYPE, [bytes.as_slice(), &[0]].concat());
        assert!(matches!(bad(encoded::<Blob>(&long, 200)), Some(BadAnswer::Envelope(_))));
    }

    #[test]
    fn an_empty_answer_is_empty() {
        assert_eq!(empty(&response(204, "", "")), Ok(()));
        assert_eq!(bad(empty(&response(204, "", "x"))), Some(BadAnswer::NotEmpty));
        assert_eq!(bad(empty(&response(200, "", ""))), Some(BadAnswer::Status(200)));
    }

    #[test]
    fn a_refusal_is_a_problem_document() {
        for code in ProblemCode::ALL {
            let problem = Problem::new(*code, "why");
            let mut response =
                response(code.status(), "application/problem+json; charset=utf-8", problem.to_json());
            let refused = |response: &Response<Bytes>, retry_after| {
                let refusal = Refusal { problem: problem.clone(), retry_after };
                assert_eq!(encoded::<Blob>(response, 200), Err(NoAnswer::Refused(Box::new(refusal))));
            };
            refused(&response, None);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("7"));
            refused(&response, Some(Duration::from_secs(7)));
        }
        let json = Problem::new(ProblemCode::Gap, "").to_json();
        let html = response(502, "text/html", "<html>");
        assert_eq!(bad(empty(&html)), Some(BadAnswer::MediaType(PROBLEM_MEDIA_TYPE)));
        for (status, json) in [(404, &*json), (410, b"{"), (410, b"{\"code\": \"gap\"}"), (410, b"")] {
            let other = response(status, PROBLEM_MEDIA_TYPE, json.to_vec());
            assert!(matches!(bad(empty(&other)), Some(BadAnswer::Problem(_))), "{status}");
        }
    }
}
