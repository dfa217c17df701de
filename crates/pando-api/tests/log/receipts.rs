//! Receipts prove that the server gave a message its place.

use crate::fixture::{Server, flip, key, keys};
use pando_api::{Digest, EntryKind, Head, HeadError, Receipt, ReceiptError};
use pando_mls::Opaque;

const MESSAGE: &[u8] = b"message 3";

/// Returns the receipt for the entry 4.
fn receipt() -> Receipt {
    Server::with_entries(5).receipt(4)
}

fn verify(alter: impl FnOnce(&mut Receipt)) -> Result<(), ReceiptError> {
    let mut receipt = receipt();
    alter(&mut receipt);
    receipt.verify(MESSAGE, &keys())
}

#[test]
fn receipts_of_all_entries_are_accepted() {
    let server = Server::with_entries(5);
    for seq in 1..=5 {
        let message = &server.entries[seq as usize - 1].message;
        assert_eq!(server.receipt(seq).verify(message, &keys()), Ok(()));
    }
    assert_eq!(verify(|_| {}), Ok(()));
}

#[test]
fn a_receipt_for_another_message_is_refused() {
    for message in [&b""[..], b"message 4", b"message 3 "] {
        assert_eq!(receipt().verify(message, &keys()), Err(ReceiptError::Message));
    }
    let other = Digest::of(b"other");
    assert_eq!(verify(|receipt| receipt.digest = other), Err(ReceiptError::Message));
    // The digest is replaced together with the message.
    let forged = Receipt { digest: other, ..receipt() };
    assert_eq!(forged.verify(b"other", &keys()), Err(ReceiptError::Hash));
}

#[test]
fn a_receipt_with_another_field_is_refused() {
    for kind in [EntryKind::Creation, EntryKind::Commit, EntryKind::Proposal] {
        assert_eq!(verify(|receipt| receipt.kind = kind), Err(ReceiptError::Hash));
    }
    assert_eq!(verify(|receipt| receipt.epoch += 1), Err(ReceiptError::Hash));
    for bit in [0, 100, 255] {
        let alter = |receipt: &mut Receipt| receipt.previous = flip(&receipt.previous, bit).into();
        assert_eq!(verify(alter), Err(ReceiptError::Hash));
    }
    assert_eq!(verify(|receipt| receipt.previous = Opaque::default()), Err(ReceiptError::Hash));
}

#[test]
fn a_receipt_whose_head_is_altered_is_refused() {
    let alterations: [fn(&mut Head); 6] = [
        |head| head.domain = "example.com".parse().unwrap(),
        |head| head.group_id = "another of 16 by".into(),
        |head| head.incarnation += 1,
        |head| head.seq += 1,
        |head| head.time += 1,
        |head| head.hash = Digest::of(b"other"),
    ];
    for alter in alterations {
        let altered = verify(|receipt| alter(&mut receipt.head.head));
        assert_eq!(altered, Err(ReceiptError::Head(HeadError::Signature)));
        // The server signs the altered head: it does not match the other fields.
        let signed = verify(|receipt| {
            alter(&mut receipt.head.head);
            receipt.head = receipt.head.head.clone().sign(&key(1)).unwrap();
        });
        assert_eq!(signed, Err(ReceiptError::Hash));
    }
    for bit in 0..512 {
        let altered = verify(|receipt| receipt.head.signature = flip(&receipt.head.signature, bit).into());
        assert_eq!(altered, Err(ReceiptError::Head(HeadError::Signature)), "bit {bit}");
    }
}

#[test]
fn a_receipt_of_another_server_is_refused() {
    let forged = verify(|receipt| receipt.head = receipt.head.head.clone().sign(&key(2)).unwrap());
    assert_eq!(forged, Err(ReceiptError::Head(HeadError::UnknownKey(key(2).public().id()))));
    // The forger claims the server's key.
    let forged = verify(|receipt| {
        let id = receipt.head.key_id;
        receipt.head = receipt.head.head.clone().sign(&key(2)).unwrap();
        receipt.head.key_id = id;
    });
    assert_eq!(forged, Err(ReceiptError::Head(HeadError::Signature)));
}

/// The receipt of a log that has lost the entry stays valid: it is the client's evidence.
#[test]
fn a_receipt_outlives_a_restore() {
    let mut server = Server::with_entries(5);
    let receipt = server.receipt(5);
    server.restore(2);
    assert_eq!(receipt.verify(b"message 4", &keys()), Ok(()));
}
