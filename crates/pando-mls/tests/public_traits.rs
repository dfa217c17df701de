//! Shows that an application can implement each public trait with `use pando_mls::*` alone.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use pando_mls::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A type that implements all traits that an application can implement.
struct Own {
    signer: Box<dyn Signer>,
    rows: Rows,
    psks: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl CryptoProvider for Own {
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite> {
        RustCrypto.suite(cipher_suite)
    }
}

impl Signer for Own {
    fn public_key(&self) -> &SignaturePublicKey {
        self.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        self.signer.sign(message)
    }
}

impl IdentityPolicy for Own {
    fn validate(
        &self,
        credential: &Credential,
        _: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), IdentityError> {
        match credential {
            Credential::Basic { identity } if !identity.is_empty() => Ok(()),
            other => Err(IdentityError(format!("no name in {other}"))),
        }
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        credential.encode().ok()
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

impl GroupRules for Own {
    fn admit(&self, _: StateView<'_>, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        match (sender, proposal) {
            (Sender::Member(_), Proposal::Add(_) | Proposal::Remove(_)) => Ok(()),
            _ => Err(RuleError::refused("members add and remove")),
        }
    }

    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        match commit.committer() {
            Sender::Member(_) => Ok(()),
            _ => Err(RuleError::refused("members make Commits")),
        }
    }
}

impl LocalPolicy for Own {
    fn advise(&self, commit: &CommitView<'_>, now: Option<u64>) -> Result<Advice, RuleError> {
        let is_early = now.is_some_and(|now| now < 1_000);
        let advice = if is_early { Advice::Hold("early".to_owned()) } else { Advice::Merge };
        self.check(commit).map(|()| advice)
    }
}

impl PskStore for Own {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(self.psks.get(psk_id).map(|value| value.as_slice().into()))
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Err(SourceError::new("the disk has failed"))
    }
}

impl KnownGroups for Own {
    fn is_in_group(&self, group_id: &GroupId) -> Result<bool, SourceError> {
        Ok(*group_id == GroupId::from("old"))
    }
}

impl RowSource for Own {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        Ok(self.rows.get(&key).map(|row| row.expose().into()))
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        let rows = self.rows.range(first..=last);
        Ok(rows.map(|(key, row)| (*key, row.expose().into())).collect())
    }
}

/// A predictable random number generator. No application may use such a generator.
struct Counter(u64);

impl rand_core::TryRng for Counter {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|next| u32::try_from(next & 0xffff_ffff).unwrap())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let next = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(next.get(..chunk.len()).unwrap());
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counter {}

#[test]
fn a_client_is_made_of_them() {
    let rng = &mut Counter(1);
    let id = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let own = || {
        let suite = RustCrypto.suite(id).unwrap();
        let signer = suite.signer(&suite.signature_generate_key(&mut Counter(2)).unwrap()).unwrap();
        Own { signer, rows: Rows::new(), psks: BTreeMap::new() }
    };
    let client = Client::new(own()).with_crypto(own()).with_rules(own());
    let member = own();
    let cx = client.at(1_800_000_000, &member).with_psks(&member).with_groups(&member);
    let bundle = cx.key_package(id, Credential::basic("alice")).build(rng).unwrap();
    let mut rows = Rows::new();
    let group = Group::builder("tea").build(bundle, &cx, rng).unwrap().persist_to(&mut rows).unwrap();
    assert_eq!(group.members().count(), 1);

    let source = Own { rows, ..own() };
    let mut opened = Group::open(Arc::new(source), &cx).unwrap();
    assert_eq!(opened.epoch_authenticator(), group.epoch_authenticator());
    // The client does not have this key, and reading its store fails.
    let missing = opened.commit().psk(Psk::External { psk_id: "psk".into() }).build(&cx, rng);
    assert!(matches!(missing, Err(GroupError::Missing(Missing::Psk(_)))));
    let psk = Psk::Resumption {
        usage: wire::ResumptionPskUsage::Application,
        psk_group_id: "old".into(),
        psk_epoch: 1,
    };
    let failed = opened.commit().psk(psk).build(&cx, rng);
    assert!(matches!(failed, Err(GroupError::Source(_))), "{failed:?}");
    assert!(opened.take_delta().delta().is_empty());
}
