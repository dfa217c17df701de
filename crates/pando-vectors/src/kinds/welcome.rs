//! Test vectors of the kind `welcome`: joining by a Welcome, except for the steps that need a tree
//! (RFC 9420, section 12.4.3.1).

use crate::hex_bytes::Hex;
use crate::private_keys::hpke_key;
use crate::random::{self, bytes};
use crate::report::{MustSucceed, Outcome, Problem, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoError, CryptoProvider, HpkeKeyPair, Suite};
use pando_schedule::{IntermediateSecret, JoinerSecret, PskSecret};
use pando_wire::{
    Decode, Encode, EncryptedGroupSecrets, GroupInfo, GroupSecrets, KeyPackage, LeafIndex, MlsMessage,
    MlsMessageBody, SignaturePublicKey, Welcome,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::error::Error;

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    init_priv: Hex,
    signer_pub: Hex,
    key_package: Hex,
    welcome: Hex,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let MlsMessageBody::KeyPackage(key_package) = message("key_package", &self.key_package)? else {
            return Err(wrong("key_package", "not a KeyPackage"));
        };
        let MlsMessageBody::Welcome(welcome) = message("welcome", &self.welcome)? else {
            return Err(wrong("welcome", "not a Welcome"));
        };
        must("welcome", welcome.cipher_suite == suite.cipher_suite(), "another cipher suite")?;
        let private = hpke_key(suite, &self.init_priv);
        let init_key_pair = suite.hpke_key_pair(private).in_field("init_priv")?;
        must_equal("key_package", &key_package.init_key, &init_key_pair.public)?;

        let (secrets, group_info) = self.open(suite, &key_package, &init_key_pair, &welcome)?;

        // Test the reverse direction: encrypt the same contents for the same KeyPackage and decrypt
        // them again.
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let resealed = seal(suite, &key_package, &secrets, &group_info, &mut rng).in_field("welcome")?;
        let (secrets_again, group_info_again) = self.open(suite, &key_package, &init_key_pair, &resealed)?;
        must("welcome", secrets_again == secrets, "other group secrets after encrypting them again")?;
        must("welcome", group_info_again == group_info, "another GroupInfo after encrypting it again")
    }

    /// Performs the steps of a joiner that processes the Welcome.
    fn open(
        &self,
        suite: Suite,
        key_package: &KeyPackage,
        init_key_pair: &HpkeKeyPair,
        welcome: &Welcome,
    ) -> Result<(GroupSecrets, GroupInfo), Problem> {
        let reference = suite.key_package_ref(key_package).in_field("key_package")?;
        let entry = welcome.secrets.iter().find(|entry| entry.new_member == reference);
        let entry = entry.ok_or_else(|| wrong("welcome", "no secrets for the KeyPackage"))?;
        let secrets = suite
            .decrypt_with_label(
                init_key_pair,
                "Welcome",
                &welcome.encrypted_group_info,
                &entry.encrypted_group_secrets,
            )
            .in_field("welcome.secrets")?;
        let secrets = GroupSecrets::decode(secrets.expose()).in_field("welcome.secrets")?;

        let intermediate = intermediate(suite, &secrets);
        let group_info = intermediate
            .welcome_secret(suite)
            .in_field("welcome.secrets")?
            .open(suite, &welcome.encrypted_group_info)
            .in_field("welcome.encrypted_group_info")?;

        let signer = SignaturePublicKey::from(&*self.signer_pub);
        let to_be_signed = group_info.to_be_signed().in_field("welcome.encrypted_group_info")?;
        suite
            .verify_with_label(&signer, "GroupInfoTBS", &to_be_signed, &group_info.signature)
            .in_field("signer_pub")?;

        let context = &group_info.group_context;
        let epoch_secrets = intermediate
            .epoch_secret(suite, context)
            .in_field("welcome.secrets")?
            .derive(suite)
            .in_field("welcome.secrets")?;
        let confirmed = epoch_secrets.confirmation_key.verify(
            suite,
            &context.confirmed_transcript_hash,
            &group_info.confirmation_tag,
        );
        must("welcome.encrypted_group_info", confirmed, "the confirmation tag is wrong")?;
        Ok((secrets, group_info))
    }
}

