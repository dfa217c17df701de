//! Faults of tokens and signatures (docs/protocol.md, section 6.2).

use crate::clients::NOW;
use crate::recorder::operation;
use crate::requests::{Draft, Session, Wire};
use crate::server::{Server, TOKEN_SEED, authority, token_key};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use pando_api::{MAX_TOKEN_VALIDITY, ProblemCode};
use pando_delivery::http::SessionClaims;
use std::sync::Arc;

/// Sends a request with all faults of its token and of its signature. Returns their number.
pub(crate) async fn send_all(server: &Server, draft: &Draft, other: Option<&Arc<Session>>) -> u64 {
    let Some(session) = draft.session.clone() else { return 0 };
    let mut sent = Faults { server, draft, wire: draft.sign(), session, count: 0 };
    sent.tokens().await;
    if !draft.is_read() {
        sent.headers().await;
        sent.covered(other.unwrap()).await;
        sent.components().await;
        sent.times().await;
    }
    sent.count
}

struct Faults<'a> {
    server: &'a Server,
    draft: &'a Draft,
    wire: Wire,
    session: Arc<Session>,
    count: u64,
}

/// Returns a token of the session's client, made with a key of a server at a time.
fn token(session: &Session, seed: u8, time: u64) -> String {
    let key = (&session.key.verifying_key().to_bytes()).into();
    let claims = SessionClaims::new(session.caller.client.clone(), session.caller.version, key, time);
    format!("Bearer {}", token_key(seed).session(&claims).unwrap().token.as_str())
}

