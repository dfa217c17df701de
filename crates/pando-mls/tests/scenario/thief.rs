//! Somebody who has copied the disk of a client, with its signature key, and records all that is sent.
//!
//! The thief runs this library on what was stolen. Whatever Commit can be followed is followed, from every state that was
//! reached before, so that no order of messages is better than this. In each it also claims to be the other members, since
//! nobody opens what it has sent itself.

use crate::secrets::{Stored, secrets};
use crate::world::{AllPsks, Member, client, over_the_wire};
use pando_mls::wire::Content;
use pando_mls::{
    Context, Encode, Group, GroupError, HpkePrivateKey, LeafIndex, Misuse, MlsMessage, MlsMessageBody,
    Processed, PskStore, RowKey, Rows, Signer, Suite,
};
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) struct Thief {
    stolen: Rows,
    /// Which PSKs it has beside the rows. Usually all.
    pub(crate) psks: Box<dyn PskStore>,
}

/// What a thief has got in the end.
#[derive(Default)]
pub(crate) struct Loot {
    /// The positions of the messages that it could read, and what was in them.
    pub(crate) read: BTreeMap<usize, Vec<u8>>,
    /// Every secret in the rows of every state that it has reached.
    pub(crate) secrets: BTreeSet<Vec<u8>>,
    /// The private keys among them.
    pub(crate) private_keys: BTreeSet<Vec<u8>>,
}

pub(crate) fn copy(rows: &Rows) -> Rows {
    rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}

/// The rows of a member that says it is another.
fn disguised(rows: &Rows, leaf: LeafIndex) -> Rows {
    let mut rows = copy(rows);
    let member = rows.get_mut(&RowKey::Member).unwrap();
    member.expose_mut()[..4].copy_from_slice(&leaf.0.to_be_bytes());
    rows
}

impl Thief {
    /// Copies what a member has stored.
    pub(crate) fn of(victim: &mut Member) -> Self {
        victim.check_store();
        Self { stolen: copy(&victim.rows), psks: Box::new(AllPsks) }
    }

    /// The secrets that were stolen.
    pub(crate) fn secrets(&self) -> Vec<Stored> {
        secrets(&self.stolen)
    }

    fn load(&self, rows: &Rows, signer: &dyn Signer) -> Group {
        Group::load(rows, &self.client(signer)).unwrap()
    }

    fn client<'a>(&'a self, signer: &'a dyn Signer) -> Context<'a> {
        client(signer).with_psks(&*self.psks)
    }

    /// Does with a record of all messages what can be done.
    pub(crate) fn read(&self, log: &[MlsMessage], signer: &dyn Signer) -> Loot {
        let mut loot = Loot::default();
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
            loot.keep(&rows);
            // What fails changes nothing. Proposals are pending from then on.
            for (position, message) in log.iter().enumerate() {
                if let Some(Processed::Application { data, .. }) = self.take(&mut group, message, signer) {
                    loot.read.insert(position, data.to_vec());
                }
            }
            for message in log {
                let mut next = self.load(&group.rows().unwrap(), signer);
                match self.take(&mut next, message, signer) {
                    Some(Processed::Commit(staged)) => drop(next.merge(*staged).unwrap()),
                    // A Commit that is pending is merged by the one who has made it, as whom the thief also goes on.
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
        loot
    }

    /// A message in the name of the victim.
    pub(crate) fn forge(&self, signer: &dyn Signer, rng: &mut ChaCha20Rng) -> MlsMessage {
        self.load(&self.stolen, signer).encrypt(b"forged", &self.client(signer), rng).unwrap().into_parts().0
    }

    /// A Commit in the name of the victim.
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

impl Loot {
    fn keep(&mut self, rows: &Rows) {
        for Stored { key, secret, .. } in secrets(rows) {
            self.secrets.insert(secret.expose().to_vec());
            if matches!(key, RowKey::PrivateKey(_) | RowKey::OwnUpdate(_)) {
                self.private_keys.insert(secret.expose().to_vec());
            }
        }
    }

    /// How many path secrets of a public Commit can be decrypted. `context` is what they are encrypted under.
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

/// The secrets of the current epoch that a member has stored: not those of the past, nor private keys that are older.
pub(crate) fn of_this_epoch(member: &Member) -> BTreeSet<Vec<u8>> {
    let epoch = member.group.epoch();
    let stored = secrets(&member.rows).into_iter().filter(|stored| match stored.key {
        RowKey::Member => true,
        RowKey::Epoch(of, _) => of == epoch,
        _ => false,
    });
    stored.map(|stored| stored.secret.expose().to_vec()).collect()
}

/// The private keys that a member has stored.
pub(crate) fn private_keys(member: &Member) -> BTreeSet<Vec<u8>> {
    let stored = secrets(&member.rows).into_iter();
    let stored = stored.filter(|stored| matches!(stored.key, RowKey::PrivateKey(_)));
    stored.map(|stored| stored.secret.expose().to_vec()).collect()
}

/// What path secrets of the Commit were encrypted under that has led to the group's epoch: the transcript is the old one.
pub(crate) fn path_context(after: &Group, transcript_before: &[u8]) -> Vec<u8> {
    let mut context = after.public().context().clone();
    context.confirmed_transcript_hash = transcript_before.into();
    context.encode().unwrap()
}
