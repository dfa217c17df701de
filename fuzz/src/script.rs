//! A member that receives messages in any order, possibly edited, and acts itself in between.

use crate::live::{Kept, Live, VICTIM, edited, same};
use pando_mls::{Context, Decode, Encode, EpochRow, GroupError, MlsMessage, Processed, RowKey, SecretId};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// From this value on, the first byte of a step chooses an action of the member itself.
const OWN: u8 = 0xe0;
/// A bit of the second byte of a step: a Commit is not merged.
const DROPPED: u8 = 0x80;

pub(crate) struct Script<'a> {
    live: &'a Live,
    client: Context<'a>,
    kept: Kept,
    /// The encoded messages that the member has sent.
    own: Vec<Vec<u8>>,
    rng: ChaCha20Rng,
}

impl<'a> Script<'a> {
    pub(crate) fn new(live: &'a Live) -> Self {
        let (client, kept) = (live.client(VICTIM), Kept::new(live.load(VICTIM)));
        Self { live, client, kept, own: vec![], rng: ChaCha20Rng::seed_from_u64(5) }
    }

    /// Processes one message.
    pub(crate) fn message(mut self, bytes: &[u8]) {
        self.take(bytes, false);
        self.kept.check(&self.client);
    }

    /// Runs up to 24 steps. A step has an honest message or an action, the number of edits, and the
    /// edits.
    pub(crate) fn run(mut self, mut bytes: &[u8]) {
        let mut number = 0;
        while let ([which, how, rest @ ..], 0..24) = (bytes, number) {
            let (edits, behind) = rest.split_at(rest.len().min(usize::from(how % 4) * 4));
            (bytes, number) = (behind, number + 1);
            if *which < OWN {
                let honest = &self.live.honest[usize::from(*which) % self.live.honest.len()];
                self.take(&edited(honest, edits), how & DROPPED != 0);
                continue;
            }
            let done = self.act(which % 8, edits, how & DROPPED != 0);
            // A Commit is already pending, or the member was removed.
            assert!(matches!(done, Ok(()) | Err(GroupError::Misuse(_))), "{done:?}");
        }
        self.kept.check(&self.client);
    }

    fn act(&mut self, what: u8, edits: &[u8], dropped: bool) -> Result<(), GroupError> {
        let (group, client, rng) = (&mut self.kept.group, &self.client, &mut self.rng);
        let message = match what {
            0 => group.encrypt(b"mine", client, rng)?,
            1 => group.propose_update(None, b"", client, rng)?,
            2 => group.commit().build(client, rng)?.map(|output| output.message),
            3 => {
                let cleared = group.clear_pending();
                self.kept.store(cleared);
                return Ok(());
            }
            4 => {
                self.kept.reopen(client);
                return Ok(());
            }
            // One of the member's own messages comes back: the first or the last.
            _ => {
                let back = if what == 5 { self.own.first() } else { self.own.last() };
                if let Some(back) = back.map(|back| edited(back, edits)) {
                    self.take(&back, dropped);
                }
                return Ok(());
            }
        };
        let message = self.kept.store(message);
        self.own.push(message.encode().expect("encodes"));
        Ok(())
    }

    /// Processes a message. A message that was not sent must be rejected. A rejected message must
    /// not change any observable state.
    fn take(&mut self, bytes: &[u8], dropped: bool) {
        let Ok(message) = MlsMessage::decode(bytes) else { return };
        let state = |kept: &Kept| {
            let group = &kept.group;
            let authenticator =
                group.epoch_authenticator().map(|authenticator| authenticator.expose().to_vec());
            (group.epoch(), authenticator, group.pending_proposals().count(), group.pending_commit().cloned())
        };
        let (before, rows) = (state(&self.kept), self.kept.group.rows().expect("rows"));
        let taken = self.kept.group.process(message, &self.client);
        let after = state(&self.kept);
        let processed = match taken {
            Ok(taken) => taken,
            Err(error) => {
                assert!(before == after, "a rejected message changed the state");
                // Only an authentic message may advance a ratchet. Nodes and ratchets may have been
                // derived.
                if let GroupError::Framing(_) = error {
                    let (mut rows, mut now) = (rows, self.kept.group.rows().expect("rows"));
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
        let processed = self.kept.store(processed);
        assert!((&before.0, &before.1, &before.3) == (&after.0, &after.1, &after.3), "nothing is merged yet");
        let was_sent = self.live.honest.iter().chain(&self.own).any(|sent| sent == bytes);
        assert!(was_sent, "accepted a message that was not sent: {processed:?}");
        match processed {
            _ if dropped => {}
            Processed::Commit(staged) => {
                let merged = self.kept.group.merge(*staged).expect("it follows");
                self.kept.store(merged);
            }
            Processed::OwnCommit => {
                let merged = self.kept.group.merge_pending().expect("it is pending");
                self.kept.store(merged);
            }
            _ => {}
        }
    }
}
