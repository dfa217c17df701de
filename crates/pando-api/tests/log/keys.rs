//! The keys of servers.

use crate::fixture::{Server, key, keys};
use pando_api::{HeadError, LogError, LogPage, ServerKeys, ServerPublicKey};

#[test]
fn a_key_survives_its_encoding() {
    let public = key(1).public();
    assert_eq!(ServerPublicKey::from_bytes(public.as_bytes()), Ok(public));
    assert_ne!(key(2).public().id(), public.id());
    assert_eq!(public.id().to_string().len(), 16);
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    let public = *key(1).public().as_bytes();
    let mut order_1 = [0; 32];
    order_1[0] = 1;
    // Points of the orders 1, 4, and 2.
    let mut order_2 = [0xff; 32];
    (order_2[0], order_2[31]) = (0xec, 0x7f);
    for bytes in
        [&[][..], &public[1..], &[&public[..], &[0]].concat(), &order_1, &[0; 32], &order_2, &[2; 32]]
    {
        assert_eq!(ServerPublicKey::from_bytes(bytes), Err(HeadError::Key), "{bytes:x?}");
    }
}

#[test]
fn heads_of_unknown_keys_are_refused() {
    let server = Server::with_entries(3);
    let unknown = HeadError::UnknownKey(key(2).public().id());
    let head = server.unsigned_head(3).sign(&key(2)).unwrap();
    assert_eq!(head.verify(&keys()), Err(unknown.clone()));
    assert_eq!(head.verify(&ServerKeys::default()), Err(unknown.clone()));
    let page = LogPage { head, ..server.page(0, 3) };
    assert_eq!(server.reader_at(0).advance(&page, &keys()), Err(LogError::Signature(unknown)));
}

/// While a server changes its key, readers have both.
#[test]
fn heads_of_earlier_keys_are_accepted() {
    let server = Server::with_entries(3);
    let both: ServerKeys = [key(2).public(), key(1).public()].into_iter().collect();
    for number in [1, 2] {
        let head = server.unsigned_head(3).sign(&key(number)).unwrap();
        assert_eq!(head.verify(&both), Ok(&server.unsigned_head(3)));
    }
}

#[test]
fn a_private_key_is_not_printed() {
    let printed = format!("{:?}", key(0x5a));
    assert!(printed.contains(&key(0x5a).public().id().to_string()));
    assert!(!printed.contains("5a5a") && !printed.contains("90, 90"), "{printed}");
}
