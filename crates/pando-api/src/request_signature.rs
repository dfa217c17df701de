//! Signatures of requests (docs/protocol.md, section 6.2; RFC 9421 and RFC 9530).
//!
//! Requests have one profile of RFC 9421: fixed components in a fixed order, Ed25519, and a time.
//! A server therefore compares the header `Signature-Input` with the only possible text, instead of
//! parsing structured fields, and no component can be left out. Clients in other languages can use
//! any library of RFC 9421 that lets them choose the order of the components.
//!
//! The caller refuses a request in which one of the covered headers or of the signature's headers
//! occurs more than once. This module sees only one value of each.
//!
//! The crate `httpsig` is not used: it depends on a second implementation of Ed25519 and on a
//! generator of the operating system, and takes the time from the system.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::borrow::Cow;
use std::fmt::Write;

/// The longest difference between the time of a signature and the server's clock, in seconds.
pub const MAX_CLOCK_DIFFERENCE: u64 = 300;

/// The label of the signature in the two headers.
const LABEL: &str = "pando";

/// The parts of a request that its signature covers, without the body. Values with other characters
/// than printable ASCII are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedRequest<'a> {
    /// The method in upper case, for example `POST`.
    pub method: &'a str,
    /// The authority: the host in lower case, and the port unless it is the default port. A server
    /// passes its own authority and not the header `Host` or `:authority` of the request.
    pub authority: &'a str,
    /// The path, for example `/v1/groups`: the bytes of the request target, not decoded and not
    /// normalised.
    pub path: &'a str,
    /// The query without the question mark, if there is one: the bytes of the request target.
    pub query: Option<&'a str>,
    /// The media type, if there is a body.
    pub content_type: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: &'a str,
}

/// Returns the header `Content-Digest` of a body (RFC 9530).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(crate::Digest::of(body)))
}

/// The three headers of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// The header `Content-Digest`.
    pub content_digest: String,
    /// The header `Signature-Input`.
    pub signature_input: String,
    /// The header `Signature`.
    pub signature: String,
}

