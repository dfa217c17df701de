//! Nonces of logins and tokens of sessions (docs/protocol.md, section 6).
//!
//! Both are stateless: they contain what the server needs to know, and a MAC by a key that all
//! nodes of a server share. A node therefore accepts the tokens of all others, also after a
//! restart.
//!
//! # Left out on purpose
//!
//! A nonce can be used once. The partition of the client's user records that.

use crate::error::Refusal;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use pando_api::{Challenge, ClientId, MAX_TOKEN_VALIDITY, ProblemCode, Session};
use pando_wire::Opaque;
use sha2::Sha256;
use std::fmt;
use tls_codec::{DeserializeBytes, Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize};
use zeroize::Zeroizing;

/// The time for which a nonce is valid, in milliseconds.
pub const NONCE_VALIDITY: u64 = 60_000;

/// The lengths in bytes of a MAC and of the random part of a nonce.
const MAC_LEN: usize = 32;
const RANDOM_LEN: usize = 16;

/// The most bytes of the text of a token. The longest client takes far fewer.
const MAX_TOKEN_LEN: usize = 1_024;

/// The labels separate the MACs of nonces from those of tokens.
const NONCE_LABEL: &[u8] = b"Pando 1.0 Nonce\0";
const TOKEN_LABEL: &[u8] = b"Pando 1.0 Token\0";

/// The secret key of the MACs in nonces and tokens.
pub struct TokenKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// The contents of a token.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SessionClaims {
    /// The client that has logged in.
    pub client: ClientId,
    /// The version of its certificate.
    pub version: u64,
    /// The public key that verifies the requests of the session.
    pub session_key: Opaque,
    /// The time at which the token expires, in milliseconds since 1970.
    pub expires: u64,
}

impl SessionClaims {
    /// Returns the claims of a session that begins now and lasts as long as it may.
    #[must_use]
    pub const fn new(client: ClientId, version: u64, session_key: Opaque, now: u64) -> Self {
        Self { client, version, session_key, expires: now.saturating_add(MAX_TOKEN_VALIDITY) }
    }
}

impl TokenKey {
    /// Returns the key with these 32 secret bytes, which must come from a secure generator.
    #[must_use]
    pub fn from_secret(secret: &Zeroizing<[u8; 32]>) -> Self {
        Self(secret.clone())
    }

    /// Returns a nonce with 16 random bytes.
    #[must_use]
    pub fn challenge(&self, random: &[u8; RANDOM_LEN], now: u64) -> Challenge {
        let body = [random.as_slice(), &now.to_be_bytes()].concat();
        let mac = self.mac(NONCE_LABEL, &body).finalize().into_bytes();
        Challenge { nonce: [body.as_slice(), mac.as_slice()].concat().into() }
    }

    /// Verifies a nonce. Returns the time from which it is no longer valid. Until then, it must not
    /// be used again.
    ///
    /// # Errors
    /// [`ProblemCode::LoginRefused`] if the nonce is not of this server, or is not valid now.
    pub fn open_nonce(&self, nonce: &[u8], now: u64) -> Result<u64, Refusal> {
        let refused = |why: &str| Refusal::new(ProblemCode::LoginRefused, why);
        let foreign = || refused("the nonce is not of this server");
        let body = self.verified(NONCE_LABEL, nonce).ok_or_else(foreign)?;
        let (_, time) = body.split_last_chunk().ok_or_else(foreign)?;
        let time = u64::from_be_bytes(*time);
        // The clocks of two nodes may differ a little, so the time of a nonce may be in the future.
        if now.abs_diff(time) >= NONCE_VALIDITY {
            return Err(refused("the nonce has expired"));
        }
        Ok(time.saturating_add(NONCE_VALIDITY))
    }

    /// Returns a session with the token for these claims.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if the claims cannot be encoded.
    pub fn session(&self, claims: &SessionClaims) -> Result<Session, Refusal> {
        let body = claims.tls_serialize_detached().map_err(|error| Refusal::internal(&error))?;
        let mac = self.mac(TOKEN_LABEL, &body).finalize().into_bytes();
        let text = BASE64_URL_SAFE_NO_PAD.encode([body.as_slice(), mac.as_slice()].concat());
        let token = text.parse().map_err(|error| Refusal::internal(&error))?;
        Ok(Session { token, expires: claims.expires })
    }

    /// Verifies the text of a token and returns its contents.
    ///
    /// # Errors
    /// - [`ProblemCode::Unauthenticated`] if the token is not of this server.
    /// - [`ProblemCode::TokenExpired`] if it has expired.
    pub fn open_token(&self, text: &str, now: u64) -> Result<SessionClaims, Refusal> {
        let foreign = || Refusal::new(ProblemCode::Unauthenticated, "the token is not of this server");
        if text.len() > MAX_TOKEN_LEN {
            return Err(foreign());
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign())?;
        let body = self.verified(TOKEN_LABEL, &bytes).ok_or_else(foreign)?;
        let claims = SessionClaims::tls_deserialize_exact_bytes(body).map_err(|_| foreign())?;
        if claims.expires <= now {
            return Err(Refusal::new(ProblemCode::TokenExpired, ""));
        }
        Ok(claims)
    }

