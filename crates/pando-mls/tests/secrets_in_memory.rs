//! Shows that secrets are erased from memory after use. This test runs only on Linux, where a
//! process can read its own memory as a file.
//!
//! The test takes the secrets from the stored rows, or derives them from these rows. The test masks
//! each secret, so that the test itself contains no copy. Stacks are overwritten before each
//! search, because the compiler may leave copies of moved values there (see SECURITY.md). The heap
//! is not overwritten.
//!
//! The test does not detect secrets in registers, in kernel memory, or in another form (expanded
//! AES keys, scalars in limbs). Nor does it detect secrets that neither leave the library nor can
//! be derived from known secrets.

#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[path = "secrets_in_memory/search.rs"]
mod search;
#[path = "support/secrets.rs"]
mod secrets;

use crate::search::Wanted;
use pando_mls::wire::GroupSecrets;
use pando_mls::{
    Capabilities, CipherSuite, Client, Context, Credential, CredentialType, CryptoProvider, Decode, Encode,
    Extensions, Group, GroupConfig, KeyPackageBundle, KeyPackageTemplate, Lifetime, MlsMessage, Processed,
    Proposal, Psk, PskStore, PskValue, RatchetType, RowKey, RustCrypto, SecretId, Signer, SourceError, Suite,
    Welcome,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::sync::LazyLock;
use std::sync::{Mutex, MutexGuard};

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_mls::AdmitAll));

/// A lock that each test holds, so that no test finds the secrets of another.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn suites() -> impl Iterator<Item = Suite> {
    CipherSuite::ALL.into_iter().map(|id| RustCrypto.suite(id).unwrap())
}

/// A random number generator that can be erased. A generator belongs to the application, but it
/// remembers its output.
struct Forgetful(ChaCha20Rng);

impl Forgetful {
    fn new(suite: Suite) -> Self {
        Self(ChaCha20Rng::seed_from_u64(suite.cipher_suite().0.into()))
    }

    fn forget(&mut self) {
        self.0.fill_bytes(&mut [0; 1_024]);
    }
}

/// A PSK store that derives each value from its identifier, so that the test contains no copy of
/// the value.
struct Psks;

fn psk_value(psk_id: &[u8]) -> Vec<u8> {
    psk_id.iter().map(|byte| byte ^ 0x93).collect()
}

impl PskStore for Psks {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(psk_value(psk_id).into()))
    }

    fn resumption(&self, _: &pando_mls::GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

fn client(signer: &dyn Signer, config: GroupConfig) -> Context<'_> {
    CLIENT.without_clock(signer).with_psks(&Psks).with_config(config)
}

/// Returns a new signer, and adds its private key to the wanted secrets.
fn signer(suite: Suite, wanted: &mut Wanted, rng: &mut Forgetful) -> Box<dyn Signer> {
    let key = suite.signature_generate_key(&mut rng.0).unwrap();
    wanted.add("signature private key", key.expose());
    suite.signer(&key).unwrap()
}

