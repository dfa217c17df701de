//! Signatures of requests (docs/protocol.md, section 6.2; RFC 9421 and RFC 9530).
//!
//! Requests have one profile of RFC 9421: fixed components in a fixed order, Ed25519, and a time.
//! A server therefore compares the header `Signature-Input` with the only possible text, instead of
//! parsing structured fields, and no component can be left out. Clients in other languages can use
//! any library of RFC 9421 that lets them choose the order of the components.
//!
//! The crate `httpsig` is not used: it depends on a second implementation of Ed25519 and on a
//! generator of the operating system, and takes the time from the system.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt::Write;

/// The longest difference between the time of a signature and the server's clock, in seconds.
pub const MAX_CLOCK_DIFFERENCE: u64 = 300;

/// The label of the signature in the two headers.
const LABEL: &str = "pando";

/// The parts of a request that its signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedRequest<'a> {
    /// The method in upper case, for example `POST`.
    pub method: &'a str,
    /// The authority: the host in lower case, and the port unless it is the default port.
    pub authority: &'a str,
    /// The path, for example `/v1/groups`.
    pub path: &'a str,
    /// The query without the question mark, if there is one.
    pub query: Option<&'a str>,
    /// The media type, if there is a body.
    pub content_type: Option<&'a str>,
    /// The header `Content-Digest`: see [`content_digest`].
    pub content_digest: &'a str,
    /// The header `Authorization`.
    pub authorization: &'a str,
}

/// Returns the header `Content-Digest` of a body (RFC 9530).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(crate::Digest::of(body)))
}

/// The two headers of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// The header `Signature-Input`.
    pub signature_input: String,
    /// The header `Signature`.
    pub signature: String,
}

impl SignedRequest<'_> {
    /// Signs the request with the session key. `created` is in seconds since 1970.
    #[must_use]
    pub fn sign(&self, key: &SigningKey, created: u64) -> SignatureHeaders {
        let parameters = self.parameters(created);
        let signature = key.sign(self.base(&parameters).as_bytes());
        SignatureHeaders {
            signature_input: format!("{LABEL}={parameters}"),
            signature: format!("{LABEL}=:{}:", BASE64_STANDARD.encode(signature.to_bytes())),
        }
    }

    /// Verifies the headers of a request by the public session key. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`RequestSignatureError`] for the first check that fails.
    pub fn verify(
        &self,
        headers: &SignatureHeaders,
        key: &[u8],
        now: u64,
    ) -> Result<(), RequestSignatureError> {
        let created = created(&headers.signature_input).ok_or(RequestSignatureError::Input)?;
        let parameters = self.parameters(created);
        if headers.signature_input != format!("{LABEL}={parameters}") {
            return Err(RequestSignatureError::Input);
        }
        if created.abs_diff(now) > MAX_CLOCK_DIFFERENCE {
            return Err(RequestSignatureError::Created);
        }
        let signature = headers.signature.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix("=:"));
        let signature = signature.and_then(|rest| rest.strip_suffix(':'));
        let signature = signature.and_then(|base64| BASE64_STANDARD.decode(base64).ok());
        let signature = signature.and_then(|bytes| Signature::try_from(bytes.as_slice()).ok());
        let key = VerifyingKey::try_from(key).map_err(|_| RequestSignatureError::Signature)?;
        let signature = signature.ok_or(RequestSignatureError::Signature)?;
        key.verify_strict(self.base(&parameters).as_bytes(), &signature)
            .map_err(|_| RequestSignatureError::Signature)
    }

    /// Returns the covered components with their values, in order.
    fn components(&self) -> impl Iterator<Item = (&'static str, String)> {
        let components = [
            ("@method", Some(self.method.to_owned())),
            ("@authority", Some(self.authority.to_owned())),
            ("@path", Some(self.path.to_owned())),
            ("@query", Some(format!("?{}", self.query.unwrap_or_default()))),
            ("content-type", self.content_type.map(str::to_owned)),
            ("content-digest", Some(self.content_digest.to_owned())),
            ("authorization", Some(self.authorization.to_owned())),
        ];
        components.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns the signature parameters: the names of the components, the time and the algorithm.
    fn parameters(&self, created: u64) -> String {
        let names: Vec<_> = self.components().map(|(name, _)| format!("\"{name}\"")).collect();
        format!("({});created={created};alg=\"ed25519\"", names.join(" "))
    }

    fn base(&self, parameters: &str) -> String {
        signature_base(self.components(), parameters)
    }
}

/// Returns the signature base (RFC 9421, section 2.5).
fn signature_base<N: AsRef<str>>(components: impl Iterator<Item = (N, String)>, parameters: &str) -> String {
    let mut base = String::new();
    for (name, value) in components {
        // Writing to a string does not fail.
        let _ = writeln!(base, "\"{}\": {}", name.as_ref(), value.trim());
    }
    let _ = write!(base, "\"@signature-params\": {parameters}");
    base
}

/// Returns the time in a header `Signature-Input`.
fn created(signature_input: &str) -> Option<u64> {
    let (_, rest) = signature_input.split_once(";created=")?;
    let (created, _) = rest.split_once(';')?;
    created.parse().ok()
}

