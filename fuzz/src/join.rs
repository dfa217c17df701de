//! Fuzzes joining by a Welcome. The Welcome consists of arbitrary bytes, is an edited Welcome, or
//! is created by a malicious member with the correct keys.

use crate::group_fixture::{GROUPS, GroupFixture, Psks, StoredGroup, edited, fixture, which};
use pando_mls::wire::{EncryptedGroupSecrets, GroupSecrets, PathSecret, PreSharedKeyId, RatchetTree};
use pando_mls::wire::{ExtensionBody, ResumptionPskUsage};
use pando_mls::{Decode, Encode, Group, GroupInfo, Psk, PskStore, Tree, Violation, Welcome};
use pando_schedule::{JoinerSecret, PskSecret};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

/// Joins a group. The first byte selects the group and how the other bytes are used.
pub fn join(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let (fixture, invited) = (fixture(*first), &INVITED[which(*first)]);
    match first % 128 % 5 {
        0 => outsider(fixture, invited, bytes),
        1 => outsider(fixture, invited, &edited(&invited.welcome, bytes)),
        2 => {
            let (flags, secrets, edits) = invited.secrets(fixture, bytes);
            let described = edited(&invited.group_info.encode().expect("encodes"), edits);
            let Ok(described) = GroupInfo::decode(&described) else { return };
            insider(fixture, described, &secrets, flags);
        }
        3 => {
            let (flags, secrets, bytes) = invited.secrets(fixture, bytes);
            let Ok(any) = GroupInfo::decode(bytes) else { return };
            let mut described = invited.group_info.clone();
            let (context, any) = (&mut described.group_context, any.group_context);
            // The signatures in the tree cover the group identifier, but not the rest of the
            // GroupContext.
            context.epoch = any.epoch;
            context.confirmed_transcript_hash = any.confirmed_transcript_hash;
            context.extensions = any.extensions;
            insider(fixture, described, &secrets, flags);
        }
        _ => tree(fixture, bytes),
    }
}

/// A group in which a member has added the newcomer. The newcomer has not joined yet.
struct Invited {
    /// The Welcome that the member sent to the newcomer.
    welcome: Vec<u8>,
    /// The GroupInfo that the Welcome contains.
    group_info: GroupInfo,
    secrets: GroupSecrets,
}

static INVITED: [LazyLock<Invited>; 2] =
    [LazyLock::new(|| Invited::new(fixture(GROUPS[0]))), LazyLock::new(|| Invited::new(fixture(GROUPS[1])))];

/// Returns an honest Welcome to the group that the first byte of an input selects.
pub(crate) fn welcome(first: u8) -> &'static [u8] {
    &INVITED[which(first)].welcome
}

impl Invited {
    fn new(fixture: &GroupFixture) -> Self {
        let (suite, newcomer, cx) =
            (fixture.suite, &fixture.newcomer, fixture.outside(&*fixture.newcomer_signer));
        let mut group = fixture.load(0);
        let psk = Psk::External { psk_id: vec![1].into() };
        let commit = group.commit().add(newcomer.key_package.clone()).psk(psk);
        let commit = commit
            .build(&fixture.client(0), &mut ChaCha20Rng::seed_from_u64(1))
            .expect("commits")
            .assume_persisted();
        group.merge_pending().expect("merges").assume_persisted();
        let welcome = commit.welcome.expect("the newcomer was added");
        let joined =
            Group::join(&welcome, newcomer, None, &cx).expect("the Welcome is honest").assume_persisted();
        assert_eq!(joined.epoch_authenticator(), group.epoch_authenticator());

        let (info, sealed) = (&welcome.encrypted_group_info, &welcome.secrets[0].encrypted_group_secrets);
        let secrets = suite.decrypt_with_label(&newcomer.init_key_pair, "Welcome", info, sealed);
        let secrets = GroupSecrets::decode(secrets.expect("the newcomer has joined").expose())
            .expect("the newcomer has joined");
        let psk_secret = psk_secret(fixture, &secrets.psks).expect("there is one");
        let joiner = JoinerSecret::from(secrets.joiner_secret.expose());
        let key = joiner.with_psk_secret(suite, &psk_secret).welcome_secret(suite).expect("a good secret");
        let group_info = key.open(suite, info).expect("the newcomer has joined");
        assert!(secrets.path_secret.is_some(), "the Commit has a path");
        for outside in [0, TREE_OUTSIDE] {
            assert!(
                insider(fixture, group_info.clone(), &secrets, outside),
                "the honest Welcome is accepted"
            );
        }
        Self { welcome: welcome.encode().expect("encodes"), group_info, secrets }
    }

