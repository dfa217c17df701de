//! Replays cases with mls-rs. The KeyPackage and its private keys are inserted into the client's
//! store.

use crate::member::{Bytes, Outcome};
use crate::replay::{Case, Passive};
use mls_rs::{
    CipherSuite, CryptoProvider, ExtensionList, IdentityProvider, MlsMessage,
    client_builder::{BaseConfig, IntoConfigOutput, WithCryptoProvider, WithIdentityProvider},
    crypto::{HpkeSecretKey, SignatureSecretKey},
    group::{ExportedTree, ReceivedMessage},
    identity::{
        CredentialType, SigningIdentity,
        basic::{BasicIdentityProvider, BasicIdentityProviderError},
    },
    mls_rs_codec::MlsEncode,
    psk::{ExternalPskId, PreSharedKey},
    time::MlsTime,
};
use mls_rs_core::{identity::MemberValidationContext, key_package::KeyPackageData};

type Config<P> = IntoConfigOutput<WithCryptoProvider<P, WithIdentityProvider<Keys, BaseConfig>>>;

struct Follower<P: CryptoProvider + Clone>(mls_rs::Group<Config<P>>);

/// An identity provider that identifies clients by their signature keys. In the vectors, two
/// clients of a group have the same name. RFC 9420, section 5.3.3, leaves this to the application,
/// but the identity provider of mls-rs rejects it.
#[derive(Clone)]
struct Keys;

impl IdentityProvider for Keys {
    type Error = BasicIdentityProviderError;

    fn validate_member(
        &self,
        identity: &SigningIdentity,
        time: Option<MlsTime>,
        context: MemberValidationContext<'_>,
    ) -> Result<(), Self::Error> {
        BasicIdentityProvider.validate_member(identity, time, context)
    }

    fn validate_external_sender(
        &self,
        identity: &SigningIdentity,
        time: Option<MlsTime>,
        extensions: Option<&ExtensionList>,
    ) -> Result<(), Self::Error> {
        BasicIdentityProvider.validate_external_sender(identity, time, extensions)
    }

    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, Self::Error> {
        Ok(identity.signature_key.as_bytes().to_vec())
    }

    fn valid_successor(
        &self,
        old: &SigningIdentity,
        new: &SigningIdentity,
        extensions: &ExtensionList,
    ) -> Result<bool, Self::Error> {
        BasicIdentityProvider.valid_successor(old, new, extensions)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        BasicIdentityProvider.supported_types()
    }
}

/// Returns whether a provider supports the cipher suite.
#[must_use]
pub fn has(provider: &impl CryptoProvider, suite: u16) -> bool {
    provider.cipher_suite_provider(CipherSuite::new(suite)).is_some()
}

/// Joins the group of a test case.
///
/// # Errors
/// Returns the error that mls-rs reports.
pub fn join<P: CryptoProvider + Clone + 'static>(provider: P, case: &Case) -> Outcome<Box<dyn Passive>> {
    let suite = CipherSuite::new(case.cipher_suite);
    let crypto = provider.cipher_suite_provider(suite).ok_or("no such suite")?;
    let message = MlsMessage::from_bytes(&case.key_package.0)?;
    let reference = message.key_package_reference(&crypto)?.ok_or("not a KeyPackage")?;
    let key_package = message.into_key_package().ok_or("not a KeyPackage")?;
    let signer = SignatureSecretKey::new(case.signature_priv.0.clone());
    let client = mls_rs::Client::builder()
        .identity_provider(Keys)
        .crypto_provider(provider)
        .signing_identity(key_package.signing_identity().clone(), signer, suite)
        .build();
    for external in &case.external_psks {
        let (id, key) = (external.psk_id.0.clone(), external.psk.0.clone());
        client.secret_store().insert(ExternalPskId::new(id), PreSharedKey::new(key));
    }
    let private_key = |bytes: &Bytes| HpkeSecretKey::from(bytes.clone());
    let (init, leaf) = (private_key(&case.init_priv.0), private_key(&case.encryption_priv.0));
    let data = KeyPackageData::new(key_package.mls_encode_to_vec()?, init, leaf, u64::MAX);
    client.key_package_store().insert(reference.to_vec(), data);

    let tree = case.ratchet_tree.as_ref().map(|tree| ExportedTree::from_bytes(&tree.0)).transpose()?;
    let (group, _) = client.join_group(tree, &MlsMessage::from_bytes(&case.welcome.0)?, None)?;
    Ok(Box::new(Follower(group)))
}

impl<P: CryptoProvider + Clone> Passive for Follower<P> {
    fn take(&mut self, message: &[u8]) -> Outcome {
        match self.0.process_incoming_message(MlsMessage::from_bytes(message)?)? {
            ReceivedMessage::Proposal(_) | ReceivedMessage::Commit(_) => Ok(()),
            other => Err(format!("unexpected: {other:?}").into()),
        }
    }

    fn authenticator(&self) -> Outcome<Bytes> {
        Ok(self.0.epoch_authenticator()?.as_bytes().to_vec())
    }
}
