//! Creating a Welcome (RFC 9420, section 12.4.3.1).

use crate::GroupError;
use crate::operations::transition::Applied;
use crate::state::pending_proposal::Committed;
use pando_crypto::{CryptoRng, HpkeMessage, SecretBytes, Suite};
use pando_schedule::JoinerSecret;
use pando_tree::NewPath;
use pando_wire::{
    Encode, EncryptedGroupSecrets, GroupSecrets, KeyPackage, LeafIndex, Opaque, PathSecret, Proposal, Welcome,
};

/// Returns the Welcome for the members that a Commit adds. `encrypted_group_info` describes the new
/// epoch.
pub(crate) fn welcome(
    suite: Suite,
    applied: &Applied,
    list: &[Committed],
    path: Option<&NewPath>,
    joiner_secret: &JoinerSecret,
    encrypted_group_info: Opaque,
    rng: &mut dyn CryptoRng,
) -> Result<Welcome, GroupError> {
    let added = list.iter().filter_map(|committed| match committed.proposal() {
        Proposal::Add(add) => Some(&add.key_package),
        _ => None,
    });
    let added: Vec<_> = applied.added.iter().zip(added).collect();

    // Encode the secrets for each new member.
    let told = |(leaf, _): &(&LeafIndex, &KeyPackage)| -> Result<_, GroupError> {
        let path_secret = path.map(|path| path.path_secret_for(**leaf)).transpose()?.flatten();
        let path_secret =
            path_secret.map(|secret| PathSecret { path_secret: SecretBytes::from(secret.expose()) });
        let joiner_secret = SecretBytes::from(joiner_secret.expose());
        Ok(GroupSecrets { joiner_secret, path_secret, psks: applied.psks.clone() }.encode_secret()?)
    };
    let told = added.iter().map(told).collect::<Result<Vec<_>, _>>()?;
    let messages: Vec<_> = added
        .iter()
        .zip(&told)
        .map(|((_, key_package), told)| HpkeMessage { public: &key_package.init_key, plaintext: told })
        .collect();
    let sealed = suite
        .encrypt_with_label_to_many("Welcome", &encrypted_group_info, &messages, rng)
        .map_err(|(_, error)| error)?;

    let secrets = added.iter().zip(sealed).map(|((_, key_package), encrypted_group_secrets)| {
        let new_member = suite.key_package_ref(key_package)?;
        Ok(EncryptedGroupSecrets { new_member, encrypted_group_secrets })
    });
    let secrets = secrets.collect::<Result<_, GroupError>>()?;
    Ok(Welcome { cipher_suite: suite.cipher_suite(), secrets, encrypted_group_info })
}
