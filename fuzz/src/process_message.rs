//! Fuzzes a member that processes messages: arbitrary bytes, edited messages, and messages from a
//! malicious member.

use crate::group_fixture::{GROUPS, GroupFixture, StoredGroup, VICTIM, fixture, which};
use crate::insider::{
    BY_REFERENCE, EXTERNAL, Insider, OTHER_SECRETS, PRIVATE, SIGN_AGAIN, WITHOUT_PATH, WRONG_TAG,
};
use crate::script::Script;
use pando_mls::wire::{Add, PreSharedKey, PreSharedKeyId, Remove, Sender};
use pando_mls::{
    Decode, Group, GroupError, LeafIndex, Missing, Misuse, MlsMessage, Processed, Proposal, Psk, Unpersisted,
};
use pando_schedule::EpochSecrets;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

/// The leaf index of an honest member other than the victim. This member joined the group together
/// with the victim.
const WITNESS: u32 = 3;
/// The maximum number of proposals in an input.
const PROPOSALS: usize = 16;

/// Processes messages. The first byte selects the group and how the other bytes are used.
pub fn process_message(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let fixture = fixture(*first);
    match first % 4 {
        0 => Script::new(fixture).message(bytes),
        1 => Script::new(fixture).run(bytes),
        2 => proposals(fixture, bytes),
        _ => {
            LazyLock::force(&ACCEPTED[which(*first)]);
            commit(fixture, bytes);
        }
    }
}

/// Processes proposals that are signed by a member, an external sender or a new member. The byte
/// before each proposal selects its sender and whether it is encrypted.
fn proposals(fixture: &GroupFixture, mut bytes: &[u8]) {
    let (mut insider, mut pair) = (Insider::new(fixture), Pair::new(fixture));
    for _ in 0..PROPOSALS {
        let Some((how, rest)) = bytes.split_first() else { break };
        let Ok((proposal, rest)) = Proposal::decode_prefix(rest) else { break };
        bytes = rest;
        let sender = match how >> 1 & 3 {
            2 => Sender::External(0),
            3 => Sender::NewMemberProposal,
            _ => Sender::Member(LeafIndex(0)),
        };
        if let Some((message, _)) = insider.propose(sender, how & PRIVATE != 0, proposal) {
            pair.take(&message);
        }
    }
    pair.commit();
}

/// Processes a Commit from a malicious member. The input consists of the flags, the number of edits
/// of the Commit's path, the edits, and proposals.
fn commit(fixture: &GroupFixture, bytes: &[u8]) {
    let [flags, count, rest @ ..] = bytes else { return };
    let (edits, mut rest) = rest.split_at(rest.len().min(usize::from(count % 8) * 4));
    let mut proposals = Vec::new();
    while let (Ok((proposal, behind)), 0..PROPOSALS) = (Proposal::decode_prefix(rest), proposals.len()) {
        proposals.push(proposal);
        rest = behind;
    }
    committed(fixture, *flags, edits, &proposals);
}

/// Creates and processes a Commit. Returns whether the victim enters the epoch that it starts.
fn committed(fixture: &GroupFixture, flags: u8, edits: &[u8], proposals: &[Proposal]) -> bool {
    let (mut insider, mut pair) = (Insider::new(fixture), Pair::new(fixture));
    let mut references = Vec::new();
    if flags & BY_REFERENCE != 0 {
        for proposal in proposals {
            let (sender, private) = (Sender::Member(LeafIndex(0)), flags & PRIVATE != 0);
            let proposed = insider.propose(sender, private, proposal.clone());
            let (message, reference) = proposed.expect("members may send everything");
            pair.take(&message);
            references.push(reference);
        }
    }
    let references = (flags & BY_REFERENCE != 0).then_some(references);
    let commit = insider.commit(flags, edits, proposals, references);
    let entered = commit.is_some_and(|(message, epoch)| {
        pair.follow(&message, &epoch, edits.is_empty() && flags & OTHER_SECRETS == 0)
    });
    assert!(!entered || flags & WRONG_TAG == 0, "accepted a Commit with a wrong confirmation tag");
    pair.commit();
    entered
}

/// Checks that the victim accepts the malicious member's unedited messages. Otherwise, a target
/// that rejects every message would go unnoticed.
static ACCEPTED: [LazyLock<()>; 2] =
    [LazyLock::new(|| accepted(fixture(GROUPS[0]))), LazyLock::new(|| accepted(fixture(GROUPS[1])))];