    /// Reads the flags and the newcomer's secrets from the input, and returns them with the rest of
    /// the input. The path secret is correct, wrong or absent. The PSKs are the correct one or up
    /// to three others, each of which is read from two bytes.
    fn secrets<'a>(&self, fixture: &GroupFixture, bytes: &'a [u8]) -> (u8, GroupSecrets, &'a [u8]) {
        let (flags, mut bytes) = bytes.split_first().map_or((0, bytes), |(flags, bytes)| (*flags, bytes));
        let mut next = || {
            let (byte, rest) = bytes.split_first()?;
            bytes = rest;
            Some(*byte)
        };
        let path_secret = match flags % 4 {
            0 | 1 => self.secrets.path_secret.as_ref().map(|right| right.path_secret.expose().into()),
            2 => next().map(|byte| vec![byte; fixture.suite.hash_len()].into()),
            _ => None,
        };
        let psks = match flags >> 2 & 3 {
            0 => self.secrets.psks.clone(),
            count => (0..count).map_while(|_| Some(psk(fixture, next()?, next()?))).collect(),
        };
        let path_secret = path_secret.map(|path_secret| PathSecret { path_secret });
        let joiner_secret = self.secrets.joiner_secret.expose().into();
        (flags, GroupSecrets { joiner_secret, path_secret, psks }, bytes)
    }
}

/// Two further flags, in addition to those for the path secret and the number of PSKs. With the
/// first flag, the GroupContext contains the correct hash of the tree in the GroupInfo. With the
/// second flag, the Welcome does not contain the tree.
const RIGHT_HASH: u8 = 0x10;
const TREE_OUTSIDE: u8 = 0x20;

/// Returns a PSK of any kind. Different inputs often select the same PSK.
fn psk(fixture: &GroupFixture, kind: u8, which: u8) -> PreSharedKeyId {
    let usage = match kind % 4 {
        1 => Some(ResumptionPskUsage::Application),
        2 => Some(ResumptionPskUsage::ReInit),
        3 => Some(ResumptionPskUsage::Branch),
        _ => None,
    };
    let psk = match usage {
        None => Psk::External { psk_id: vec![which].into() },
        Some(usage) => {
            let psk_group_id = fixture.group_info.group_context.group_id.clone();
            Psk::Resumption { usage, psk_group_id, psk_epoch: which.into() }
        }
    };
    let short = usize::from(kind >> 7);
    PreSharedKeyId { psk, psk_nonce: vec![kind; fixture.suite.hash_len() - short].into() }
}

fn psk_secret(fixture: &GroupFixture, ids: &[PreSharedKeyId]) -> Option<PskSecret> {
    let values = ids.iter().map(|id| match &id.psk {
        Psk::External { psk_id } => Psks.external(psk_id).ok()?,
        Psk::Resumption { psk_group_id, psk_epoch, .. } => Psks.resumption(psk_group_id, *psk_epoch).ok()?,
    });
    let values: Vec<_> = values.collect::<Option<_>>()?;
    PskSecret::new(fixture.suite, ids.iter().zip(&values)).ok()
}

/// Checks that an outsider cannot make the newcomer accept a Welcome with changed group secrets or
/// a changed GroupInfo.
fn outsider(fixture: &GroupFixture, invited: &Invited, bytes: &[u8]) {
    let Ok(welcome) = Welcome::decode(bytes) else { return };
    let cx = fixture.outside(&*fixture.newcomer_signer);
    let Ok(group) = Group::join(&welcome, &fixture.newcomer, None, &cx) else { return };
    let group = group.assume_persisted();
    let honest = Welcome::decode(&invited.welcome).expect("decodes");
    let reference = fixture.suite.key_package_ref(&fixture.newcomer.key_package).expect("short");
    // The group secrets for other members may be different, because no signature covers them.
    assert_eq!(welcome.only_for(&reference), honest.only_for(&reference), "accepted a changed Welcome");
    StoredGroup::new(group).check(&cx);
}

