//! A certification authority, devices with certificates, and sessions.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderName, Request};
use ed25519_dalek::SigningKey;
use http_body_util::Full;
use pando_api::{
    Authority, CertificateRequest, Challenge, ClientId, DeviceIdentities, Login, ProblemCode, SignedRequest,
};
use pando_delivery::Refusal;
use pando_delivery::group::Caller;
use pando_delivery::http::{Authenticator, LoginChecks, SessionClaims, TokenKey};
use pando_issuer::Validity;
use pando_mls::{CipherSuite, Credential, CryptoProvider, Opaque, RustCrypto, Signer, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// The time of the tests, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000_000;

pub(crate) const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

/// Returns the code of a refusal.
pub(crate) fn code<T>(result: Result<T, Refusal>) -> Option<ProblemCode> {
    result.err().and_then(|refusal| refusal.problem().known_code())
}

pub(crate) fn authority() -> Authority {
    "example.org:8443".parse().unwrap()
}

pub(crate) fn token_key() -> TokenKey {
    TokenKey::from_secret(&Zeroizing::new([3; 32]))
}

/// Returns the private key of the session of the tests.
pub(crate) fn session_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn session_public_key() -> Opaque {
    (&session_key().verifying_key().to_bytes()).into()
}

pub(crate) fn authenticator() -> Authenticator {
    Authenticator { authority: authority(), key: token_key() }
}

pub(crate) fn claims() -> SessionClaims {
    SessionClaims::new("alice@example.org/laptop".parse().unwrap(), 3, session_public_key(), NOW)
}

/// Returns the header `Authorization` of the session of the tests.
pub(crate) fn bearer() -> String {
    format!("Bearer {}", token_key().session(&claims()).unwrap().token.as_str())
}

/// A signed mutation, which tests alter.
pub(crate) struct Mutation {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Mutation {
    /// Signs a request of the session of the tests with a body, or without one if `body` is empty.
    pub(crate) fn new(method: &'static str, target: &str, body: &[u8]) -> Self {
        Self::of_session(method, target, body, (&bearer(), &session_key()))
    }

    /// Signs a request of a session: the header `Authorization` and the private key.
    pub(crate) fn of_session(
        method: &'static str,
        target: &str,
        body: &[u8],
        (authorization, key): (&str, &SigningKey),
    ) -> Self {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let is_blob = path.starts_with("/v1/blobs/");
        let content_type = if is_blob { "application/octet-stream" } else { "application/vnd.pando" };
        let content_type = (!body.is_empty()).then_some(content_type);
        let authority = authority().to_string();
        let request =
            SignedRequest { method, authority: &authority, path, query, content_type, authorization };
        let signature = request.sign(body, key, NOW / 1_000).unwrap();
        let mut headers = vec![
            ("content-digest", signature.content_digest),
            ("signature-input", signature.signature_input),
            ("signature", signature.signature),
        ];
        headers.extend(content_type.map(|content_type| ("content-type", content_type.to_owned())));
        headers.push(("authorization", authorization.to_owned()));
        Self { method, target: target.to_owned(), headers, body: body.to_vec() }
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn parts(&self) -> Parts {
        self.request().into_parts().0
    }

    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(self.method).uri(&self.target);
        for (name, value) in &self.headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        request.body(Full::from(self.body.clone())).unwrap()
    }

    /// Verifies the token and the signature.
    pub(crate) fn verify(&self, now: u64) -> Result<SessionClaims, Refusal> {
        let parts = self.parts();
        let session = authenticator().session(&parts.headers, now)?;
        authenticator().verify(&parts, &self.body, &session, now)?;
        Ok(session)
    }
}

/// An authority of devices.
pub(crate) struct Devices {
    rng: ChaCha20Rng,
    pub(crate) issuer: pando_issuer::Authority,
    pub(crate) identities: DeviceIdentities,
    _folder: TempDir,
}

/// A client with a certificate.
pub(crate) struct Device {
    pub(crate) suite: CipherSuite,
    pub(crate) credential: Credential,
    pub(crate) signer: Box<dyn Signer>,
}

fn suite(suite: CipherSuite) -> Suite {
    RustCrypto.suite(suite).unwrap()
}

impl Devices {
    pub(crate) fn new() -> Self {
        Self::with_seed(1)
    }

    /// Returns an authority with other keys for each seed.
    pub(crate) fn with_seed(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let folder = TempDir::new().unwrap();
        let domain = authority().domain().clone();
        let path = folder.path().join("authority");
        let issuer =
            pando_issuer::Authority::create(path, domain.clone(), NOW / 1_000 - 60, &mut rng).unwrap();
        let anchors = [(domain, issuer.anchor().to_vec())];
        let identities = DeviceIdentities::new(&RustCrypto, anchors).unwrap();
        Self { rng, issuer, identities, _folder: folder }
    }

    pub(crate) fn device(&mut self, name: &str, version: u64) -> Device {
        self.device_with(SUITE, name, version)
    }

    pub(crate) fn device_with(&mut self, cipher_suite: CipherSuite, name: &str, version: u64) -> Device {
        let suite = suite(cipher_suite);
        let signer = suite.signer(&suite.signature_generate_key(&mut self.rng).unwrap()).unwrap();
        let client: ClientId = name.parse().unwrap();
        let request = CertificateRequest::sign(cipher_suite, client, &*signer).unwrap();
        let validity = Validity::days(NOW / 1_000, 30);
        let credential = self.issuer.issue(&request, version, validity, &mut self.rng).unwrap();
        Device { suite: cipher_suite, credential, signer }
    }

    /// Checks a login at a server that has revoked all versions up to `revoked`.
    pub(crate) fn check(&self, login: &Login, revoked: u64, now: u64) -> Result<(String, u64), Refusal> {
        let (authority, key) = (authority(), token_key());
        let checks = LoginChecks {
            authority: &authority,
            key: &key,
            crypto: &RustCrypto,
            identities: &self.identities,
            is_revoked: &|caller| caller.version <= revoked,
        };
        let Caller { client, version } = checks.check(login, now)?.caller;
        Ok((client.as_str().to_owned(), version))
    }
}

impl Device {
    /// Signs a login with the session key of the tests.
    pub(crate) fn login(&self, authority: &Authority, challenge: Challenge) -> Login {
        let credential = (self.suite, self.credential.clone());
        Login::sign(authority, challenge, session_public_key(), credential, &*self.signer).unwrap()
    }
}
