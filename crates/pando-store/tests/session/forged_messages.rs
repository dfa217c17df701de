//! Messages that were altered in transit change no state, so the original messages can be received
//! afterwards.

use crate::fixture::{Member, agree, group_with, public_handshakes};
use pando_mls::{Client, LeafIndex, Proposal};
use pando_store::session::{Held, Received};

fn members(client: &Client) -> [Member; 2] {
    group_with(["alice", "bob"].map(|name| Member::with_client(name, client.clone())))
}

/// Passes copies of a message to a member, each with one altered byte. No copy is applied. Some
/// copies are held, because they appear to belong to another group or to a later epoch.
fn forge_each(receiver: &mut Member, bytes: &[u8], step: usize) {
    let mut rejected = 0;
    for position in (0..bytes.len()).step_by(step) {
        let mut forged = bytes.to_vec();
        forged[position] ^= 1;
        match receiver.receive(&forged) {
            Received::Rejected(_) => rejected += 1,
            Received::Held(Held::NoGroup(_) | Held::Epoch { .. }) => {}
            other => panic!("byte {position}: {other:?}"),
        }
    }
    assert!(rejected > 0);
}

#[test]
fn application_messages() {
    let [mut alice, mut bob] = members(&Client::default());
    let (first, second) = (alice.send("hello"), alice.send("hello again"));
    forge_each(&mut bob, &first, 1);
    bob.restart();
    assert_eq!(bob.read(&first), "hello");
    assert_eq!(bob.read(&second), "hello again");
}

#[test]
fn proposals() {
    for client in [Client::default(), public_handshakes()] {
        let [mut alice, mut bob] = members(&client);
        let (message, _) = alice.propose(Proposal::Remove(pando_mls::wire::Remove { removed: LeafIndex(0) }));
        forge_each(&mut bob, &message, 1);
        assert_eq!(bob.group().pending_proposals().count(), 0);
        bob.restart();
        assert_eq!(bob.apply(&message).len(), 1);
        let commit = bob.commit(|commit| commit);
        bob.accept();
        alice.apply(&commit);
        assert!(!alice.group().is_active());
    }
}

#[test]
fn commits() {
    for client in [Client::default(), public_handshakes()] {
        let [mut alice, mut bob] = members(&client);
        let commit = alice.commit(|commit| commit);
        forge_each(&mut bob, &commit, 11);
        assert_eq!(bob.group().epoch(), 1);
        bob.restart();
        bob.apply(&commit);
        alice.accept();
        agree([&mut alice, &mut bob]);
    }
}

#[test]
fn external_commits() {
    let [mut alice, mut bob] = members(&Client::default());
    let mut carol = Member::new("carol");
    let commit = carol.join_externally(&alice.group_info());
    forge_each(&mut bob, &commit, 11);
    // The forged Commit is not the Commit for which Carol waits.
    let mut forged = commit.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(matches!(carol.receive(&forged), Received::Held(Held::JoinPending)));
    for member in [&mut alice, &mut bob, &mut carol] {
        member.apply(&commit);
    }
    agree([&mut alice, &mut bob, &mut carol]);
}

/// After a forged Welcome, the KeyPackage is still stored, and the original Welcome can be used.
#[test]
fn welcomes() {
    let [mut alice, mut bob] = members(&Client::default());
    let mut carol = Member::new("carol");
    let key_package = carol.key_package();
    let commit = alice.commit(|commit| commit.add(key_package));
    alice.accept();
    bob.apply(&commit);
    let [welcome] = alice.outbox().try_into().unwrap();
    forge_each(&mut carol, &welcome, 7);
    carol.restart();
    carol.apply(&welcome);
    agree([&mut alice, &mut bob, &mut carol]);
}

/// Messages of another group with the same identifier are rejected.
#[test]
fn messages_of_another_group() {
    let [mut alice, mut bob] = members(&Client::default());

    let [mut mallory, _] = members(&Client::default());
    let (message, commit) = (mallory.send("hello"), mallory.commit(|commit| commit));
    for bytes in [&message, &commit] {
        assert!(matches!(bob.receive(bytes), Received::Rejected(_)));
    }
    assert_eq!(bob.read(&alice.send("hello")), "hello");
}
