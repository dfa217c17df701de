//! Welcomes: any bytes, changed on the way, and those that a member has made with the right keys.

use crate::live::{Kept, LIVE, client, edited};
use pando_mls::wire::{EncryptedGroupSecrets, GroupSecrets};
use pando_mls::{Decode, Encode, Group, GroupInfo, Tree, Violation, Welcome};
use pando_schedule::{JoinerSecret, PskSecret};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

/// The first byte says what to do with the others.
pub fn join(input: &[u8]) {
    let Some((mode, bytes)) = input.split_first() else { return };
    match mode % 5 {
        0 => outsider(bytes, None),
        1 => outsider(&edited(&HONEST, bytes), None),
        2 => {
            let (at, edits) = bytes.split_at(bytes.len() / 2);
            let described = edited(&LIVE.group_info.encode().expect("encodes"), edits);
            insider(&described, &GroupSecrets::default_for(at), None);
        }
        3 => insider(bytes, &GroupSecrets::default_for(&[]), None),
        _ => tree(bytes),
    }
}

trait DefaultFor {
    fn default_for(bytes: &[u8]) -> Self;
}

impl DefaultFor for GroupSecrets {
    /// Any joiner secret, and a path secret if there is one more byte.
    fn default_for(bytes: &[u8]) -> Self {
        let joiner_secret = [5; 32].as_slice().into();
        let path_secret = bytes
            .first()
            .filter(|byte| **byte % 2 == 1)
            .map(|byte| pando_mls::wire::PathSecret { path_secret: [*byte; 32].as_slice().into() });
        Self { joiner_secret, path_secret, psks: vec![] }
    }
}

/// A Welcome for the newcomer, by which nobody has come yet.
static HONEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let live = &*LIVE;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut group = live.load(0);
    let commit = group.commit().add(live.newcomer.key_package.clone());
    let commit = commit.build(&live.client(0), &mut rng).expect("commits");
    let welcome = commit.welcome.expect("somebody was added");
    let honest = welcome.encode().expect("encodes");
    outsider(&honest, Some(&honest));
    honest
});

/// Nobody gets in by a Welcome that was changed: the part for the newcomer, or what is for all.
fn outsider(bytes: &[u8], honest: Option<&[u8]>) {
    let live = &*LIVE;
    let Ok(welcome) = Welcome::decode(bytes) else { return };
    let client = client(&*live.newcomer_signer, true);
    let joined = Group::join(&welcome, &live.newcomer, None, &client);
    match honest {
        Some(_) => drop(joined.expect("the honest one")),
        None => {
            let Ok((group, _)) = joined else { return };
            let honest = Welcome::decode(&HONEST).expect("decodes");
            let reference = live.suite.key_package_ref(&live.newcomer.key_package).expect("short");
            // What is for others may be changed: nobody has signed it.
            assert_eq!(welcome.only_for(&reference), honest.only_for(&reference), "not what was sent");
            Kept::new(group).check(&client);
        }
    }
}

/// A member who describes the group in any way, signed and with the right tag.
fn insider(described: &[u8], secrets: &GroupSecrets, tree: Option<&[u8]>) {
    let live = &*LIVE;
    let (suite, mut rng) = (live.suite, ChaCha20Rng::seed_from_u64(2));
    let Ok(mut group_info) = GroupInfo::decode(described) else { return };
    let joiner = JoinerSecret::from(secrets.joiner_secret.expose());
    let intermediate = joiner.with_psk_secret(suite, &PskSecret::zero(suite));
    let welcome_secret = intermediate.welcome_secret(suite).expect("a good secret");
    let Ok(epoch) = intermediate.epoch_secret(suite, &group_info.group_context) else { return };
    let epoch = epoch.derive(suite).expect("a good secret");
    group_info.confirmation_tag =
        epoch.confirmation_key.tag(suite, &group_info.group_context.confirmed_transcript_hash);
    group_info.signer = pando_mls::LeafIndex(0);
    let tbs = group_info.to_be_signed().expect("it was decoded");
    group_info.signature = suite.sign_with_label(&*live.signers[0], "GroupInfoTBS", &tbs).expect("signs");
    let encrypted_group_info = welcome_secret.seal(suite, &group_info).expect("short");
    let key_package = &live.newcomer.key_package;
    let plaintext = secrets.encode().expect("short");
    let sealed = suite.encrypt_with_label(
        &key_package.init_key,
        "Welcome",
        &encrypted_group_info,
        &plaintext,
        &mut rng,
    );
    let new_member = suite.key_package_ref(key_package).expect("short");
    let secrets = EncryptedGroupSecrets { new_member, encrypted_group_secrets: sealed.expect("a good key") };
    let welcome =
        Welcome { cipher_suite: suite.cipher_suite(), secrets: vec![secrets], encrypted_group_info };
    let client = client(&*live.newcomer_signer, true);
    let Ok((mut group, _)) = Group::join(&welcome, &live.newcomer, tree, &client) else { return };
    // Whatever the group is, it works; but that there may be no next epoch.
    match group.commit().build(&client, &mut rng) {
        Ok(_) => drop(group.merge_pending().expect("it is pending")),
        Err(error) => assert_eq!(error, Violation::EpochOverflow.into()),
    }
    Kept::new(group).check(&client);
}

/// A ratchet tree, believed to have the hash that it has: with any shape, and no signatures.
fn tree(bytes: &[u8]) {
    let suite = LIVE.suite;
    let Ok(tree) = Tree::import_unsigned(suite, bytes) else { return };
    let hash = tree.tree_hash().expect("it was decoded");
    assert_eq!(tree.export().expect("it was decoded"), bytes, "there is one encoding");
    let id = LIVE.group_info.group_context.group_id.clone();
    let imported = Tree::import(suite, bytes, &id, &hash);
    let valid = tree.check_signatures(&id).is_ok() && tree.check_parent_hashes().is_ok();
    assert_eq!(imported.is_ok(), valid);
    for leaf in tree.members() {
        assert!(tree.leaf(leaf).is_some());
        let mut changed = tree.clone();
        changed.remove(leaf).expect("a member");
        changed.truncate();
        changed.tree_hash().expect("short");
    }
}
