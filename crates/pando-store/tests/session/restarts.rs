//! The steps of `examples/first.rs`, each in a new session.

use crate::fixture::{Member, agree, group_with, tea};
use pando_mls::{Client, Encode, LeafIndex};
use pando_store::session::{Event, Received, Rejection, no_rows};
use pando_store::{Backend, StoreError};
use std::time::Duration;

fn first<B: Backend>(alice: Member<B>, bob: Member<B>) {
    let (mut alice, mut bob) = (alice, bob);
    alice.restart();
    alice.create();
    bob.restart();
    let key_package = bob.key_package();
    let reference = crate::fixture::suite().key_package_ref(&key_package).unwrap();
    alice.restart();
    let commit = alice.commit(|commit| commit.add(key_package));
    alice.restart();
    assert_eq!(alice.group().pending_commit().unwrap().encode().unwrap(), commit);
    assert_eq!(alice.accept().len(), 2);
    alice.restart();
    let [(id, welcome)] = alice.session.outbox(&tea()).unwrap().try_into().unwrap();
    bob.restart();
    assert!(bob.session.store().key_package(&reference).unwrap().is_some());
    let joined = Event::Joined { group_id: tea(), epoch: 1, inviter: LeafIndex(0) };
    assert_eq!(bob.apply(&welcome), [joined]);
    bob.restart();
    assert!(bob.session.store().key_package(&reference).unwrap().is_none());
    alice.restart();
    alice.session.acknowledge(&tea(), id).unwrap();
    alice.restart();
    assert!(alice.session.outbox(&tea()).unwrap().is_empty());

    // Each message is sent and received in a new session. If a key were used twice, the second
    // message would be refused.
    for round in 0..4 {
        let text = format!("message {round}");
        let (from_alice, from_bob) = (alice.send(&text), bob.send(&text));
        alice.restart();
        bob.restart();
        assert_eq!(bob.read(&from_alice), text);
        assert_eq!(alice.read(&from_bob), text);
        alice.restart();
        bob.restart();
        assert!(matches!(bob.receive(&from_alice), Received::Rejected(Rejection::Group(_))));
        assert_eq!(bob.apply(&from_bob), [Event::OwnMessage]);
        if round == 1 {
            let commit = bob.commit(|commit| commit);
            alice.restart();
            bob.restart();
            alice.apply(&commit);
            bob.apply(&commit);
            alice.restart();
            bob.restart();
        }
    }
    agree([&mut alice, &mut bob]);
}

#[test]
fn in_memory() {
    first(Member::new("alice"), Member::new("bob"));
}

#[test]
#[cfg(feature = "sqlite")]
fn in_files() {
    use pando_store::{Key, SqliteStore};
    let folder = tempfile::tempdir().unwrap();
    let member = |name: &str| {
        let (path, key) = (folder.path().join(name), Key::bytes(&[7; 32]).unwrap());
        Member::open(name, Client::default(), move || SqliteStore::open(&path, &key).unwrap())
    };
    first(member("alice"), member("bob"));
}

/// Of two sessions on one store, the session that has loaded a group holds the group's lock until
/// it closes the group.
#[test]
fn a_group_is_locked() {
    let [mut alice, mut bob] =
        group_with(["alice", "bob"].map(|name| Member::with_client(name, Client::default())));
    let mut other = alice.another_session();
    other.set_wait(Duration::ZERO);
    let busy = other.send(&tea(), "hello", no_rows);
    assert!(matches!(busy, Err(pando_store::session::SessionError::Store(StoreError::Busy))));
    alice.session.close(&tea());
    let first = other.send(&tea(), "one", no_rows).unwrap();
    other.close(&tea());
    let second = alice.send("two");
    assert_eq!(bob.read(&first), "one");
    assert_eq!(bob.read(&second), "two");
}
