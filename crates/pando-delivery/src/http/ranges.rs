//! Responses with parts of immutable contents (docs/protocol.md, sections 10 and 14; RFC 9110,
//! section 14).
//!
//! A request for several ranges, or in other units than bytes, gets the whole contents, as RFC 9110
//! permits.

use super::authentication::only;
use super::request::BYTES_MEDIA_TYPE;
use super::response::Answer;
use crate::error::Refusal;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use pando_api::ProblemCode;
use std::ops::Range;

/// The header `Cache-Control` of contents that their name determines. A cache that several users
/// share must not store them, because not all users may read them.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// Returns a response with the whole contents, or with the range that the request asks for.
/// `length` is that of the contents, and `read` returns the bytes of a range.
///
/// # Errors
/// [`ProblemCode::Malformed`] if the range begins after the end.
pub(crate) fn immutable(headers: &HeaderMap, length: u64, read: impl FnOnce(Range<u64>) -> Body) -> Answer {
    let requested = requested(headers, length)?;
    let Range { start, end } = requested.clone().unwrap_or(0..length);
    let mut response = Response::new(read(start..end));
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(BYTES_MEDIA_TYPE));
    answer.insert(header::CONTENT_LENGTH, end.saturating_sub(start).into());
    answer.insert(header::CACHE_CONTROL, IMMUTABLE);
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if requested.is_some() {
        let range = format!("bytes {start}-{}/{length}", end.saturating_sub(1));
        let range = HeaderValue::try_from(range).map_err(|error| Refusal::internal(&error))?;
        answer.insert(header::CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// Returns the range that a request asks for, or `None` for the whole contents.
fn requested(headers: &HeaderMap, length: u64) -> Result<Option<Range<u64>>, Refusal> {
    let Some(value) = only(headers, &header::RANGE)? else { return Ok(None) };
    let Some((first, last)) = value.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| if digits(text) { text.parse::<u64>().ok() } else { None };
    let range = match (number(first), number(last)) {
        // The last bytes.
        (None, Some(count)) if first.is_empty() => length.saturating_sub(count)..length,
        (Some(first), None) if last.is_empty() => first..length,
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        _ => return Ok(None),
    };
    if range.is_empty() {
        return Err(Refusal::new(ProblemCode::Malformed, format!("the range is not within {length} bytes")));
    }
    Ok(Some(range))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(range: &str) -> Result<Option<Range<u64>>, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        requested(&headers, 10)
    }

    #[test]
    fn a_single_range_is_served() {
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-4", 2..5),
            ("bytes=2-", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=9-99999", 9..10),
            ("bytes=0-18446744073709551615", 0..10),
        ] {
            assert_eq!(ask(range), Ok(Some(expected)), "{range}");
        }
    }

    #[test]
    fn other_ranges_are_ignored() {
        for range in
            ["bytes=0-1,3-4", "bytes=4-2", "bytes=-", "bytes=a-b", "items=0-1", "bytes=+1-2", "bytes 0-1"]
        {
            assert_eq!(ask(range), Ok(None), "{range}");
        }
    }

    #[test]
    fn a_range_after_the_end_is_refused() {
        for range in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
            assert!(ask(range).is_err(), "{range}");
        }
    }

    #[test]
    fn a_part_names_its_place() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=2-4".parse().unwrap());
        let whole = |range| assert_eq!(range, 0..10);
        let part = |range| assert_eq!(range, 2..5);
        let response = immutable(&headers, 10, |range| (part(range), Body::empty()).1).unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()[header::CONTENT_RANGE], "bytes 2-4/10");
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "3");
        let response = immutable(&HeaderMap::new(), 10, |range| (whole(range), Body::empty()).1).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
}
