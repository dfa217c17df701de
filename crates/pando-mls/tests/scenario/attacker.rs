//! An attacker that has copied a client's disk and its signature key, and that records all
//! messages.
//!
//! The attacker runs this library on the stolen rows. The attacker follows every Commit that it
//! can, from every state that it has reached, so no other order of messages could reveal more. In
//! each state, the attacker also poses as each other member, because no member decrypts its own
//! messages.

use crate::group_fixture::{AllPsks, Member, client, over_the_wire};
use crate::secrets::{Stored, secrets};
use pando_mls::wire::Content;
use pando_mls::{
    Context, Encode, Group, GroupError, HpkePrivateKey, LeafIndex, Misuse, MlsMessage, MlsMessageBody,
    Processed, PskStore, RowKey, Rows, Signer, Suite,
};
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) struct Attacker {
    stolen: Rows,
    /// The PSKs that the attacker has in addition to the rows, which are usually all PSKs.
    pub(crate) psks: Box<dyn PskStore>,
}

/// The data that an attacker has obtained in the end.
#[derive(Default)]
pub(crate) struct Extracted {
    /// The contents of the messages that the attacker could read, keyed by their positions.
    pub(crate) read: BTreeMap<usize, Vec<u8>>,
    /// All secrets in the rows of all states that the attacker has reached.
    pub(crate) secrets: BTreeSet<Vec<u8>>,
    /// The private keys among these secrets.
    pub(crate) private_keys: BTreeSet<Vec<u8>>,
}

pub(crate) fn copy(rows: &Rows) -> Rows {
    rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}

/// Returns the rows of a member, with its leaf replaced by that of another member.
fn disguised(rows: &Rows, leaf: LeafIndex) -> Rows {
    let mut rows = copy(rows);
    let member = rows.get_mut(&RowKey::Member).unwrap();
    member.expose_mut()[..4].copy_from_slice(&leaf.0.to_be_bytes());
    rows
}

impl Attacker {
    /// Copies the stored rows of a member.
    pub(crate) fn of(victim: &mut Member) -> Self {
        victim.check_store();
        Self { stolen: copy(&victim.rows), psks: Box::new(AllPsks) }
    }

    /// Returns the stolen secrets.
    pub(crate) fn secrets(&self) -> Vec<Stored> {
        secrets(&self.stolen)
    }

    fn load(&self, rows: &Rows, signer: &dyn Signer) -> Group {
        Group::load(rows, &self.client(signer)).unwrap()
    }

    fn client<'a>(&'a self, signer: &'a dyn Signer) -> Context<'a> {
        client(signer).with_psks(&*self.psks)
    }

    /// Extracts as much data as possible from a record of all messages.
    pub(crate) fn read(&self, log: &[MlsMessage], signer: &dyn Signer) -> Extracted {
        let mut extracted = Extracted::default();
        let (mut states, mut seen) = (VecDeque::new(), BTreeSet::new());
        let mut reach = |states: &mut VecDeque<Rows>, group: &Group, rows: &Rows| {
            for leaf in group.public().tree().members().map(Result::unwrap) {
                if seen.insert((leaf, group.epoch_authenticator().unwrap().expose().to_vec())) {
                    states.push_back(disguised(rows, leaf));
                }
            }
        };
        let stolen = self.load(&self.stolen, signer);
        let victim = stolen.own_leaf();
        reach(&mut states, &stolen, &self.stolen);
        while let Some(rows) = states.pop_front() {
            let mut group = self.load(&rows, signer);
            extracted.keep(&rows);
            // A failed operation changes nothing. Proposals stay pending for later messages.
            for (position, message) in log.iter().enumerate() {
                if let Some(Processed::Application { data, .. }) = self.take(&mut group, message, signer) {
                    extracted.read.insert(position, data.to_vec());
                }
            }
            for message in log {
                let mut next = self.load(&group.rows().unwrap(), signer);
                match self.take(&mut next, message, signer) {
                    Some(Processed::Commit(staged)) => drop(next.merge(*staged).unwrap()),
                    // The attacker can merge a pending Commit only as its committer, and also
                    // continues as that committer.
                    Some(Processed::OwnCommit) => match next.merge_pending() {
                        Err(error) if next.own_leaf() != victim => {
                            assert_eq!(error, GroupError::Misuse(Misuse::StaleCommit));
                            continue;
                        }
                        merged => drop(merged.unwrap()),
                    },
                    _ => continue,
                }
                if next.is_active() {
                    reach(&mut states, &next, &next.rows().unwrap());
                }
            }
        }
        extracted
    }