fn wrong(field: &str, reason: &str) -> Problem {
    Problem::Failed { field: field.into(), reason: reason.into() }
}

fn message(field: &str, bytes: &[u8]) -> Result<MlsMessageBody, Problem> {
    let message = MlsMessage::decode(bytes).in_field(field)?;
    must_equal(field, &message.encode().in_field(field)?, bytes)?;
    Ok(message.body)
}

/// Returns the intermediate secret. The test cases contain no pre-shared keys, so the PSK secret is
/// zero.
fn intermediate(suite: Suite, secrets: &GroupSecrets) -> IntermediateSecret {
    let joiner = JoinerSecret::from(secrets.joiner_secret.expose());
    joiner.with_psk_secret(suite, &PskSecret::zero(suite))
}

/// Creates a Welcome for one KeyPackage.
fn seal(
    suite: Suite,
    key_package: &KeyPackage,
    secrets: &GroupSecrets,
    group_info: &GroupInfo,
    rng: &mut ChaCha20Rng,
) -> Result<Welcome, Box<dyn Error>> {
    let encrypted_group_info = intermediate(suite, secrets).welcome_secret(suite)?.seal(suite, group_info)?;
    let encrypted_group_secrets = suite.encrypt_with_label(
        &key_package.init_key,
        "Welcome",
        &encrypted_group_info,
        &secrets.encode_secret()?,
        rng,
    )?;
    let new_member = suite.key_package_ref(key_package)?;
    let secrets = vec![EncryptedGroupSecrets { new_member, encrypted_group_secrets }];
    Ok(Welcome { cipher_suite: suite.cipher_suite(), secrets, encrypted_group_info })
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let new_signer = |rng: &mut ChaCha20Rng| -> Result<_, CryptoError> {
        suite.signer(&suite.signature_generate_key(rng)?)
    };

    // Create the client that joins.
    let client = new_signer(rng)?;
    let init_key_pair = suite.hpke_generate_key_pair(rng)?;
    let mut key_package = random::key_package(rng);
    key_package.cipher_suite = suite.cipher_suite();
    key_package.init_key = init_key_pair.public.clone();
    let leaf = &mut key_package.leaf_node;
    leaf.encryption_key = suite.hpke_generate_key_pair(rng)?.public;
    leaf.signature_key = client.public_key().clone();
    // The leaf of a KeyPackage does not belong to a group yet, so the leaf index is not signed.
    let to_be_signed = leaf.to_be_signed((&[][..].into(), LeafIndex(0)))?;
    leaf.signature = suite.sign_with_label(&*client, "LeafNodeTBS", &to_be_signed)?;
    key_package.signature = suite.sign_with_label(&*client, "KeyPackageTBS", &key_package.to_be_signed()?)?;

    // Create the group that the client joins.
    let member = new_signer(rng)?;
    let joiner_secret = bytes(rng, suite.hash_len()).into();
    let secrets = GroupSecrets { joiner_secret, path_secret: None, psks: vec![] };
    let mut group_info = random::group_info(rng);
    let context = &mut group_info.group_context;
    context.cipher_suite = suite.cipher_suite();
    let epoch_secrets = intermediate(suite, &secrets).epoch_secret(suite, context)?.derive(suite)?;
    group_info.confirmation_tag =
        epoch_secrets.confirmation_key.tag(suite, &context.confirmed_transcript_hash);
    group_info.signature = suite.sign_with_label(&*member, "GroupInfoTBS", &group_info.to_be_signed()?)?;
    let welcome = seal(suite, &key_package, &secrets, &group_info, rng)?;

    Ok(vec![Case {
        cipher_suite: suite.cipher_suite().0,
        init_priv: init_key_pair.private.expose().into(),
        signer_pub: Hex(member.public_key().to_vec()),
        key_package: Hex(MlsMessage::from(key_package).encode()?),
        welcome: Hex(MlsMessage::from(welcome).encode()?),
    }])
}
