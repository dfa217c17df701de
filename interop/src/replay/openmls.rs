//! Replays cases with OpenMLS. The KeyPackage and its private keys are written to the store in the
//! format of OpenMLS. The stored type has no public constructor, so the replay creates its
//! serialized form.

use crate::member::{Bytes, Outcome};
use crate::replay::{Case, Passive};
use openmls::prelude::{
    Ciphersuite, KeyPackage, KeyPackageBundle, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, ProcessedMessageContent, ProtocolVersion,
    RatchetTreeIn, StagedWelcome, tls_codec::Deserialize,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::storage::StorageProvider;
use openmls_traits::types::HpkePrivateKey;
use serde_json::json;

struct Follower {
    provider: OpenMlsRustCrypto,
    group: MlsGroup,
}

/// Returns whether OpenMLS supports the cipher suite.
#[must_use]
pub fn has(suite: u16) -> bool {
    let provider = OpenMlsRustCrypto::default();
    Ciphersuite::try_from(suite).is_ok_and(|suite| provider.crypto().supports(suite).is_ok())
}

/// Joins the group of a test case.
///
/// # Errors
/// Returns the error that OpenMLS reports.
pub fn join(case: &Case) -> Outcome<Box<dyn Passive>> {
    let provider = OpenMlsRustCrypto::default();
    let suite = Ciphersuite::try_from(case.cipher_suite)?;
    for external in &case.external_psks {
        let psk = Psk::External(ExternalPsk::new(external.psk_id.0.clone()));
        PreSharedKeyId::new(suite, provider.rand(), psk)?.store(&provider, &external.psk.0)?;
    }
    let MlsMessageBodyIn::KeyPackage(key_package) = message(&case.key_package.0)? else {
        return Err("not a KeyPackage".into());
    };
    let key_package: KeyPackage = key_package.validate(provider.crypto(), ProtocolVersion::Mls10)?;
    let private_key = |bytes: &Bytes| HpkePrivateKey::from(bytes.as_slice());
    let bundle: KeyPackageBundle = serde_json::from_value(json!({
        "key_package": &key_package,
        "private_init_key": private_key(&case.init_priv.0),
        "private_encryption_key": { "key": private_key(&case.encryption_priv.0) },
    }))?;
    provider.storage().write_key_package(&key_package.hash_ref(provider.crypto())?, &bundle)?;

    let MlsMessageBodyIn::Welcome(welcome) = message(&case.welcome.0)? else {
        return Err("not a Welcome".into());
    };
    let config = MlsGroupJoinConfig::builder().wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY).build();
    let mut builder = StagedWelcome::build_from_welcome(&provider, &config, welcome)?;
    if let Some(tree) = &case.ratchet_tree {
        builder = builder.with_ratchet_tree(RatchetTreeIn::tls_deserialize_exact(&tree.0)?);
    }
    let group = builder.build()?.into_group(&provider)?;
    Ok(Box::new(Follower { provider, group }))
}

fn message(bytes: &[u8]) -> Outcome<MlsMessageBodyIn> {
    Ok(MlsMessageIn::tls_deserialize_exact(bytes)?.extract())
}

impl Passive for Follower {
    fn take(&mut self, message: &[u8]) -> Outcome {
        let Self { provider, group } = self;
        let message = MlsMessageIn::tls_deserialize_exact(message)?.try_into_protocol_message()?;
        match group.process_message(provider, message)?.into_content() {
            ProcessedMessageContent::ProposalMessage(proposal) => {
                Ok(group.store_pending_proposal(provider.storage(), *proposal)?)
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                Ok(group.merge_staged_commit(provider, *staged)?)
            }
            _ => Err("neither a proposal nor a Commit".into()),
        }
    }

    fn authenticator(&self) -> Outcome<Bytes> {
        Ok(self.group.epoch_authenticator().as_slice().to_vec())
    }
}
