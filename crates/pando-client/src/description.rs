//! The description of a server (docs/protocol.md, section 5).

use crate::answer::{JSON_MEDIA_TYPE, NoAnswer, check_media_type, check_status};
use crate::error::BadAnswer;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Response;
use pando_api::{Domain, ServerKeys, ServerPublicKey};
use pando_mls::SignaturePublicKey;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;

/// The version of the protocol, which is the first segment of its paths.
const VERSION: &str = "v1";

/// The description of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The domain of the server.
    pub domain: Domain,
    /// The public keys by which the server signs heads.
    pub keys: ServerKeys,
    /// The public keys by which the server proposes removals, by the names of their signature
    /// schemes.
    pub removers: BTreeMap<String, SignaturePublicKey>,
    /// The limits in bytes and counts, by their names.
    pub limits: BTreeMap<String, u64>,
    /// The modes of groups.
    pub modes: Vec<String>,
}

/// The members of the JSON text. Unknown members are ignored.
#[derive(Deserialize)]
struct Members {
    versions: Vec<String>,
    domain: Domain,
    keys: Vec<String>,
    removers: BTreeMap<String, String>,
    limits: BTreeMap<String, serde_json::Value>,
    modes: Vec<String>,
}

impl Description {
    /// Decodes the answer to `GET /.well-known/pando`.
    pub(crate) fn of(response: &Response<Bytes>) -> Result<Self, NoAnswer> {
        check_status(response, 200)?;
        check_media_type(response, JSON_MEDIA_TYPE)?;
        Ok(Self::from_json(response.body())?)
    }

    /// Decodes a description. A limit that is not an integer is ignored.
    fn from_json(json: &[u8]) -> Result<Self, BadAnswer> {
        let members: Members = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
        if !members.versions.iter().any(|version| version == VERSION) {
            return Err(malformed(&"the server does not support the version v1 of the protocol"));
        }
        if members.keys.is_empty() {
            return Err(malformed(&"the server has no key for heads"));
        }
        let key =
            |text: &String| ServerPublicKey::from_bytes(&base64url(text)?).map_err(|error| malformed(&error));
        let remover =
            |(scheme, text): (String, String)| Ok((scheme, SignaturePublicKey::from(base64url(&text)?)));
        let limits = members.limits.into_iter();
        Ok(Self {
            domain: members.domain,
            keys: members.keys.iter().map(key).collect::<Result<_, BadAnswer>>()?,
            removers: members.removers.into_iter().map(remover).collect::<Result<_, BadAnswer>>()?,
            limits: limits.filter_map(|(name, limit)| Some((name, limit.as_u64()?))).collect(),
            modes: members.modes,
        })
    }
}

#[cfg(test)]
impl Description {
    /// Returns the description of a server in tests.
    pub(crate) fn for_tests(domain: &str, key: ServerPublicKey) -> Self {
        Self {
            domain: domain.parse().unwrap(),
            keys: [key].into_iter().collect(),
            removers: BTreeMap::new(),
            limits: BTreeMap::new(),
            modes: Vec::new(),
        }
    }

    /// Returns the JSON text of the description of a server in tests.
    pub(crate) fn json_for_tests(domain: &str) -> String {
        let key = pando_api::ServerKey::from_secret(&zeroize::Zeroizing::new([9; 32])).public();
        let keys = [BASE64_URL_SAFE_NO_PAD.encode(key.as_bytes())];
        let members = serde_json::json!({
            "versions": ["v1"], "domain": domain, "keys": keys, "removers": {}, "limits": {}, "modes": [],
        });
        members.to_string()
    }
}

fn base64url(text: &str) -> Result<Vec<u8>, BadAnswer> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|error| malformed(&error))
}

fn malformed(why: &dyn Display) -> BadAnswer {
    BadAnswer::Description(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_api::ServerKey;
    use serde_json::{Value, json};
    use zeroize::Zeroizing;

    fn description() -> Value {
        let key = |seed| ServerKey::from_secret(&Zeroizing::new([seed; 32])).public();
        let text = |seed| BASE64_URL_SAFE_NO_PAD.encode(key(seed).as_bytes());
        json!({
            "versions": ["v1", "v2"], "domain": "example.org", "keys": [text(1), text(2)],
            "removers": {"ed25519": "AAEC"}, "limits": {"commit_bytes": 7, "ratio": 0.5},
            "modes": ["assisted"], "moon": {"phase": 1},
        })
    }

    fn decode(json: &Value) -> Result<Description, BadAnswer> {
        Description::from_json(json.to_string().as_bytes())
    }

    #[test]
    fn a_description_has_keys_and_limits() {
        let decoded = decode(&description()).unwrap();
        assert_eq!(decoded.domain.as_str(), "example.org");
        let key = |seed| ServerKey::from_secret(&Zeroizing::new([seed; 32])).public();
        assert_eq!(decoded.keys, [key(1), key(2)].into_iter().collect());
        assert_eq!(decoded.removers["ed25519"], SignaturePublicKey::from(vec![0, 1, 2]));
        assert_eq!(decoded.limits, BTreeMap::from([("commit_bytes".to_owned(), 7)]));
    }

    #[test]
    fn a_malformed_description_is_refused() {
        for (member, value) in [
            ("versions", json!(["v2"])),
            ("versions", json!("v1")),
            ("domain", json!("Example.org")),
            ("domain", json!(null)),
            ("keys", json!([])),
            ("keys", json!(["AAEC"])),
            ("keys", json!(["="])),
            ("removers", json!({"ed25519": "!"})),
            ("removers", json!([])),
            ("limits", json!(7)),
        ] {
            let mut altered = description();
            altered[member] = value;
            assert!(matches!(decode(&altered), Err(BadAnswer::Description(_))), "{altered}");
            altered.as_object_mut().unwrap().remove(member);
            assert!(decode(&altered).is_err(), "{member}");
        }
        assert!(Description::from_json(b"").is_err());
    }
}
