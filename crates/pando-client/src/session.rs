//! Sessions, and the signatures of their requests (docs/protocol.md, section 6.2).

use crate::description::Description;
use crate::draft::Draft;
use crate::error::CallError;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use pando_api::{Authority, MAX_TOKEN_VALIDITY, SignedRequest};
use std::fmt;
use zeroize::Zeroizing;

/// A session with a server.
pub(crate) struct Session {
    /// The description of the server when the session began.
    pub(crate) description: Description,
    /// The header `Authorization`.
    authorization: Zeroizing<String>,
    key: SigningKey,
    /// The time from which the session is renewed, by the clock of the client.
    renew: u64,
    /// The time at which the token expires, by the clock of the client.
    end: u64,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("renew", &self.renew).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Session {
    /// Returns the session that begins at `now`.
    ///
    /// It is renewed after nine tenths of the validity of its token. If the clock of the client is
    /// ahead of that of the server, the token may seem to have expired already. Then the server
    /// alone says when it expires.
    pub(crate) fn begin(
        description: Description,
        session: &pando_api::Session,
        key: SigningKey,
        now: u64,
    ) -> Self {
        let validity = match session.expires.saturating_sub(now) {
            0 => MAX_TOKEN_VALIDITY,
            validity => validity.min(MAX_TOKEN_VALIDITY),
        };
        let end = now.saturating_add(validity);
        let authorization = Zeroizing::new(format!("Bearer {}", session.token.as_str()));
        Self { description, authorization, key, renew: end.saturating_sub(validity / 10), end }
    }

    /// Returns whether the session need not be renewed yet.
    pub(crate) const fn is_fresh(&self, now: u64) -> bool {
        now < self.renew
    }

    /// Returns whether the token is valid.
    pub(crate) const fn is_valid(&self, now: u64) -> bool {
        now < self.end
    }

    /// Returns a request with the token, and with the signature if it is a mutation.
    pub(crate) fn authenticate(
        &self,
        draft: &Draft,
        server: &Authority,
        now: u64,
    ) -> Result<Request<Bytes>, CallError> {
        let unencodable = |error: &dyn fmt::Display| CallError::Unencodable(error.to_string());
        let mut token = HeaderValue::from_str(&self.authorization).map_err(|error| unencodable(&error))?;
        token.set_sensitive(true);
        let mut request = draft.http(server).header(AUTHORIZATION, token);
        if !draft.is_read() {
            let signed = SignedRequest {
                method: draft.method.as_str(),
                authority: &server.to_string(),
                path: &draft.path,
                query: draft.query.as_deref(),
                content_type: draft.media_type,
                authorization: &self.authorization,
            };
            let headers = signed.sign(&draft.body, &self.key, now / 1_000);
            let headers = headers.map_err(|error| unencodable(&error))?;
            request = request
                .header("content-digest", headers.content_digest)
                .header("signature-input", headers.signature_input)
                .header("signature", headers.signature);
        }
        request.body(draft.body.clone()).map_err(|error| unencodable(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use pando_api::{ServerKey, SignatureHeaders};

    const NOW: u64 = 1_800_000_000_000;

    fn session(expires: u64) -> Session {
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32])).public();
        let description = Description::for_tests("example.org", key);
        let session = pando_api::Session { token: "secret-token".parse().unwrap(), expires };
        Session::begin(description, &session, SigningKey::from_bytes(&[7; 32]), NOW)
    }

    #[test]
    fn a_session_is_renewed_before_its_token_expires() {
        let minute = 60_000;
        // The validity of the token by the server, and the time of the renewal.
        for (expires, renew, end) in [
            (NOW + 10 * minute, NOW + 9 * minute, NOW + 10 * minute),
            (NOW + minute, NOW + 54_000, NOW + minute),
            // The server's clock is ahead, or ours is.
            (NOW + 60 * minute, NOW + 9 * minute, NOW + 10 * minute),
            (NOW - 60 * minute, NOW + 9 * minute, NOW + 10 * minute),
        ] {
            let session = session(expires);
            assert!(session.is_fresh(NOW) && session.is_fresh(renew - 1) && !session.is_fresh(renew));
            assert!(session.is_valid(end - 1) && !session.is_valid(end));
            assert!(session.is_fresh(0), "a clock that is set back does not end a session");
        }
    }

    #[test]
    fn mutations_are_signed_and_reads_are_not() {
        let (session, server) = (session(NOW + 60_000), "example.org:8443".parse().unwrap());
        let get = Draft::new(Method::GET, "/v1/groups".to_owned());
        let request = session.authenticate(&get, &server, NOW).unwrap();
        assert_eq!(request.uri(), "https://example.org:8443/v1/groups");
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer secret-token");
        assert_eq!(request.headers().len(), 1);
        let put = Draft::new(Method::PUT, "/v1/blobs/AAAA".to_owned());
        let put = Draft { query: Some("expires=7".to_owned()), ..put };
        for body in [&b""[..], b"body"] {
            let put = put.clone().with_body("application/octet-stream", Bytes::from_static(body));
            let request = session.authenticate(&put, &server, NOW).unwrap();
            let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
            let signed = SignedRequest {
                method: "PUT",
                authority: "example.org:8443",
                path: "/v1/blobs/AAAA",
                query: Some("expires=7"),
                content_type: (!body.is_empty()).then_some("application/octet-stream"),
                authorization: "Bearer secret-token",
            };
            let headers = SignatureHeaders {
                content_digest: header("content-digest"),
                signature_input: header("signature-input"),
                signature: header("signature"),
            };
            let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
            assert_eq!(signed.verify(body, &headers, key.as_bytes(), NOW / 1_000), Ok(()));
            assert_eq!(request.headers().contains_key("content-type"), !body.is_empty());
        }
    }

    #[test]
    fn debugging_shows_no_secrets() {
        let session = session(NOW + 60_000);
        let draft = Draft::new(Method::DELETE, "/v1/inbox/1".to_owned());
        let request = session.authenticate(&draft, &"example.org".parse().unwrap(), NOW).unwrap();
        for text in [format!("{session:?}"), format!("{:?}", request.headers())] {
            assert!(!text.contains("secret-token"), "{text}");
        }
    }
}
