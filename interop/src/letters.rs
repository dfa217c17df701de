//! Application messages: in order, out of order, and late ones that arrive after their epoch has
//! ended.

use crate::member::{Bytes, PAST_EPOCHS, Processed};
use crate::operation::Operation;
use crate::trace::{Checked, ensure};
use crate::world::{Id, World};
use std::collections::BTreeMap;

struct Letter {
    epoch: u64,
    from: Id,
    /// The sender's leaf at that time.
    leaf: u32,
    library: usize,
    bytes: Bytes,
    data: Bytes,
    authenticated_data: Bytes,
}

/// The sent messages, and the messages that are still in transit.
#[derive(Default)]
pub(crate) struct Letters {
    sent: Vec<Letter>,
    /// The epoch of the delivery, the receiver, and the index of the message.
    late: Vec<(u64, Id, usize)>,
    /// The last message that a receiver has read of a sender in an epoch.
    last: BTreeMap<(Id, Id, u64), usize>,
}

impl Letters {
    /// Drops the messages in transit to a client that has left.
    pub(crate) fn forget(&mut self, id: Id) {
        self.late.retain(|(_, to, _)| *to != id);
    }
}

impl World {
    /// Lets some members send messages, and delivers most of them.
    pub(crate) fn chat(&mut self) -> Checked {
        let first = self.letters.sent.len();
        for _ in 0..self.dice.below(4) {
            let members = self.members();
            let Some(from) = self.dice.pick(&members) else { continue };
            for _ in 0..=self.dice.below(3) {
                self.write(from)?;
            }
        }
        for to in self.members() {
            let mut inbox: Vec<_> = (first..self.letters.sent.len())
                .filter(|letter| self.letters.sent[*letter].from != to)
                .collect();
            if self.dice.percent(40) {
                self.dice.shuffle(&mut inbox);
            }
            for letter in inbox {
                if self.dice.percent(15) {
                    let due = self.epoch + 1 + self.dice.below(PAST_EPOCHS) as u64;
                    self.letters.late.push((due, to, letter));
                } else {
                    self.read(to, letter)?;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, from: Id) -> Checked {
        let (data, authenticated_data) = (self.dice.bytes(200), self.dice.bytes(20));
        let bytes =
            self.act(from, "encrypts a message", |member| member.encrypt(&data, &authenticated_data))?;
        let (leaf, library, epoch) = (self.leaf(from)?, self.people[from].library, self.epoch);
        self.tell(format!("  {} sends message {}", self.name(from), self.letters.sent.len()));
        self.letters.sent.push(Letter { epoch, from, leaf, library, bytes, data, authenticated_data });
        Ok(())
    }

    /// Delivers the late messages that are due.
    pub(crate) fn deliver_late(&mut self) -> Checked {
        let epoch = self.epoch;
        let (due, late) =
            std::mem::take(&mut self.letters.late).into_iter().partition(|(due, ..)| *due <= epoch);
        self.letters.late = late;
        let due: Vec<_> = due;
        due.into_iter().try_for_each(|(_, to, letter)| self.read(to, letter))
    }

    fn read(&mut self, to: Id, number: usize) -> Checked {
        let letter = &self.letters.sent[number];
        // A sender that has returned may be at the same leaf or not.
        let sender = &self.people[letter.from];
        let former = sender.member.is_none() || sender.joined > letter.epoch;
        if former && self.library(to).cannot_take(Operation::MessageLateOfFormer).is_some() {
            return Ok(());
        }
        let (bytes, library, from, epoch) = (letter.bytes.clone(), letter.library, letter.from, letter.epoch);
        let doing = format!("reads message {number} of {} in epoch {epoch}", self.name(from));
        let processed = self.process(to, &doing, &bytes)?;
        let letter = &self.letters.sent[number];
        let expected = Processed::Message {
            sender: letter.leaf,
            data: letter.data.clone(),
            authenticated_data: letter.authenticated_data.clone(),
        };
        ensure(processed == expected, || {
            format!("{} {doing}: {processed:?}, not {expected:?}", self.name(to))
        })?;

        let last = self.letters.last.entry((to, from, epoch)).or_insert(number);
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
