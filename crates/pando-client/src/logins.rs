//! The login of a device (docs/protocol.md, section 6.1), without input or output.
//!
//! [`Logins`] says which request comes next, and receives the answer. A login consists of three
//! requests: for the description of the server, for a challenge, and for the session. The
//! description is fetched each time, so that the client learns about new keys of the server.

use crate::answer::{MEDIA_TYPE, NoAnswer, encoded};
use crate::description::Description;
use crate::draft::Draft;
use crate::error::LoginFailure;
use crate::session::Session;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use http::{Method, Response};
use pando_api::{Authority, Challenge, Envelope, Login};
use pando_mls::{CipherSuite, Credential, Signer};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The secret of a session key.
pub(crate) type Seed = Zeroizing<[u8; 32]>;

/// The identity of a client: its certificate and its signature key.
#[derive(Clone)]
pub struct Device {
    /// A cipher suite with the signature scheme of the key.
    pub cipher_suite: CipherSuite,
    /// The credential with the certificate.
    pub credential: Credential,
    /// The signature key.
    pub signer: Arc<dyn Signer>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("cipher_suite", &self.cipher_suite).finish_non_exhaustive()
    }
}

/// The next step of a login.
#[derive(Debug)]
pub(crate) enum Step {
    /// The client sends this request, without a token.
    Send(Draft),
    /// The login is done.
    Done(Session),
}

/// The state of a login.
enum State {
    Idle,
    Describing(Seed),
    Challenging(Seed, Description),
    LoggingIn(SigningKey, Description),
}

/// The logins of a device at a server.
pub(crate) struct Logins {
    server: Authority,
    device: Device,
    state: State,
    /// The reason why no further login can succeed.
    ended: Option<LoginFailure>,
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, device, ended, .. } = self;
        let mut fields = f.debug_struct("Logins");
        fields.field("server", server).field("device", device).field("ended", ended).finish_non_exhaustive()
    }
}

impl Logins {
    /// Returns the logins at a server: the host and the port of the URL that the client dials.
    pub(crate) const fn new(server: Authority, device: Device) -> Self {
        Self { server, device, state: State::Idle, ended: None }
    }

    /// Begins a login with a fresh session key. A login that was begun before is abandoned.
    /// `secret` is the secret of the key and comes from a secure generator.
    ///
    /// # Errors
    /// The failure of an earlier login, if no further login can succeed.
    pub(crate) fn begin(&mut self, secret: Seed) -> Result<Draft, LoginFailure> {
        self.state = State::Idle;
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        self.state = State::Describing(secret);
        Ok(Draft::new(Method::GET, "/.well-known/pando".to_owned()))
    }

    /// Receives the answer to the last request of the login, at the time `now`. After an error, the
    /// login begins again.
    ///
    /// # Errors
    /// [`LoginFailure`] if the server refuses the login, is not the one that the client dials, or
    /// violates the protocol.
    pub(crate) fn receive(&mut self, response: &Response<Bytes>, now: u64) -> Result<Step, LoginFailure> {
        let next = self.step(response, now);
        if let Err(failure) = &next
            && failure.is_final()
        {
            self.ended = Some(failure.clone());
        }
        next
    }

    fn step(&mut self, response: &Response<Bytes>, now: u64) -> Result<Step, LoginFailure> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => Err(LoginFailure::Signature("no login has begun".to_owned())),
            State::Describing(secret) => {
                let description = Description::of(response).map_err(failure)?;
                let dialled = self.server.domain();
                if description.domain != *dialled {
                    let (dialled, claimed) = (dialled.to_string(), description.domain.to_string());
                    return Err(LoginFailure::OtherDomain { dialled, claimed });
                }
                self.state = State::Challenging(secret, description);
                Ok(Step::Send(Draft::new(Method::POST, "/v1/sessions/challenges".to_owned())))
            }
            State::Challenging(secret, description) => {
                let challenge = encoded(response, 200).map_err(failure)?;
                let key = SigningKey::from_bytes(&secret);
                let login = self.login(challenge, &key)?;
                self.state = State::LoggingIn(key, description);
                let post = Draft::new(Method::POST, "/v1/sessions".to_owned());
                Ok(Step::Send(post.with_body(MEDIA_TYPE, login.into())))
            }
            State::LoggingIn(key, description) => {
                let session = encoded(response, 200).map_err(failure)?;
                Ok(Step::Done(Session::begin(description, &session, key, now)))
            }
        }
    }

    /// Signs a login for the server that the client dials.
    fn login(&self, challenge: Challenge, key: &SigningKey) -> Result<Vec<u8>, LoginFailure> {
        let Device { cipher_suite, credential, signer } = &self.device;
        let session_key = (&key.verifying_key().to_bytes()).into();
        let credential = (*cipher_suite, credential.clone());
        let login = Login::sign(&self.server, challenge, session_key, credential, &**signer);
        let login = login.map_err(|error| LoginFailure::Signature(error.to_string()))?;
        Envelope::encode_body(login).map_err(|error| LoginFailure::Signature(error.to_string()))
    }
}

