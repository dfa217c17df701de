//! A member that receives messages in any order, some of them edited, and performs actions in
//! between.

use crate::group_fixture::{GroupFixture, StoredGroup, VICTIM, edited, same};
use pando_mls::{Context, Decode, Encode, EpochRow, GroupError, MlsMessage, Processed, RowKey, SecretId};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// If the first byte of a step has at least this value, it selects an action of the member itself.
const OWN: u8 = 0xe0;
/// A bit of the second byte of a step. If it is set, a received Commit is not merged.
const DROPPED: u8 = 0x80;

pub(crate) struct Script<'a> {
    fixture: &'a GroupFixture,
    cx: Context<'a>,
    stored: StoredGroup,
    /// The messages that the member has sent, in encoded form.
    own: Vec<Vec<u8>>,
    rng: ChaCha20Rng,
}

impl<'a> Script<'a> {
    pub(crate) fn new(fixture: &'a GroupFixture) -> Self {
        let (cx, stored) = (fixture.client(VICTIM), StoredGroup::new(fixture.load(VICTIM)));
        Self { fixture, cx, stored, own: vec![], rng: ChaCha20Rng::seed_from_u64(5) }
    }

    /// Processes a single message and checks the group.
    pub(crate) fn message(mut self, bytes: &[u8]) {
        self.take(bytes, false);
        self.stored.check(&self.cx);
    }

    /// Runs up to 24 steps. A step consists of an honest message or an action, the number of edits,
    /// and the edits.
    pub(crate) fn run(mut self, mut bytes: &[u8]) {
        let mut number = 0;
        while let ([which, how, rest @ ..], 0..24) = (bytes, number) {
            let (edits, behind) = rest.split_at(rest.len().min(usize::from(how % 4) * 4));
            (bytes, number) = (behind, number + 1);
            if *which < OWN {
                let honest = &self.fixture.honest[usize::from(*which) % self.fixture.honest.len()];
                self.take(&edited(honest, edits), how & DROPPED != 0);
                continue;
            }
            let done = self.act(which % 8, edits, how & DROPPED != 0);
            // An action fails if a Commit is already pending or if the member was removed.
            assert!(matches!(done, Ok(()) | Err(GroupError::Misuse(_))), "{done:?}");
        }
        self.stored.check(&self.cx);
    }

    fn act(&mut self, what: u8, edits: &[u8], dropped: bool) -> Result<(), GroupError> {
        let (group, cx, rng) = (&mut self.stored.group, &self.cx, &mut self.rng);
        let message = match what {
            0 => group.encrypt(b"mine", cx, rng)?,
            1 => group.propose_update(None, b"", cx, rng)?,
            2 => group.commit().build(cx, rng)?.map(|output| output.message),
            3 => {
                let cleared = group.clear_pending();
                self.stored.store(cleared);
                return Ok(());
            }
            4 => {
                self.stored.reopen(cx);
                return Ok(());
            }
            // The member receives one of its own messages, either the first or the last one.
            _ => {
                let back = if what == 5 { self.own.first() } else { self.own.last() };
                if let Some(back) = back.map(|back| edited(back, edits)) {
                    self.take(&back, dropped);
                }
                return Ok(());
            }
        };
        let message = self.stored.store(message);
        self.own.push(message.encode().expect("encodes"));
        Ok(())
    }

    /// Processes a message. If no client sent the message, it must be rejected. A rejected message
    /// must not change any observable state.
    fn take(&mut self, bytes: &[u8], dropped: bool) {
        let Ok(message) = MlsMessage::decode(bytes) else { return };
        let state = |stored: &StoredGroup| {
            let group = &stored.group;
            let authenticator =
                group.epoch_authenticator().map(|authenticator| authenticator.expose().to_vec());
            (group.epoch(), authenticator, group.pending_proposals().count(), group.pending_commit().cloned())
        };
        let (before, rows) = (state(&self.stored), self.stored.group.rows().expect("rows"));
        let taken = self.stored.group.process(message, &self.cx);
        let after = state(&self.stored);
        let processed = match taken {
            Ok(taken) => taken,
            Err(error) => {
                assert!(before == after, "a rejected message changed the state");
                // Only an authentic message may advance a ratchet. However, a rejected message may
                // have caused nodes and ratchets to be derived.
                if let GroupError::Framing(_) = error {
                    let (mut rows, mut now) = (rows, self.stored.group.rows().expect("rows"));
                    let derived =
                        |key: &RowKey| matches!(key, RowKey::Epoch(_, EpochRow::Secret(SecretId::Node(_))));
                    let begun = |key: &RowKey| {
                        matches!(key, RowKey::Epoch(_, EpochRow::Secret(SecretId::Ratchet(..))))
                    };
                    now.retain(|key, _| !derived(key) && (rows.contains_key(key) || !begun(key)));
                    rows.retain(|key, _| !derived(key));
                    same(&now, &rows, "an unauthentic message changed the rows");
                }
                return;
            }
        };
        let processed = self.stored.store(processed);
        assert!((&before.0, &before.1, &before.3) == (&after.0, &after.1, &after.3), "nothing is merged yet");
        let was_sent = self.fixture.honest.iter().chain(&self.own).any(|sent| sent == bytes);
        assert!(was_sent, "accepted a message that was not sent: {processed:?}");
        match processed {
            _ if dropped => {}
            Processed::Commit(staged) => {
                let merged = self.stored.group.merge(*staged).expect("it follows");
                self.stored.store(merged);
            }
            Processed::OwnCommit => {
                let merged = self.stored.group.merge_pending().expect("it is pending");
                self.stored.store(merged);
            }
            _ => {}
        }
    }
}
