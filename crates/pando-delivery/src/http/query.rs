//! The parts of a request's target: segments of the path, and parameters of the query.
//!
//! There is one text for each target. Percent-encoding is refused, because nothing that stands in a
//! target needs it.

use crate::error::Refusal;
use axum::http::Uri;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use pando_api::{Digest, Domain, GroupAddress, ProblemCode};
use pando_mls::GroupId;
use std::fmt::Display;

/// The most bytes of a digest in a path: those of the longest hash of a cipher suite.
const MAX_HASH_LEN: usize = 64;

/// Returns a segment of the path, counted from 0 for the first one, which is `v1`.
fn segment(uri: &Uri, at: usize) -> &str {
    uri.path().split('/').skip(1).nth(at).unwrap_or_default()
}

/// Returns the group in a path `/v1/groups/{group}`.
///
/// # Errors
/// [`ProblemCode::Malformed`] if the segment is not the base64url of 16 to 64 bytes.
pub(crate) fn group_id(uri: &Uri, domain: &Domain) -> Result<GroupId, Refusal> {
    let address = GroupAddress::from_path(segment(uri, 2), domain);
    Ok(address.map_err(|error| malformed(&error))?.group_id())
}

/// Returns the hash in a path `/v1/groups/{group}/trees/{hash}`.
///
/// # Errors
/// [`ProblemCode::Malformed`] if the segment is not the base64url of a hash.
pub(crate) fn tree_hash(uri: &Uri) -> Result<Vec<u8>, Refusal> {
    let hash = BASE64_URL_SAFE_NO_PAD.decode(segment(uri, 4)).map_err(|error| malformed(&error))?;
    if (1..=MAX_HASH_LEN).contains(&hash.len()) { Ok(hash) } else { Err(malformed(&"not a tree hash")) }
}

/// Returns the digest in a path `/v1/blobs/{digest}`.
///
/// # Errors
/// [`ProblemCode::Malformed`] if the segment is not the base64url of a digest.
pub(crate) fn digest(uri: &Uri) -> Result<Digest, Refusal> {
    segment(uri, 2).parse().map_err(|error| malformed(&error))
}

/// Returns the sequence number in a path `/v1/inbox/{seq}`.
///
/// # Errors
/// [`ProblemCode::Malformed`] if the segment is not a number.
pub(crate) fn seq(uri: &Uri) -> Result<u64, Refusal> {
    number(segment(uri, 2)).ok_or_else(|| malformed(&"not a sequence number"))
}

/// Returns the numbers in a query with these names. Each may be absent.
///
/// # Errors
/// [`ProblemCode::Malformed`] if the query has another parameter, a parameter occurs twice, or a
/// value is not a number. A client that misspells a parameter should not get another answer.
pub(crate) fn numbers<const N: usize>(uri: &Uri, names: [&str; N]) -> Result<[Option<u64>; N], Refusal> {
    let mut numbers = [None; N];
    let query = uri.query().filter(|query| !query.is_empty());
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let found = names.iter().zip(&mut numbers).find(|(known, _)| **known == name);
        let (_, slot) = found.ok_or_else(|| malformed(&"the query has an unknown parameter"))?;
        let value =
            number(value).ok_or_else(|| malformed(&format!("{name} in the query is not a number")))?;
        if slot.replace(value).is_some() {
            return Err(malformed(&format!("{name} occurs twice in the query")));
        }
    }
    Ok(numbers)
}

/// Returns a decimal number without a sign and without leading zeros.
fn number(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}

fn malformed(why: &dyn Display) -> Refusal {
    Refusal::new(ProblemCode::Malformed, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn a_target_has_one_text() {
        let domain = "example.org".parse().unwrap();
        let group = |text: &str| group_id(&uri(&format!("/v1/groups/{text}/log")), &domain);
        assert_eq!(group("AAAAAAAAAAAAAAAAAAAAAA"), Ok(GroupId::from(vec![0; 16])));
        for text in
            ["", "AAAA", "%41AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAA=="]
        {
            assert!(group(text).is_err(), "{text}");
        }
        assert_eq!(seq(&uri("/v1/inbox/18446744073709551615")), Ok(u64::MAX));
        for text in ["", "01", "+1", "-1", "1%30", "18446744073709551616", "a"] {
            assert!(seq(&uri(&format!("/v1/inbox/{text}"))).is_err(), "{text}");
        }
        assert_eq!(tree_hash(&uri("/v1/groups/A/trees/AAEC")), Ok(vec![0, 1, 2]));
        for text in ["", "A", "AB", "AA==", &"A".repeat(88)] {
            assert!(tree_hash(&uri(&format!("/v1/groups/A/trees/{text}"))).is_err(), "{text}");
        }
        let text = Digest::of(b"blob").to_string();
        assert_eq!(digest(&uri(&format!("/v1/blobs/{text}"))), Ok(Digest::of(b"blob")));
        assert!(digest(&uri("/v1/blobs/AAAA")).is_err());
    }

    #[test]
    fn a_query_has_known_parameters_once() {
        let parse = |query: &str| numbers(&uri(&format!("/v1/inbox{query}")), ["after", "wait"]);
        assert_eq!(parse(""), Ok([None, None]));
        assert_eq!(parse("?"), Ok([None, None]));
        assert_eq!(parse("?after=7"), Ok([Some(7), None]));
        assert_eq!(parse("?wait=1&after=0"), Ok([Some(0), Some(1)]));
        for query in
            ["?after", "?after=", "?after=01", "?after=1&after=1", "?before=1", "?after=1&", "?%61fter=1"]
        {
            let refusal = parse(query).unwrap_err();
            assert_eq!(refusal.problem().known_code(), Some(ProblemCode::Malformed), "{query}");
        }
    }
}