/// Joins by a Welcome in which a malicious member sends an arbitrary GroupInfo with a valid
/// signature and confirmation tag. Returns whether the newcomer joins.
fn insider(fixture: &GroupFixture, mut group_info: GroupInfo, secrets: &GroupSecrets, flags: u8) -> bool {
    let (suite, mut rng) = (fixture.suite, ChaCha20Rng::seed_from_u64(2));
    let is_tree = |extension: &pando_mls::Extension| extension.extension_type == RatchetTree::TYPE;
    let tree = group_info.extensions.0.iter().find(|extension| is_tree(extension));
    let tree = tree.map(|extension| extension.extension_data.clone());
    if let (true, Some(tree)) = (flags & RIGHT_HASH != 0, &tree)
        && let Ok(tree) = Tree::import_unsigned(suite, tree)
    {
        group_info.group_context.tree_hash = tree.tree_hash().expect("it was decoded");
    }
    if flags & TREE_OUTSIDE != 0 {
        group_info.extensions.0.retain(|extension| !is_tree(extension));
    }
    let Some(psk_secret) = psk_secret(fixture, &secrets.psks) else { return false };
    let joiner = JoinerSecret::from(secrets.joiner_secret.expose());
    let intermediate = joiner.with_psk_secret(suite, &psk_secret);
    let welcome_secret = intermediate.welcome_secret(suite).expect("a good secret");
    let Ok(epoch) = intermediate.epoch_secret(suite, &group_info.group_context) else { return false };
    let epoch = epoch.derive(suite).expect("a good secret");
    group_info.confirmation_tag =
        epoch.confirmation_key.tag(suite, &group_info.group_context.confirmed_transcript_hash);
    fixture.sign_group_info(&mut group_info);
    let encrypted_group_info = welcome_secret.seal(suite, &group_info).expect("short");
    let key_package = &fixture.newcomer.key_package;
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
    let cx = fixture.outside(&*fixture.newcomer_signer);
    let joined = Group::join(&welcome, &fixture.newcomer, tree.as_deref(), &cx);
    let Ok(group) = joined else { return false };
    let group = group.assume_persisted();
    assert_eq!(group.epoch_authenticator(), Some(&epoch.epoch_authenticator));
    // The joined group must work in any case. A Commit may fail only if the epoch number is
    // exhausted.
    let mut stored = StoredGroup::new(group);
    match stored.group.commit().build(&cx, &mut rng) {
        Ok(commit) => {
            stored.store(commit);
            let merged = stored.group.merge_pending().expect("it is pending");
            stored.store(merged);
        }
        Err(error) => assert_eq!(error, Violation::EpochOverflow.into()),
    }
    stored.check(&cx);
    true
}

/// Imports an arbitrary ratchet tree with its own tree hash. In general, the signatures of the tree
/// are not valid.
fn tree(fixture: &GroupFixture, bytes: &[u8]) {
    let suite = fixture.suite;
    let Ok(tree) = Tree::import_unsigned(suite, bytes) else { return };
    let hash = tree.tree_hash().expect("it was decoded");
    assert_eq!(tree.export().expect("it was decoded"), bytes, "the encoding is unique");
    let id = fixture.group_info.group_context.group_id.clone();
    let imported = Tree::import(suite, bytes, &id, &hash);
    let valid = tree.check_signatures(&id).is_ok() && tree.check_parent_hashes().is_ok();
    assert_eq!(imported.is_ok(), valid);
    for leaf in tree.members().map(Result::unwrap) {
        assert!(tree.leaf(leaf).unwrap().is_some());
        let mut changed = tree.clone();
        changed.remove(leaf).expect("a member");
        changed.truncate().unwrap();
        changed.tree_hash().expect("short");
    }
}
