//! Our own proposals of an epoch as they were sent, so that they are recognised when the delivery
//! service returns them.

use crate::{Exceeded, GroupError};
use pando_crypto::Suite;
use pando_wire::{Encode, EncodeError, MlsMessage, ProposalRef};
use std::collections::BTreeMap;

/// Sent messages with the references of their proposals. A message is found by a hash of its bytes.
#[derive(Debug, Default)]
pub(crate) struct OwnProposals {
    sent: Vec<(MlsMessage, ProposalRef)>,
    positions: BTreeMap<Box<[u8]>, usize>,
}

impl OwnProposals {
    /// Adds a message that is about to be sent.
    pub(crate) fn push(
        &mut self,
        suite: Suite,
        message: MlsMessage,
        reference: ProposalRef,
    ) -> Result<(), EncodeError> {
        self.positions.insert(hash(suite, &message)?, self.sent.len());
        self.sent.push((message, reference));
        Ok(())
    }

    /// Returns the position that the next added message will have.
    pub(crate) fn next_position(&self) -> Result<u32, GroupError> {
        let len = self.sent.len();
        u32::try_from(len).map_err(|_| Exceeded::PendingProposals(len).into())
    }

    /// Returns the reference of the proposal in a message, if this client has sent the message.
    pub(crate) fn find(
        &self,
        suite: Suite,
        message: &MlsMessage,
    ) -> Result<Option<&ProposalRef>, EncodeError> {
        // Most members have sent no proposal, so they need not hash each received message.
        if self.sent.is_empty() {
            return Ok(None);
        }
        let position = self.positions.get(&hash(suite, message)?);
        let found = position.and_then(|position| self.sent.get(*position));
        Ok(found.filter(|(own, _)| same(own, message)).map(|(_, reference)| reference))
    }

    /// Returns all messages in the order in which they were sent, with their positions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &MlsMessage, &ProposalRef)> {
        (0..).zip(&self.sent).map(|(position, (message, reference))| (position, message, reference))
    }
}

fn hash(suite: Suite, message: &MlsMessage) -> Result<Box<[u8]>, EncodeError> {
    Ok(suite.hash(&[&message.encode()?]).as_ref().into())
}

fn same(own: &MlsMessage, message: &MlsMessage) -> bool {
    #[cfg(test)]
    tests::COMPARED.set(tests::COMPARED.get().saturating_add(1));
    own == message
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_wire::{CipherSuite, ContentType, PrivateMessage};
    use std::cell::Cell;

    thread_local! {
        pub(super) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    fn message(number: u32) -> MlsMessage {
        PrivateMessage {
            group_id: vec![1].into(),
            epoch: 7,
            content_type: ContentType::Proposal,
            authenticated_data: vec![].into(),
            encrypted_sender_data: vec![2; 28].into(),
            ciphertext: number.to_be_bytes().as_slice().into(),
        }
        .into()
    }

    #[test]
    fn each_message_is_found_with_one_comparison() {
        let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
        let reference = |number: u32| ProposalRef::from(number.to_be_bytes().to_vec());
        let mut own = OwnProposals::default();
        for number in 0..1_000 {
            own.push(suite, message(number), reference(number)).unwrap();
        }
        COMPARED.set(0);
        for number in 0..2_000 {
            let expected = (number < 1_000).then(|| reference(number));
            assert_eq!(own.find(suite, &message(number)).unwrap(), expected.as_ref());
        }
        assert_eq!(COMPARED.get(), 1_000);
        assert_eq!(own.next_position(), Ok(1_000));
        assert!(own.iter().map(|(position, ..)| position).eq(0..1_000));
    }
}