fn accepted(fixture: &GroupFixture) {
    let psk = Psk::External { psk_id: vec![1].into() };
    let psk = PreSharedKeyId { psk, psk_nonce: vec![1; fixture.suite.hash_len()].into() };
    let psk = Proposal::PreSharedKey(Box::new(PreSharedKey { psk }));
    let add = Proposal::Add(Box::new(Add { key_package: fixture.newcomer.key_package.clone() }));
    let all = [add, psk, Proposal::Remove(Remove { removed: LeafIndex(2) })];
    assert!(committed(fixture, WITHOUT_PATH, &[], &all[..1]));
    assert!(committed(fixture, SIGN_AGAIN, &[], &[]));
    assert!(committed(fixture, EXTERNAL, &[], &all[1..2]));
    assert!(
        !committed(fixture, EXTERNAL | BY_REFERENCE, &[], &all[1..2]),
        "an external Commit has proposals by value only"
    );
    for flags in [0, PRIVATE, BY_REFERENCE, PRIVATE | BY_REFERENCE] {
        assert!(committed(fixture, flags, &[], &all));
        assert!(!committed(fixture, flags | OTHER_SECRETS, &[], &all));
        assert!(!committed(fixture, flags | WRONG_TAG, &[], &all));
    }
}

/// The victim and an honest witness, which process the same messages and must treat them in the
/// same way.
struct Pair<'a> {
    fixture: &'a GroupFixture,
    victim: StoredGroup,
    witness: Group,
    /// Whether both are members of the group and in the same epoch.
    together: bool,
}

impl<'a> Pair<'a> {
    fn new(fixture: &'a GroupFixture) -> Self {
        let (victim, witness) = (StoredGroup::new(fixture.load(VICTIM)), fixture.load(WITNESS));
        Self { fixture, victim, witness, together: true }
    }

    /// Processes a message as both members, and returns their results.
    fn process(&mut self, message: &MlsMessage) -> [Option<Processed>; 2] {
        let victim = self.victim.group.process(message.clone(), &self.fixture.client(VICTIM));
        let victim = victim.ok().map(|processed| self.victim.store(processed));
        let witness = self.witness.process(message.clone(), &self.fixture.client(WITNESS));
        [victim, witness.ok().map(Unpersisted::assume_persisted)]
    }

    /// Processes a proposal as both members, which must agree whether it is valid.
    fn take(&mut self, message: &MlsMessage) {
        let [victim, witness] = self.process(message);
        assert_eq!(victim.is_some(), witness.is_some(), "victim and witness disagree about a proposal");
    }

    /// Processes a Commit as both members. A member that enters the epoch must have the same
    /// secrets as the malicious member. Returns whether the victim enters the epoch.
    fn follow(&mut self, message: &MlsMessage, epoch: &EpochSecrets, unedited: bool) -> bool {
        let [victim, witness] = self.process(message);
        let victim = enter(&mut self.victim.group, victim, epoch);
        let victim = self.victim.store(victim);
        let witness = enter(&mut self.witness, witness, epoch).assume_persisted();
        self.together = victim.is_some() && victim == witness;
        let removed = victim.is_none() || witness.is_none();
        assert!(self.together || removed || !unedited, "victim and witness disagree about a Commit");
        victim == Some(true)
    }

    /// Checks that the victim can still create a Commit, and that the witness can process it.
    fn commit(mut self) {
        let cx = self.fixture.client(VICTIM);
        if self.together {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            match self.victim.group.commit().build(&cx, &mut rng) {
                Ok(commit) => {
                    let commit = self.victim.store(commit);
                    let merged = self.victim.group.merge_pending().expect("it is pending");
                    self.victim.store(merged);
                    let followed = self.witness.process(commit.message, &self.fixture.client(WITNESS));
                    let followed = followed.expect("it is honest").assume_persisted();
                    let Processed::Commit(staged) = followed else { panic!("it is a Commit") };
                    let is_out = staged.removes_me();
                    self.witness.merge(*staged).expect("it follows").assume_persisted();
                    let (one, other) = (&self.victim.group, &self.witness);
                    assert!(is_out || one.epoch_authenticator() == other.epoch_authenticator());
                }
                // A committer looks up the PSKs only now, so one of them may be missing.
                // Alternatively, the group may have ended.
                Err(error) => assert!(
                    matches!(error, GroupError::Missing(Missing::Psk(_)) | GroupError::Misuse(Misuse::Ended)),
                    "{error}"
                ),
            }
        }
        self.victim.check(&cx);
    }
}

/// Merges a processed Commit. Returns `Some(true)` if the member is in the new epoch, `Some(false)`
/// if it did not accept a Commit, and `None` if it was removed.
fn enter(group: &mut Group, processed: Option<Processed>, epoch: &EpochSecrets) -> Unpersisted<Option<bool>> {
    let Some(Processed::Commit(staged)) = processed else { return group.take_delta().map(|()| Some(false)) };
    let removed = staged.removes_me();
    let merged = group.merge(*staged).expect("it follows");
    // A removed member is not able to verify the confirmation tag.
    assert!(removed || group.epoch_authenticator() == Some(&epoch.epoch_authenticator));
    merged.map(|_| (!removed).then_some(true))
}