impl Faults<'_> {
    async fn refused(&mut self, wire: &Wire, expected: ProblemCode, why: &str) {
        self.count += 1;
        let code = self.server.refused(wire, why).await;
        assert_eq!(code, expected, "{why}: {}", operation(self.draft));
    }

    async fn bad(&mut self, wire: &Wire, why: &str) {
        self.refused(wire, ProblemCode::BadRequestSignature, why).await;
    }

    /// Sends other tokens. Each request is signed with its token by the key of the session.
    async fn tokens(&mut self) {
        let good = self.session.authorization.clone();
        let text = good.strip_prefix("Bearer ").unwrap();
        let first = if text.starts_with('A') { "B" } else { "A" };
        let flipped = format!("Bearer {first}{}", &text[1..]);
        let challenge = token_key(TOKEN_SEED).challenge(&[1; 16], NOW).nonce;
        let nonce = crate::world::base64url(&challenge);
        let unauthenticated = ProblemCode::Unauthenticated;
        let expired = token(&self.session, TOKEN_SEED, NOW - MAX_TOKEN_VALIDITY);
        for (authorization, expected, why) in [
            (String::new(), unauthenticated, "an empty header"),
            ("Bearer".to_owned(), unauthenticated, "no token"),
            ("Bearer ".to_owned(), unauthenticated, "an empty token"),
            ("Bearer garbage".to_owned(), unauthenticated, "no token of any server"),
            (format!("Bearer {}", "A".repeat(2_000)), unauthenticated, "a long token"),
            (good.replace("Bearer", "bearer"), unauthenticated, "another spelling"),
            (good.replace("Bearer", "Basic"), unauthenticated, "another scheme"),
            (good.replace(' ', "  "), unauthenticated, "two spaces"),
            (good[..good.len() - 1].to_owned(), unauthenticated, "a truncated token"),
            (good[..good.len() / 2].to_owned(), unauthenticated, "half a token"),
            (format!("{good}A"), unauthenticated, "a longer token"),
            (format!("{good}="), unauthenticated, "padding"),
            (flipped, unauthenticated, "a flipped bit"),
            (format!("Bearer {nonce}"), unauthenticated, "a nonce"),
            (token(&self.session, 4, NOW), unauthenticated, "a token of another server"),
            (expired, ProblemCode::TokenExpired, "an expired token"),
        ] {
            let session =
                Session { caller: self.session.caller.clone(), authorization, key: self.session.key.clone() };
            let altered = Draft { session: Some(Arc::new(session)), ..self.draft.clone() };
            self.refused(&altered.sign(), expected, why).await;
        }
        let wire = self.wire.clone();
        self.refused(&wire.without("authorization"), unauthenticated, "no header").await;
        self.refused(&wire.and("authorization", &good), ProblemCode::Malformed, "two tokens").await;
    }

    /// Sends other headers of the signature, or none.
    async fn headers(&mut self) {
        let wire = self.wire.clone();
        for name in ["content-digest", "signature-input", "signature"] {
            let good = wire.header(name).to_owned();
            self.bad(&wire.without(name), name).await;
            self.refused(&wire.and(name, &good), ProblemCode::Malformed, "a header twice").await;
            for garbage in ["", "garbage", "pando", "pando=", "pando=::", "sha-256=::", "pando=:!:"] {
                self.bad(&wire.replace(name, garbage), garbage).await;
            }
            let truncated = &good[..good.len() - 1];
            for altered in [truncated, &format!("{good} "), &format!(" {good}"), &format!("{good}, {good}")] {
                self.bad(&wire.replace(name, altered), altered).await;
            }
        }
        let signature = wire.header("signature").to_owned();
        self.bad(&wire.replace("signature", &signature.replace("pando=", "other=")), "another label").await;
        let input = wire.header("signature-input").to_owned();
        for (from, to) in [
            ("pando=", "other="),
            ("ed25519", "ed448"),
            (";alg=\"ed25519\"", ""),
            ("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
            ("\"@path\"", "\"@target-uri\""),
            ("\"@method\"", "\"@method\" \"@method\""),
            (";created=", ";created=0"),
            (";created=", ";created=+"),
            (";created=", ";nonce=\"1\";created="),
            (";created=", ";expires="),
        ] {
            let altered = input.replacen(from, to, 1);
            assert_ne!(altered, input);
            self.bad(&wire.replace("signature-input", &altered), &altered).await;
        }
        let digest = wire.header("content-digest").to_owned();
        let other = pando_api::content_digest(b"another body");
        for altered in [&other, &digest.replace("sha-256", "sha-512"), &format!("{digest};a=1")] {
            self.bad(&wire.replace("content-digest", altered), altered).await;
        }
    }

    /// Sends signatures that cover another request, or are by another key.
    async fn covered(&mut self, other: &Arc<Session>) {
        let draft = self.draft;
        let path = draft.path().to_owned();
        let query = draft.query().unwrap_or_default();
        for (covered, why) in [
            (Draft { method: "PATCH".to_owned(), ..draft.clone() }, "another method"),
            (Draft { target: format!("/v1/other?{query}"), ..draft.clone() }, "another path"),
            (Draft { target: format!("{path}?a={query}"), ..draft.clone() }, "another query"),
            (Draft { body: b"another body".to_vec(), ..draft.clone() }, "another body"),
            (Draft { content_type: Some("text/plain".to_owned()), ..draft.clone() }, "another media type"),
        ] {
            self.bad(&draft.sign_as(&covered), why).await;
        }
        // The digest in the header is that of the body, and the signed one is another.
        let another = draft.sign_as(&Draft { body: b"another body".to_vec(), ..draft.clone() });
        let digest = self.wire.header("content-digest").to_owned();
        self.bad(&another.replace("content-digest", &digest), "another digest").await;

        let with = |authorization: &str, key: &SigningKey| {
            let caller = self.session.caller.clone();
            let session = Session { caller, authorization: authorization.to_owned(), key: key.clone() };
            Draft { session: Some(Arc::new(session)), ..draft.clone() }
        };
        let (own, key) = (&self.session.authorization, &self.session.key);
        let other_key = with(own, &SigningKey::from_bytes(&[99; 32])).sign();
        // The token of another session of the same client, or of another client.
        let other_session =
            with(&token(&self.session_with_key(&SigningKey::from_bytes(&[98; 32])), TOKEN_SEED, NOW), key);
        let other_client = with(&other.authorization, key);
        let (session_token, client_token) = (other_session.sign(), other_client.sign());
        let swapped = self.wire.replace("authorization", &other.authorization);
        let resigned = draft.sign_as(&with(&other.authorization, key));
        self.bad(&other_key, "another key").await;
        self.bad(&session_token, "the token of another session").await;
        self.bad(&client_token, "the token of another client").await;
        self.bad(&swapped, "a token that the signature does not cover").await;
        self.bad(&resigned, "a signature for another token").await;
    }

    fn session_with_key(&self, key: &SigningKey) -> Session {
        let Session { caller, authorization, .. } = &*self.session;
        Session { caller: caller.clone(), authorization: authorization.clone(), key: key.clone() }
    }

    /// Sends correct signatures that leave a component out, or are for another authority.
    async fn components(&mut self) {
        let names = self.components_of(&authority().to_string());
        let mut wrong: Vec<_> = (0..names.len()).map(|left_out| without(&names, left_out)).collect();
        for other in ["example.org", "example.org:443", "EXAMPLE.ORG:8443", "rogue.example:8443", ""] {
            wrong.push(self.components_of(other));
        }
        let mut reordered = names.clone();
        reordered.reverse();
        wrong.push(reordered);
        wrong.push([names.clone(), vec![("date".to_owned(), "today".to_owned())]].concat());
        wrong.push([names.clone(), vec![names[0].clone()]].concat());
        wrong.push(Vec::new());
        for components in wrong {
            let wire = self.signed(&components);
            self.bad(&wire, &format!("{components:?}")).await;
        }
        // The same construction with all components is the signature of the protocol.
        assert_eq!(self.signed(&names).header("signature"), self.wire.header("signature"));
    }

    /// Returns the covered components of the request with their values, for an authority.
    fn components_of(&self, authority: &str) -> Vec<(String, String)> {
        let draft = self.draft;
        let mut components = vec![
            ("@method", draft.method.clone()),
            ("@authority", authority.to_owned()),
            ("@path", draft.path().to_owned()),
            ("@query", format!("?{}", draft.query().unwrap_or_default())),
        ];
        components.extend(draft.content_type.clone().map(|value| ("content-type", value)));
        components.push(("content-digest", self.wire.header("content-digest").to_owned()));
        components.push(("authorization", self.session.authorization.clone()));
        components.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns the request with a signature of these components (RFC 9421, section 2.5).
    fn signed(&self, components: &[(String, String)]) -> Wire {
        let names: Vec<_> = components.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let created = self.draft.created;
        let parameters = format!("({});created={created};alg=\"ed25519\"", names.join(" "));
        let lines: String = components.iter().map(|(name, value)| format!("\"{name}\": {value}\n")).collect();
        let base = format!("{lines}\"@signature-params\": {parameters}");
        let signature = BASE64_STANDARD.encode(self.session.key.sign(base.as_bytes()).to_bytes());
        let wire = self.wire.replace("signature-input", &format!("pando={parameters}"));
        wire.replace("signature", &format!("pando=:{signature}:"))
    }

    /// Sends signatures of more than five minutes before or after the server's time.
    async fn times(&mut self) {
        let now = NOW / 1_000;
        for created in [0, now - 301, now + 301, u64::MAX] {
            let altered = Draft { created, ..self.draft.clone() };
            self.bad(&altered.sign(), "another time").await;
        }
    }
}

fn without(components: &[(String, String)], left_out: usize) -> Vec<(String, String)> {
    let kept = components.iter().enumerate().filter(|(at, _)| *at != left_out);
    kept.map(|(_, component)| component.clone()).collect()
}