    /// Returns a message in the name of the victim.
    pub(crate) fn forge(&self, signer: &dyn Signer, rng: &mut ChaCha20Rng) -> MlsMessage {
        self.load(&self.stolen, signer).encrypt(b"forged", &self.client(signer), rng).unwrap().into_parts().0
    }

    /// Returns a Commit in the name of the victim.
    pub(crate) fn forge_commit(&self, signer: &dyn Signer, rng: &mut ChaCha20Rng) -> MlsMessage {
        self.load(&self.stolen, signer)
            .commit()
            .build(&self.client(signer), rng)
            .unwrap()
            .assume_persisted()
            .message
    }

    fn take(&self, group: &mut Group, message: &MlsMessage, signer: &dyn Signer) -> Option<Processed> {
        Some(group.process(over_the_wire(message), &self.client(signer)).ok()?.assume_persisted())
    }
}

impl Extracted {
    fn keep(&mut self, rows: &Rows) {
        for Stored { key, secret, .. } in secrets(rows) {
            self.secrets.insert(secret.expose().to_vec());
            if matches!(key, RowKey::PrivateKey(_) | RowKey::OwnUpdate(_)) {
                self.private_keys.insert(secret.expose().to_vec());
            }
        }
    }

    /// Returns the number of path secrets in a public Commit that can be decrypted. `context` is
    /// their encryption context.
    pub(crate) fn path_secrets(&self, suite: Suite, commit: &MlsMessage, context: &[u8]) -> usize {
        let MlsMessageBody::PublicMessage(public) = &commit.body else { panic!("not public") };
        let Content::Commit(commit) = &public.content.content else { panic!("not a Commit") };
        let ciphertexts = commit.path.iter().flat_map(|path| &path.nodes);
        let ciphertexts: Vec<_> = ciphertexts.flat_map(|node| &node.encrypted_path_secret).collect();
        let opens = |key: &Vec<u8>| {
            let key_pair = suite.hpke_key_pair(HpkePrivateKey::from(key.clone())).unwrap();
            let opened = ciphertexts.iter().filter(|ciphertext| {
                suite.decrypt_with_label(&key_pair, "UpdatePathNode", context, ciphertext).is_ok()
            });
            opened.count()
        };
        self.private_keys.iter().map(opens).sum()
    }
}

/// Returns those secrets in a member's store that belong to the current epoch. Older secrets and
/// private keys are not included.
pub(crate) fn of_this_epoch(member: &Member) -> BTreeSet<Vec<u8>> {
    let epoch = member.group.epoch();
    let stored = secrets(&member.rows).into_iter().filter(|stored| match stored.key {
        RowKey::Member => true,
        RowKey::Epoch(of, _) => of == epoch,
        _ => false,
    });
    stored.map(|stored| stored.secret.expose().to_vec()).collect()
}

/// Returns the private keys in a member's store.
pub(crate) fn private_keys(member: &Member) -> BTreeSet<Vec<u8>> {
    let stored = secrets(&member.rows).into_iter();
    let stored = stored.filter(|stored| matches!(stored.key, RowKey::PrivateKey(_)));
    stored.map(|stored| stored.secret.expose().to_vec()).collect()
}

/// Returns the encryption context of the path secrets in the Commit that began this epoch. The
/// context contains the old transcript hash.
pub(crate) fn path_context(after: &Group, transcript_before: &[u8]) -> Vec<u8> {
    let mut context = after.public().context().clone();
    context.confirmed_transcript_hash = transcript_before.into();
    context.encode().unwrap()
}