fn bundle(suite: Suite, name: &[u8], signer: &dyn Signer, rng: &mut Forgetful) -> KeyPackageBundle {
    let template = KeyPackageTemplate {
        credential: Credential::Basic { identity: name.into() },
        capabilities: Capabilities::new([suite.cipher_suite()], [CredentialType::BASIC]),
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    KeyPackageBundle::new(suite, template, signer, &mut rng.0).unwrap()
}

/// Two members, Alice and Bob. Bob has joined by a Welcome.
struct Pair {
    rng: Forgetful,
    signers: [Box<dyn Signer>; 2],
    groups: [Group; 2],
    config: GroupConfig,
}

/// Adds all secrets in a Welcome, and the secrets that are derived from them, to the wanted
/// secrets.
fn want_welcome(wanted: &mut Wanted, suite: Suite, welcome: &Welcome, bundle: &KeyPackageBundle, to: &Group) {
    wanted.add("private init key", bundle.init_key_pair.private.expose());
    let secrets = &welcome.secrets[0].encrypted_group_secrets;
    let opened =
        suite.decrypt_with_label(&bundle.init_key_pair, "Welcome", &welcome.encrypted_group_info, secrets);
    let opened = GroupSecrets::decode(opened.unwrap().expose()).unwrap();
    wanted.add("joiner_secret", opened.joiner_secret.expose());
    if let Some(path_secret) = &opened.path_secret {
        wanted.add("path_secret", path_secret.path_secret.expose());
        let node_secret = suite.derive_secret(path_secret.path_secret.expose(), "node").unwrap();
        wanted.add("node_secret", node_secret.expose());
    }
    let zero = suite.zero_secret();
    let intermediate = suite.extract(opened.joiner_secret.expose(), zero.expose());
    wanted.add("intermediate secret", intermediate.expose());
    let welcome_secret = suite.derive_secret(intermediate.expose(), "welcome").unwrap();
    wanted.add("welcome_secret", welcome_secret.expose());
    let context = to.public().context().encode().unwrap();
    let epoch_secret =
        suite.expand_with_label(intermediate.expose(), "epoch", &context, suite.hash_len()).unwrap();
    wanted.add("epoch_secret", epoch_secret.expose());
    let encryption = suite.derive_secret(epoch_secret.expose(), "encryption").unwrap();
    wanted.add("encryption_secret", encryption.expose());
    let confirmation = suite.derive_secret(epoch_secret.expose(), "confirm").unwrap();
    wanted.add("confirmation_key", confirmation.expose());
}

/// Adds all secrets that a group would store to the wanted secrets.
fn want_rows(wanted: &mut Wanted, group: &Group) {
    for stored in secrets::secrets(&group.rows().unwrap()) {
        wanted.add(stored.name, stored.secret.expose());
    }
}

impl Pair {
    /// Creates the pair. `gone` receives the secrets that neither member needs after the join, and
    /// `kept` receives those that both need.
    fn new(suite: Suite, config: GroupConfig, gone: &mut Wanted, kept: &mut Wanted) -> Self {
        let mut rng = Forgetful::new(suite);
        let signers = [signer(suite, kept, &mut rng), signer(suite, kept, &mut rng)];
        let [alice, bob] = [0, 1].map(|index| client(&*signers[index], config));
        let alice_bundle = bundle(suite, b"alice", alice.signer(), &mut rng);
        let bob_bundle = bundle(suite, b"bob", bob.signer(), &mut rng);
        gone.add("private init key", alice_bundle.init_key_pair.private.expose());
        kept.add("private leaf key", bob_bundle.leaf_key_pair.private.expose());
        let id = "memory";
        let (mut alices, delta) =
            Group::builder(id).build(alice_bundle, &alice, &mut rng.0).unwrap().into_parts();
        drop(delta);
        want_rows(gone, &alices);
        let commit = alices
            .commit()
            .add(bob_bundle.key_package.clone())
            .build(&alice, &mut rng.0)
            .unwrap()
            .assume_persisted();
        alices.merge_pending().unwrap().assume_persisted();
        let welcome = commit.welcome.unwrap();
        want_welcome(gone, suite, &welcome, &bob_bundle, &alices);
        let (bobs, delta) = Group::join(&welcome, &bob_bundle, None, &bob).unwrap().into_parts();
        drop(delta);
        drop(bob_bundle);
        // The remaining secrets of the first epoch are needed for late messages.
        gone.forget_those_of(&alices);
        Self { rng, signers, groups: [alices, bobs], config }
    }

    fn send(&mut self, from: usize) -> MlsMessage {
        let cx = client(&*self.signers[from], self.config);
        let (message, delta) =
            self.groups[from].encrypt(b"a message", &cx, &mut self.rng.0).unwrap().into_parts();
        drop(delta);
        message
    }

    fn read(&mut self, by: usize, message: &MlsMessage) {
        let cx = client(&*self.signers[by], self.config);
        let (processed, delta) = self.groups[by].process(message.clone(), &cx).unwrap().into_parts();
        drop(delta);
        assert!(matches!(processed, Processed::Application { .. }));
    }

    /// Makes one member create a Commit, and makes both enter the new epoch.
    fn commit(&mut self, by: usize, psk_id: &[u8]) {
        let own = client(&*self.signers[by], self.config);
        let psk = Psk::External { psk_id: psk_id.into() };
        let output =
            self.groups[by].commit().psk(psk).build(&own, &mut self.rng.0).unwrap().assume_persisted();
        self.groups[by].merge_pending().unwrap().assume_persisted();
        self.follow(1 - by, &output.message);
    }

    fn follow(&mut self, index: usize, commit: &MlsMessage) {
        let other = client(&*self.signers[index], self.config);
        let (processed, delta) = self.groups[index].process(commit.clone(), &other).unwrap().into_parts();
        drop(delta);
        let Processed::Commit(staged) = processed else { panic!("not a Commit") };
        drop(self.groups[index].merge(*staged).unwrap());
    }

    fn search(&mut self, wanted: &Wanted) -> Vec<String> {
        self.rng.forget();
        wanted.search()
    }
}

impl Wanted {
    /// Removes the secrets that a group still uses from the wanted secrets.
    fn forget_those_of(&mut self, group: &Group) {
        for stored in secrets::secrets(&group.rows().unwrap()) {
            self.remove(stored.secret.expose());
        }
    }
}

const NO_PAST: fn() -> GroupConfig =
    || GroupConfig::default().with_past_epochs(0).with_past_resumption_psks(0);

#[test]
fn what_joining_needs_is_gone_when_it_is_done() {
    let _alone = alone();
    for suite in suites() {
        let (mut gone, mut kept) = (Wanted::default(), Wanted::default());
        let mut pair = Pair::new(suite, NO_PAST(), &mut gone, &mut kept);
        pair.groups.iter().for_each(|group| want_rows(&mut kept, group));
        // Control: all secrets that are in use are found.
        let mut expected = kept.names();
        assert!(expected.len() > 10);
        // These signers store the scalar in Montgomery form, which the search does not recognise.
        if [5, 7].contains(&suite.cipher_suite().0) {
            expected.retain(|name| name != "signature private key");
        }
        assert_eq!(pair.search(&kept), expected, "{}", suite.cipher_suite());
        assert!(gone.names().len() > 12);
        assert_eq!(pair.search(&gone), [""; 0], "{}", suite.cipher_suite());
        // After both members are dropped, no secret remains.
        let Pair { mut rng, signers, groups, .. } = pair;
        drop((signers, groups));
        rng.forget();
        assert_eq!(kept.search(), [""; 0], "{}", suite.cipher_suite());
    }
}

#[test]
fn an_epoch_that_was_left_is_gone() {
    let _alone = alone();
    for suite in suites() {
        let (mut nothing, mut kept) = (Wanted::default(), Wanted::default());
        let mut pair = Pair::new(suite, NO_PAST(), &mut nothing, &mut kept);
        for by in [0, 1] {
            let mut gone = Wanted::default();
            pair.groups.iter().for_each(|group| want_rows(&mut gone, group));
            let psk_id = [by as u8 + 1; 32];
            gone.add("PSK", &psk_value(&psk_id));
            pair.commit(by, &psk_id);
            // The private keys of the member that did not commit have not changed.
            pair.groups.iter().for_each(|group| gone.forget_those_of(group));
            assert!(gone.names().len() >= 8);
            assert_eq!(pair.search(&gone), [""; 0], "{}", suite.cipher_suite());
        }
    }
}

/// Shows that the group keeps only the keys for late messages and the resumption PSK of a past
/// epoch.
#[test]
fn of_a_past_epoch_no_more_is_kept_than_is_stored() {
    let _alone = alone();
    for suite in suites().take(3) {
        let (mut nothing, mut kept) = (Wanted::default(), Wanted::default());
        let mut pair = Pair::new(suite, GroupConfig::default(), &mut nothing, &mut kept);
        let mut old = Wanted::default();
        pair.groups.iter().for_each(|group| want_rows(&mut old, group));
        let mut all = old.names();
        pair.commit(0, &[5; 32]);
        pair.groups.iter().for_each(|group| old.forget_those_of(group));
        let gone = old.names();
        assert_eq!(pair.search(&old), [""; 0]);
        all.retain(|name| !gone.contains(name));
        for name in ["exporter_secret", "membership_key", "init_secret", "epoch_authenticator"] {
            assert!(gone.iter().any(|gone| gone == name), "{name}");
        }
        assert!(
            all.iter().all(|name| [
                "sender_data_secret",
                "resumption_psk",
                "tree_node_secret",
                "ratchet_secret",
                "private key"
            ]
            .contains(&&**name)),
            "{all:?}"
        );
    }
}

/// Shows that the key of a message is erased after the message is read, in order or late. The
/// secret from which the key was derived is erased, too.
#[test]
fn the_key_of_a_message_that_was_read_is_gone() {
    let _alone = alone();
    for suite in suites() {
        let (mut nothing, mut kept) = (Wanted::default(), Wanted::default());
        let mut pair = Pair::new(suite, NO_PAST(), &mut nothing, &mut kept);
        let messages: Vec<_> = (0..4).map(|_| pair.send(0)).collect();
        pair.read(1, &messages[1]);
        // The first message was skipped, so its key is kept. The key of the third message can be
        // derived from the ratchet secret.
        let (mut skipped, mut next) = (Wanted::default(), Wanted::default());
        let rows = pair.groups[1].rows().unwrap();
        for stored in secrets::secrets(&rows) {
            let RowKey::Epoch(_, pando_mls::EpochRow::Secret(id)) = stored.key else { continue };
            match id {
                SecretId::Message(_, RatchetType::Application, 0) => {
                    skipped.add(stored.name, stored.secret.expose());
                }
                SecretId::Ratchet(leaf, RatchetType::Application) if leaf.0 == 0 => {
                    let secret = stored.secret.expose();
                    next.add("ratchet_secret", secret);
                    let derive = |label, len| suite.derive_tree_secret(secret, label, 2, len).unwrap();
                    next.add("ratchet_key", derive("key", suite.aead_key_len()).expose());
                    next.add("ratchet_nonce", derive("nonce", suite.aead_nonce_len()).expose());
                }
                _ => {}
            }
        }
        drop(rows);
        assert_eq!(skipped.names(), ["ratchet_nonce", "ratchet_key"]);
        // Control: the skipped key is in memory, and so is the secret from which the next key is
        // derived.
        assert_eq!(pair.search(&skipped), ["ratchet_nonce", "ratchet_key"]);
        assert_eq!(pair.search(&next), ["ratchet_secret"]);
        pair.read(1, &messages[0]);
        assert_eq!(pair.search(&skipped), [""; 0], "{}", suite.cipher_suite());
        pair.read(1, &messages[2]);
        assert_eq!(pair.search(&next), [""; 0], "{}", suite.cipher_suite());
    }
}

/// Shows that pending secrets are erased when a created Commit is dropped, and when an Update is
/// not committed.
#[test]
fn what_was_pending_is_gone_with_it() {
    let _alone = alone();
    for suite in suites() {
        let (mut nothing, mut kept) = (Wanted::default(), Wanted::default());
        let mut pair = Pair::new(suite, NO_PAST(), &mut nothing, &mut kept);
        let now = pair.groups[0].rows().unwrap();
        let cx = client(&*pair.signers[0], pair.config);
        let (update, delta) =
            pair.groups[0].propose_update(None, b"", &cx, &mut pair.rng.0).unwrap().into_parts();
        drop((update, delta));
        let output = pair.groups[0].commit().proposal(psk_proposal(suite)).build(&cx, &mut pair.rng.0);
        drop(output.unwrap());
        let mut pending = Wanted::default();
        want_rows(&mut pending, &pair.groups[0]);
        for stored in secrets::secrets(&now) {
            pending.remove(stored.secret.expose());
        }
        drop(now);
        let names = pending.names();
        assert!(names.iter().any(|name| name == "init_secret"), "{names:?}");
        assert!(names.iter().any(|name| name == "private key of an Update"), "{names:?}");
        assert_eq!(pair.search(&pending), names, "{}", suite.cipher_suite());
        drop(pair.groups[0].clear_pending());
        // The other member creates a Commit, so the Update expires.
        let own = client(&*pair.signers[1], pair.config);
        let commit = pair.groups[1].commit().build(&own, &mut pair.rng.0).unwrap().assume_persisted();
        drop(pair.groups[1].merge_pending().unwrap());
        pair.follow(0, &commit.message);
        drop(commit);
        assert_eq!(pair.search(&pending), [""; 0], "{}", suite.cipher_suite());
    }
}

fn psk_proposal(suite: Suite) -> Proposal {
    let psk = Psk::External { psk_id: vec![9; 32].into() };
    let psk_nonce = vec![1; suite.hash_len()].into();
    let psk = pando_mls::wire::PreSharedKeyId { psk, psk_nonce };
    Proposal::PreSharedKey(Box::new(pando_mls::wire::PreSharedKey { psk }))
}