/// Reason why the signature of a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestSignatureError {
    /// The header `Signature-Input` does not have the form of the profile.
    #[error("Signature-Input does not have the form of the profile")]
    Input,
    /// The time of the signature differs too much from the server's clock.
    #[error("signature was created more than {MAX_CLOCK_DIFFERENCE} s before or after the server's time")]
    Created,
    /// The signature does not fit the request.
    #[error("signature of the request is wrong")]
    Signature,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn request(digest: &str) -> SignedRequest<'_> {
        SignedRequest {
            method: "POST",
            authority: "ds.example.org",
            path: "/v1/groups/AAAA/commits",
            query: None,
            content_type: Some("application/vnd.pando"),
            content_digest: digest,
            authorization: "Bearer abc",
        }
    }

    /// RFC 9421, appendix B.2.6.
    #[test]
    fn the_signature_base_is_that_of_rfc_9421() {
        let key = BASE64_STANDARD.decode("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=").unwrap();
        let key = SigningKey::from_bytes(&key.try_into().unwrap());
        let components = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ];
        let parameters = "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");\
                          created=1618884473;keyid=\"test-key-ed25519\"";
        let base =
            signature_base(components.into_iter().map(|(name, value)| (name, value.to_owned())), parameters);
        assert_eq!(
            BASE64_STANDARD.encode(key.sign(base.as_bytes()).to_bytes()),
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
        );
    }

    /// RFC 9530, appendix B.1.
    #[test]
    fn the_content_digest_is_that_of_rfc_9530() {
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        );
    }

    #[test]
    fn the_headers_have_the_specified_form() {
        let specification = include_str!("../../../docs/protocol.md");
        let digest = content_digest(b"body");
        let headers = request(&digest).sign(&key(), NOW);
        let input = format!("Signature-Input: {}", headers.signature_input);
        assert!(specification.contains(&input.replace(&NOW.to_string(), "SECONDS")), "{input}");
    }

    #[test]
    fn a_signature_is_accepted_within_five_minutes() {
        let digest = content_digest(b"body");
        let (request, key) = (request(&digest), key());
        let headers = request.sign(&key, NOW);
        let verify = |now| request.verify(&headers, key.verifying_key().as_bytes(), now);
        for now in [NOW - MAX_CLOCK_DIFFERENCE, NOW, NOW + MAX_CLOCK_DIFFERENCE] {
            assert_eq!(verify(now), Ok(()));
        }
        for now in [0, NOW - MAX_CLOCK_DIFFERENCE - 1, NOW + MAX_CLOCK_DIFFERENCE + 1, u64::MAX] {
            assert_eq!(verify(now), Err(RequestSignatureError::Created));
        }
    }

    #[test]
    fn every_covered_part_is_covered() {
        let digest = content_digest(b"body");
        let original = request(&digest);
        let headers = original.sign(&key(), NOW);
        let other_digest = content_digest(b"other body");
        let altered = [
            SignedRequest { method: "PUT", ..original },
            SignedRequest { authority: "rogue.example", ..original },
            SignedRequest { path: "/v1/groups/AAAB/commits", ..original },
            SignedRequest { query: Some("a=b"), ..original },
            SignedRequest { content_type: Some("application/json"), ..original },
            SignedRequest { content_digest: &other_digest, ..original },
            SignedRequest { authorization: "Bearer abd", ..original },
        ];
        for altered in altered {
            let verdict = altered.verify(&headers, key().verifying_key().as_bytes(), NOW);
            assert_eq!(verdict, Err(RequestSignatureError::Signature), "{altered:?}");
        }
        // Without a content type, the list of components differs.
        let altered = SignedRequest { content_type: None, ..original };
        let verdict = altered.verify(&headers, key().verifying_key().as_bytes(), NOW);
        assert_eq!(verdict, Err(RequestSignatureError::Input));
    }

    #[test]
    fn other_forms_of_the_headers_are_refused() {
        let digest = content_digest(b"body");
        let request = request(&digest);
        let good = request.sign(&key(), NOW);
        let verify = |signature_input: String, signature: String| {
            let headers = SignatureHeaders { signature_input, signature };
            request.verify(&headers, key().verifying_key().as_bytes(), NOW)
        };
        for (from, to) in [
            ("pando=", "sig="),
            ("\"@query\" ", ""),
            (" \"authorization\"", ""),
            (";alg=\"ed25519\"", ""),
            ("ed25519", "rsa-v1_5-sha256"),
            ("created=", "created=0"),
            ("created=", "created=+"),
            ("created=1", "created=1;created=1"),
            ("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
        ] {
            let altered = good.signature_input.replacen(from, to, 1);
            assert_ne!(altered, good.signature_input, "{from}");
            assert_eq!(
                verify(altered.clone(), good.signature.clone()),
                Err(RequestSignatureError::Input),
                "{altered}"
            );
        }
        let too_late = good.signature_input.replace(&NOW.to_string(), "99999999999999999999999");
        assert_eq!(verify(too_late, good.signature.clone()), Err(RequestSignatureError::Input));
        for signature in
            ["", "pando=::", "pando=:AAAA:", &good.signature[..20], &good.signature.replace("pando", "sig")]
        {
            let verdict = verify(good.signature_input.clone(), signature.to_owned());
            assert_eq!(verdict, Err(RequestSignatureError::Signature), "{signature}");
        }
    }

    #[test]
    fn a_key_of_low_order_verifies_nothing() {
        let digest = content_digest(b"body");
        let request = request(&digest);
        let headers = request.sign(&key(), NOW);
        let mut neutral = [0; 32];
        neutral[0] = 1;
        for key in [neutral.as_slice(), &[0; 32], &[0xff; 32], b"short", b""] {
            assert_eq!(request.verify(&headers, key, NOW), Err(RequestSignatureError::Signature));
        }
    }
}
