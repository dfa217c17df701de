//! Application messages that arrive in order, out of order, or after their epoch has ended.

use crate::member::{Bytes, PAST_EPOCHS, Processed};
use crate::operation::Operation;
use crate::simulation::{Id, Simulation};
use crate::trace::{Checked, ensure};
use std::collections::BTreeMap;

struct SentMessage {
    epoch: u64,
    from: Id,
    /// The sender's leaf index when it sent the message.
    leaf: u32,
    library: usize,
    bytes: Bytes,
    data: Bytes,
    authenticated_data: Bytes,
}

/// The messages that have been sent, including those that are still in transit.
#[derive(Default)]
pub(crate) struct SentMessages {
    sent: Vec<SentMessage>,
    /// The messages in transit. Each entry contains the epoch of the delivery, the receiver, and
    /// the index of the message.
    late: Vec<(u64, Id, usize)>,
    /// The latest message that a receiver has read from a sender in an epoch.
    last: BTreeMap<(Id, Id, u64), usize>,
}

impl SentMessages {
    /// Drops the messages in transit to a client that has left the group.
    pub(crate) fn forget(&mut self, id: Id) {
        self.late.retain(|(_, to, _)| *to != id);
    }
}

impl Simulation {
    /// Makes some members send messages. Most of the messages are delivered immediately.
    pub(crate) fn chat(&mut self) -> Checked {
        let first = self.messages.sent.len();
        for _ in 0..self.random.below(4) {
            let members = self.members();
            let Some(from) = self.random.pick(&members) else { continue };
            for _ in 0..=self.random.below(3) {
                self.write(from)?;
            }
        }
        for to in self.members() {
            let mut inbox: Vec<_> = (first..self.messages.sent.len())
                .filter(|number| self.messages.sent[*number].from != to)
                .collect();
            if self.random.percent(40) {
                self.random.shuffle(&mut inbox);
            }
            for number in inbox {
                if self.random.percent(15) {
                    let due = self.epoch + 1 + self.random.below(PAST_EPOCHS) as u64;
                    self.messages.late.push((due, to, number));
                } else {
                    self.read(to, number)?;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, from: Id) -> Checked {
        let (data, authenticated_data) = (self.random.bytes(200), self.random.bytes(20));
        let bytes = self
            .with_member(from, "encrypts a message", |member| member.encrypt(&data, &authenticated_data))?;
        let (leaf, library, epoch) = (self.leaf(from)?, self.clients[from].library, self.epoch);
        self.log_step(format!("  {} sends message {}", self.name(from), self.messages.sent.len()));
        self.messages.sent.push(SentMessage { epoch, from, leaf, library, bytes, data, authenticated_data });
        Ok(())
    }

    /// Delivers those messages in transit that are due.
    pub(crate) fn deliver_late(&mut self) -> Checked {
        let epoch = self.epoch;
        let (due, late) =
            std::mem::take(&mut self.messages.late).into_iter().partition(|(due, ..)| *due <= epoch);
        self.messages.late = late;
        let due: Vec<_> = due;
        due.into_iter().try_for_each(|(_, to, number)| self.read(to, number))
    }

    fn read(&mut self, to: Id, number: usize) -> Checked {
        let sent_message = &self.messages.sent[number];
        // A sender that left and returned may be at a different leaf than before.
        let sender = &self.clients[sent_message.from];
        let former = sender.member.is_none() || sender.joined > sent_message.epoch;
        if former && self.library(to).cannot_take(Operation::MessageLateOfFormer).is_some() {
            return Ok(());
        }
        let (bytes, library, from, epoch) =
            (sent_message.bytes.clone(), sent_message.library, sent_message.from, sent_message.epoch);
        let doing = format!("reads message {number} of {} in epoch {epoch}", self.name(from));
        let processed = self.process(to, &doing, &bytes)?;
        let sent_message = &self.messages.sent[number];
        let expected = Processed::Message {
            sender: sent_message.leaf,
            data: sent_message.data.clone(),
            authenticated_data: sent_message.authenticated_data.clone(),
        };
        ensure(processed == expected, || {
            format!("{} {doing}: {processed:?}, not {expected:?}", self.name(to))
        })?;

        let last = self.messages.last.entry((to, from, epoch)).or_insert(number);
        let out_of_order = *last > number;
        *last = number.max(*last);
        self.count(Operation::Message, library, to);
        if out_of_order {
            self.count(Operation::MessageOutOfOrder, library, to);
        }
        if former {
            self.count(Operation::MessageLateOfFormer, library, to);
        }
        if epoch < self.epoch {
            self.count(Operation::MessageLate, library, to);
        }
        Ok(())
    }
}