impl SignedRequest<'_> {
    /// Signs the request and its body with the session key. `created` is in seconds since 1970.
    ///
    /// # Errors
    /// [`RequestSignatureError::Character`] if a value has other characters than printable ASCII.
    pub fn sign(
        &self,
        body: &[u8],
        key: &SigningKey,
        created: u64,
    ) -> Result<SignatureHeaders, RequestSignatureError> {
        let (content_digest, parameters) = (content_digest(body), self.parameters(created));
        let signature = key.sign(self.base(&content_digest, &parameters)?.as_bytes());
        Ok(SignatureHeaders {
            content_digest,
            signature_input: format!("{LABEL}={parameters}"),
            signature: format!("{LABEL}=:{}:", BASE64_STANDARD.encode(signature.to_bytes())),
        })
    }

    /// Verifies the headers of a request by the public session key. `body` is the complete body as
    /// received; its digest is computed here. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`RequestSignatureError`] for the first check that fails.
    pub fn verify(
        &self,
        body: &[u8],
        headers: &SignatureHeaders,
        key: &[u8],
        now: u64,
    ) -> Result<(), RequestSignatureError> {
        let created = created(&headers.signature_input).ok_or(RequestSignatureError::Input)?;
        let parameters = self.parameters(created);
        if headers.signature_input != format!("{LABEL}={parameters}") {
            return Err(RequestSignatureError::Input);
        }
        let content_digest = content_digest(body);
        if headers.content_digest != content_digest {
            return Err(RequestSignatureError::Digest);
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
        let base = self.base(&content_digest, &parameters)?;
        key.verify_strict(base.as_bytes(), &signature).map_err(|_| RequestSignatureError::Signature)
    }

    /// Returns the covered components with their values, in order.
    fn components<'a>(
        &'a self,
        content_digest: &'a str,
    ) -> impl Iterator<Item = (&'static str, Cow<'a, str>)> {
        let components: [(_, Option<Cow<'a, str>>); 7] = [
            ("@method", Some(self.method.into())),
            ("@authority", Some(self.authority.into())),
            ("@path", Some(self.path.into())),
            ("@query", Some(format!("?{}", self.query.unwrap_or_default()).into())),
            ("content-type", self.content_type.map(Cow::from)),
            ("content-digest", Some(content_digest.into())),
            ("authorization", Some(self.authorization.into())),
        ];
        components.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns the signature parameters: the names of the components, the time and the algorithm.
    fn parameters(&self, created: u64) -> String {
        let names: Vec<_> = self.components("").map(|(name, _)| format!("\"{name}\"")).collect();
        format!("({});created={created};alg=\"ed25519\"", names.join(" "))
    }

    fn base(&self, content_digest: &str, parameters: &str) -> Result<String, RequestSignatureError> {
        signature_base(self.components(content_digest), parameters)
    }
}

/// Returns the signature base (RFC 9421, section 2.5). The values must be printable ASCII, so that
/// no value can contain the end of its line.
fn signature_base<N: AsRef<str>, V: AsRef<str>>(
    components: impl Iterator<Item = (N, V)>,
    parameters: &str,
) -> Result<String, RequestSignatureError> {
    let mut base = String::new();
    for (name, value) in components {
        let (name, value) = (name.as_ref(), value.as_ref());
        if !value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(RequestSignatureError::Character);
        }
        // Writing to a string does not fail.
        let _ = writeln!(base, "\"{name}\": {value}");
    }
    let _ = write!(base, "\"@signature-params\": {parameters}");
    Ok(base)
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
    /// The header `Content-Digest` is not that of the body.
    #[error("Content-Digest does not match the body")]
    Digest,
    /// A signed value has other characters than printable ASCII.
    #[error("a signed value has other characters than printable ASCII")]
    Character,
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

    fn request() -> SignedRequest<'static> {
        SignedRequest {
            method: "POST",
            authority: "ds.example.org",
            path: "/v1/groups/AAAA/commits",
            query: None,
            content_type: Some("application/vnd.pando"),
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
        let base = signature_base(components.into_iter(), parameters).unwrap();
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
        let headers = request().sign(b"body", &key(), NOW).unwrap();
        let input = format!("Signature-Input: {}", headers.signature_input);
        assert!(specification.contains(&input.replace(&NOW.to_string(), "SECONDS")), "{input}");
    }

    #[test]
    fn a_signature_is_accepted_within_five_minutes() {
        let (request, key) = (request(), key());
        let headers = request.sign(b"body", &key, NOW).unwrap();
        let verify = |now| request.verify(b"body", &headers, key.verifying_key().as_bytes(), now);
        for now in [NOW - MAX_CLOCK_DIFFERENCE, NOW, NOW + MAX_CLOCK_DIFFERENCE] {
            assert_eq!(verify(now), Ok(()));
        }
        for now in [0, NOW - MAX_CLOCK_DIFFERENCE - 1, NOW + MAX_CLOCK_DIFFERENCE + 1, u64::MAX] {
            assert_eq!(verify(now), Err(RequestSignatureError::Created));
        }
    }

    #[test]
    fn every_covered_part_is_covered() {
        let original = request();
        let headers = original.sign(b"body", &key(), NOW).unwrap();
        let altered = [
            SignedRequest { method: "PUT", ..original },
            SignedRequest { authority: "rogue.example", ..original },
            SignedRequest { path: "/v1/groups/AAAB/commits", ..original },
            SignedRequest { query: Some("a=b"), ..original },
            SignedRequest { content_type: Some("application/json"), ..original },
            SignedRequest { authorization: "Bearer abd", ..original },
        ];
        for altered in altered {
            let verdict = altered.verify(b"body", &headers, key().verifying_key().as_bytes(), NOW);
            assert_eq!(verdict, Err(RequestSignatureError::Signature), "{altered:?}");
        }
        let verdict = original.verify(b"other body", &headers, key().verifying_key().as_bytes(), NOW);
        assert_eq!(verdict, Err(RequestSignatureError::Digest));
        let other = SignatureHeaders { content_digest: content_digest(b"other body"), ..headers.clone() };
        let verdict = original.verify(b"other body", &other, key().verifying_key().as_bytes(), NOW);
        assert_eq!(verdict, Err(RequestSignatureError::Signature));
        // Without a content type, the list of components differs.
        let altered = SignedRequest { content_type: None, ..original };
        let verdict = altered.verify(b"body", &headers, key().verifying_key().as_bytes(), NOW);
        assert_eq!(verdict, Err(RequestSignatureError::Input));
    }

    #[test]
    fn other_forms_of_the_headers_are_refused() {
        let request = request();
        let good = request.sign(b"body", &key(), NOW).unwrap();
        let verify = |signature_input: String, signature: String| {
            let headers = SignatureHeaders { signature_input, signature, ..good.clone() };
            request.verify(b"body", &headers, key().verifying_key().as_bytes(), NOW)
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
        let request = request();
        let headers = request.sign(b"body", &key(), NOW).unwrap();
        let mut neutral = [0; 32];
        neutral[0] = 1;
        for key in [neutral.as_slice(), &[0; 32], &[0xff; 32], b"short", b""] {
            assert_eq!(request.verify(b"body", &headers, key, NOW), Err(RequestSignatureError::Signature));
        }
    }

    /// A value with a line feed could contain the lines of other components.
    #[test]
    fn values_are_printable_ascii() {
        let original = request();
        let headers = original.sign(b"body", &key(), NOW).unwrap();
        for text in ["POST\n", "\tPOST", "a\r", "a\0", "\u{7f}", "\u{a0}POST", "b\u{fc}cher", "\u{2028}"] {
            for altered in [
                SignedRequest { method: text, ..original },
                SignedRequest { authority: text, ..original },
                SignedRequest { path: text, ..original },
                SignedRequest { query: Some(text), ..original },
                SignedRequest { content_type: Some(text), ..original },
                SignedRequest { authorization: text, ..original },
            ] {
                let refused = Err(RequestSignatureError::Character);
                assert_eq!(altered.sign(b"body", &key(), NOW).map(drop), refused);
                let verdict = altered.verify(b"body", &headers, key().verifying_key().as_bytes(), NOW);
                assert_eq!(verdict, refused);
            }
        }
        // Spaces are characters as all others.
        let altered = SignedRequest { authorization: "Bearer abc ", ..original };
        let verdict = altered.verify(b"body", &headers, key().verifying_key().as_bytes(), NOW);
        assert_eq!(verdict, Err(RequestSignatureError::Signature));
    }
}