fn failure(error: NoAnswer) -> LoginFailure {
    match error {
        NoAnswer::Refused(refusal) => refusal.into(),
        NoAnswer::Bad(bad) => bad.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::JSON_MEDIA_TYPE;
    use crate::error::BadAnswer;
    use pando_api::{PROBLEM_MEDIA_TYPE, Problem, ProblemCode};
    use pando_mls::{CryptoProvider, RustCrypto, Suite};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;
    use std::fmt::Debug;
    use tls_codec::{DeserializeBytes, Serialize};

    const NOW: u64 = 1_800_000_000_000;
    const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

    fn suite() -> Suite {
        RustCrypto.suite(SUITE).unwrap()
    }

    fn logins() -> Logins {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let signer = suite().signer(&suite().signature_generate_key(&mut rng).unwrap()).unwrap();
        let device =
            Device { cipher_suite: SUITE, credential: Credential::basic("alice"), signer: signer.into() };
        Logins::new("example.org:8443".parse().unwrap(), device)
    }

    fn secret() -> Seed {
        Zeroizing::new([7; 32])
    }

    fn response(status: u16, media_type: &str, body: Vec<u8>) -> Response<Bytes> {
        Response::builder().status(status).header("content-type", media_type).body(body.into()).unwrap()
    }

    fn description(domain: &str) -> Response<Bytes> {
        response(200, JSON_MEDIA_TYPE, Description::json_for_tests(domain).into_bytes())
    }

    fn encoded<T: Debug + Serialize + DeserializeBytes>(body: T) -> Response<Bytes> {
        response(200, MEDIA_TYPE, Envelope::encode_body(body).unwrap())
    }

    fn challenge() -> Response<Bytes> {
        encoded(Challenge { nonce: b"nonce".into() })
    }

    fn session() -> Response<Bytes> {
        encoded(pando_api::Session { token: "token".parse().unwrap(), expires: NOW + 60_000 })
    }

    fn problem(code: ProblemCode) -> Response<Bytes> {
        response(code.status(), PROBLEM_MEDIA_TYPE, Problem::new(code, "").to_json())
    }

    /// Returns the next request.
    fn next(logins: &mut Logins, answer: &Response<Bytes>) -> Draft {
        match logins.receive(answer, NOW).unwrap() {
            Step::Send(draft) => draft,
            Step::Done(session) => panic!("{session:?}"),
        }
    }

    #[test]
    fn a_login_has_three_requests() {
        let mut logins = logins();
        let draft = logins.begin(secret()).unwrap();
        assert_eq!((draft.method.as_str(), &*draft.path), ("GET", "/.well-known/pando"));
        let draft = next(&mut logins, &description("example.org"));
        assert_eq!((draft.method.as_str(), &*draft.path), ("POST", "/v1/sessions/challenges"));
        assert_eq!((draft.body.len(), draft.media_type), (0, None));
        let draft = next(&mut logins, &challenge());
        assert_eq!((draft.method.as_str(), &*draft.path), ("POST", "/v1/sessions"));
        let login: Login = Envelope::decode_body(&draft.body).unwrap();
        let key = SigningKey::from_bytes(&secret()).verifying_key();
        assert_eq!((&*login.nonce, &*login.session_key), (&b"nonce"[..], &key.as_bytes()[..]));
        let device = logins.device.clone();
        assert_eq!(login.verify(&logins.server, device.signer.public_key(), suite()), Ok(()));
        let Step::Done(session) = logins.receive(&session(), NOW).unwrap() else { panic!() };
        assert!(session.is_fresh(NOW));
        // The login is over.
        assert!(logins.receive(&challenge(), NOW).is_err());
    }

    /// A server of another domain may relay the challenge of a server.
    #[test]
    fn nothing_is_signed_for_another_domain() {
        for domain in ["rogue.example", "example.org.rogue.example", "org"] {
            let mut logins = logins();
            logins.begin(secret()).unwrap();
            let failure = logins.receive(&description(domain), NOW).unwrap_err();
            assert!(matches!(failure, LoginFailure::OtherDomain { .. }), "{failure}");
            assert!(!failure.is_final());
            assert!(logins.receive(&challenge(), NOW).is_err(), "no login is signed after that");
        }
    }

    #[test]
    fn some_refusals_are_final() {
        for (code, expected) in [
            (ProblemCode::CertificateRevoked, Some(LoginFailure::Revoked)),
            (ProblemCode::CertificateSuperseded, Some(LoginFailure::Superseded)),
            (ProblemCode::CertificateInvalid, None),
            (ProblemCode::LoginRefused, None),
            (ProblemCode::Overloaded, None),
        ] {
            let mut logins = logins();
            logins.begin(secret()).unwrap();
            next(&mut logins, &description("example.org"));
            next(&mut logins, &challenge());
            let failure = logins.receive(&problem(code), NOW).unwrap_err();
            match expected {
                Some(expected) => {
                    assert_eq!(failure, expected);
                    assert_eq!(logins.begin(secret()).unwrap_err(), expected, "nothing is sent again");
                }
                None => {
                    assert!(matches!(failure, LoginFailure::Refused(_)), "{failure}");
                    assert!(logins.begin(secret()).is_ok());
                }
            }
        }
    }

    #[test]
    fn a_login_begins_again_after_each_failure() {
        let broken = response(200, MEDIA_TYPE, b"broken".to_vec());
        let mut logins = logins();
        for answers in
            [vec![], vec![description("example.org")], vec![description("example.org"), challenge()]]
        {
            logins.begin(secret()).unwrap();
            for answer in &answers {
                next(&mut logins, answer);
            }
            let failure = logins.receive(&broken, NOW).unwrap_err();
            assert!(matches!(failure, LoginFailure::BadAnswer(_)), "{failure}");
            // An answer that comes too late is not taken for that of the next login.
            assert!(logins.receive(&session(), NOW).is_err());
            let draft = logins.begin(secret()).unwrap();
            assert_eq!(draft.path, "/.well-known/pando");
            let failure = logins.receive(&session(), NOW).unwrap_err();
            assert_eq!(failure, BadAnswer::MediaType(JSON_MEDIA_TYPE).into());
        }
    }

    #[test]
    fn debugging_shows_no_secrets() {
        let mut logins = logins();
        logins.begin(secret()).unwrap();
        let text = format!("{logins:?}");
        assert!(text.starts_with("Logins { server: ") && !text.contains("7, 7"), "{text}");
    }
}
