//! Tokens and signatures of requests (docs/protocol.md, section 6.2).

use crate::fixture::{Mutation, NOW, authenticator, bearer, claims, code};
use axum::http::{HeaderMap, header};
use pando_api::{MAX_TOKEN_VALIDITY, ProblemCode};

fn post() -> Mutation {
    Mutation::new("POST", "/v1/groups?a=b", b"body")
}

#[test]
fn a_signed_mutation_is_of_its_session() {
    assert_eq!(post().verify(NOW).unwrap(), claims());
    assert_eq!(Mutation::new("DELETE", "/v1/inbox/7", b"").verify(NOW).unwrap(), claims());
}

#[test]
fn a_request_needs_one_valid_token() {
    let session = |values: &[&str], now| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        authenticator().session(&headers, now)
    };
    let good = bearer();
    assert_eq!(session(&[&good], NOW).unwrap(), claims());
    let lower = good.replace("Bearer", "bearer");
    let basic = good.replace("Bearer", "Basic");
    let spaced = good.replace("Bearer ", "Bearer  ");
    for values in [&[][..], &[""], &["Bearer "], &["Bearer AAAA"], &[&lower], &[&basic], &[&spaced]] {
        assert_eq!(code(session(values, NOW)), Some(ProblemCode::Unauthenticated), "{values:?}");
    }
    assert_eq!(code(session(&[&good, &good], NOW)), Some(ProblemCode::Malformed));
    assert_eq!(code(session(&[&good], NOW + MAX_TOKEN_VALIDITY)), Some(ProblemCode::TokenExpired));
}

#[test]
fn a_mutation_needs_each_header_once() {
    for name in ["content-digest", "signature-input", "signature"] {
        let refused = post().without(name).verify(NOW);
        assert_eq!(code(refused), Some(ProblemCode::BadRequestSignature), "{name}");
    }
    for name in ["content-digest", "signature-input", "signature", "content-type", "authorization"] {
        let twice = post();
        let value = twice.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        assert_eq!(code(twice.with(name, &value).verify(NOW)), Some(ProblemCode::Malformed), "{name}");
    }
}

#[test]
fn a_mutation_that_was_altered_is_refused() {
    let refused = |altered: Mutation, what: &str| {
        assert_eq!(code(altered.verify(NOW)), Some(ProblemCode::BadRequestSignature), "{what}");
    };
    refused(Mutation { method: "PUT", ..post() }, "method");
    for target in ["/v1/groups?a=c", "/v1/groups", "/v1/groups?", "/v1/group?a=b", "/v1/%67roups?a=b"] {
        refused(Mutation { target: target.to_owned(), ..post() }, target);
    }
    refused(Mutation { body: b"other".to_vec(), ..post() }, "body");
    refused(post().without("content-type"), "no media type");
    refused(post().without("content-type").with("content-type", "text/plain"), "media type");
    let key = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
    let session = pando_delivery::http::SessionClaims {
        session_key: (&key.verifying_key().to_bytes()).into(),
        ..claims()
    };
    let parts = post().parts();
    let other = authenticator().verify(&parts, b"body", &session, NOW);
    assert_eq!(code(other), Some(ProblemCode::BadRequestSignature));
}

#[test]
fn a_signature_is_bound_to_this_server() {
    let mut other = authenticator();
    for authority in ["example.org", "example.org:8444", "rogue.example:8443"] {
        other.authority = authority.parse().unwrap();
        // The header `Host` does not decide.
        let request = post().with("host", "example.org:8443");
        let refused = other.verify(&request.parts(), &request.body, &claims(), NOW);
        assert_eq!(code(refused), Some(ProblemCode::BadRequestSignature), "{authority}");
    }
}

#[test]
fn a_signature_is_accepted_within_five_minutes() {
    let minutes = 60 * 1_000;
    for now in [NOW, NOW + 5 * minutes, NOW - 5 * minutes] {
        assert!(post().verify(now).is_ok());
    }
    for now in [NOW + 5 * minutes + 1_000, NOW - 5 * minutes - 1_000] {
        assert_eq!(code(post().verify(now)), Some(ProblemCode::BadRequestSignature));
    }
}