    /// Returns the bytes before a MAC if the MAC is right. The comparison takes the same time for
    /// all wrong MACs.
    fn verified<'a>(&self, label: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (body, mac) = bytes.split_last_chunk::<MAC_LEN>()?;
        self.mac(label, body).verify_slice(mac).ok()?;
        Some(body)
    }

    fn mac(&self, label: &[u8], body: &[u8]) -> Hmac<Sha256> {
        let key: &[u8; 32] = &self.0;
        // A block of HMAC-SHA256 has 64 bytes. A shorter key is padded with zeros.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(key).for_each(|(padded, byte)| *padded = *byte);
        Hmac::new((&*block).into()).chain_update(label).chain_update(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn key(seed: u8) -> TokenKey {
        TokenKey::from_secret(&Zeroizing::new([seed; 32]))
    }

    fn claims() -> SessionClaims {
        SessionClaims::new("alice@example.org/laptop".parse().unwrap(), 3, (&[7; 32]).into(), NOW)
    }

    fn code(refusal: &Refusal) -> ProblemCode {
        refusal.problem().known_code().unwrap()
    }

    #[test]
    fn a_token_returns_its_claims_until_it_expires() {
        let session = key(1).session(&claims()).unwrap();
        assert_eq!(session.expires, NOW + MAX_TOKEN_VALIDITY);
        let open = |now| key(1).open_token(session.token.as_str(), now);
        assert_eq!(open(NOW), Ok(claims()));
        assert_eq!(open(session.expires - 1), Ok(claims()));
        for now in [session.expires, session.expires + 1, u64::MAX] {
            assert_eq!(open(now).map_err(|refusal| code(&refusal)), Err(ProblemCode::TokenExpired));
        }
    }

    #[test]
    fn a_token_that_was_changed_is_refused() {
        let session = key(1).session(&claims()).unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(session.token.as_str()).unwrap();
        let open = |bytes: &[u8]| key(1).open_token(&BASE64_URL_SAFE_NO_PAD.encode(bytes), NOW);
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert_eq!(
                open(&altered).map_err(|refusal| code(&refusal)),
                Err(ProblemCode::Unauthenticated),
                "{at}"
            );
            assert_eq!(
                open(&bytes[..at]).map_err(|refusal| code(&refusal)),
                Err(ProblemCode::Unauthenticated),
                "{at}"
            );
        }
        assert!(open(&[bytes.as_slice(), &[0]].concat()).is_err());
        let padded = format!("{}=", session.token.as_str());
        for text in ["", "!", &padded, &"A".repeat(100_000)] {
            assert_eq!(
                key(1).open_token(text, NOW).map_err(|refusal| code(&refusal)),
                Err(ProblemCode::Unauthenticated)
            );
        }
        let foreign = key(2).open_token(session.token.as_str(), NOW);
        assert_eq!(foreign.map_err(|refusal| code(&refusal)), Err(ProblemCode::Unauthenticated));
    }

    #[test]
    fn a_nonce_is_valid_for_a_minute() {
        let Challenge { nonce } = key(1).challenge(&[9; 16], NOW);
        for now in [NOW, NOW + NONCE_VALIDITY - 1, NOW - NONCE_VALIDITY + 1] {
            assert_eq!(key(1).open_nonce(&nonce, now), Ok(NOW + NONCE_VALIDITY));
        }
        for now in [0, NOW + NONCE_VALIDITY, NOW - NONCE_VALIDITY, u64::MAX] {
            assert_eq!(
                key(1).open_nonce(&nonce, now).map_err(|refusal| code(&refusal)),
                Err(ProblemCode::LoginRefused)
            );
        }
    }

    #[test]
    fn a_nonce_that_was_changed_is_refused() {
        let Challenge { nonce } = key(1).challenge(&[9; 16], NOW);
        for at in 0..nonce.len() {
            let mut altered = nonce.to_vec();
            altered[at] ^= 1;
            assert_eq!(
                key(1).open_nonce(&altered, NOW).map_err(|refusal| code(&refusal)),
                Err(ProblemCode::LoginRefused)
            );
            assert_eq!(
                key(1).open_nonce(&nonce[..at], NOW).map_err(|refusal| code(&refusal)),
                Err(ProblemCode::LoginRefused)
            );
        }
        assert_eq!(
            key(2).open_nonce(&nonce, NOW).map_err(|refusal| code(&refusal)),
            Err(ProblemCode::LoginRefused)
        );
    }

    /// A client can choose neither a nonce that is a token nor the reverse.
    #[test]
    fn a_nonce_is_no_token() {
        let Challenge { nonce } = key(1).challenge(&[9; 16], NOW);
        let text = BASE64_URL_SAFE_NO_PAD.encode(&nonce);
        assert_eq!(
            key(1).open_token(&text, NOW).map_err(|refusal| code(&refusal)),
            Err(ProblemCode::Unauthenticated)
        );
        let token = key(1).session(&claims()).unwrap().token;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.as_str()).unwrap();
        assert_eq!(
            key(1).open_nonce(&bytes, NOW).map_err(|refusal| code(&refusal)),
            Err(ProblemCode::LoginRefused)
        );
    }

    #[test]
    fn the_key_is_that_of_hmac_sha256() {
        // RFC 4231, test case 2, has the key "Jefe". A key that is padded with zeros is the same.
        let mut secret = Zeroizing::new([0; 32]);
        secret[..4].copy_from_slice(b"Jefe");
        let mac = TokenKey::from_secret(&secret).mac(b"what do ya want ", b"for nothing?");
        let expected: [u8; 4] = [0x5b, 0xdc, 0xc1, 0x46];
        assert_eq!(mac.finalize().into_bytes()[..4], expected);
    }
}
