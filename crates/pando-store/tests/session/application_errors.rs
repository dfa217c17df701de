//! If the application's closure fails, nothing is stored, the session continues, and the operation
//! can be repeated.

use crate::fixture::{Member, agree, epoch, group_of, put, tea};
use pando_mls::wire::Remove;
use pando_mls::{Context, CryptoRng, Encode, Group, LeafIndex, Proposal};
use pando_store::session::{AppError, Event, Held, Received, SessionError};
use pando_store::{Backend, Memory, Transaction};
use std::collections::BTreeMap;

type App<'a> = &'a mut dyn FnMut(&mut Transaction<'_, Memory>) -> Result<(), AppError>;

/// Returns all records of the database.
fn stored(member: &Member) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut records = BTreeMap::new();
    let mut each = |key: &[u8], value: &[u8]| {
        records.insert(key.to_vec(), value.to_vec());
        Ok(())
    };
    member.session.store().backend().scan(&[0][..]..&[0xff][..], &mut each).unwrap();
    records
}

/// Runs an operation twice with a closure that writes a row and fails, and restarts the session
/// after the second failure. Then runs the operation with a closure that succeeds.
fn fail_then_repeat<T>(
    member: &mut Member,
    mut operation: impl FnMut(&mut Member, App<'_>) -> Result<T, SessionError>,
) -> T {
    let before = stored(member);
    for restarts in [false, true] {
        let mut calls = 0;
        let failed = operation(member, &mut |transaction| {
            calls += 1;
            put(transaction, "row", b"of a failed call")?;
            Err("the application has failed".into())
        });
        let Err(SessionError::Application(error)) = failed else { panic!("the closure's error is told") };
        assert_eq!(error.to_string(), "the application has failed");
        assert_eq!((calls, member.row("row")), (1, None));
        assert!(stored(member) == before, "something is stored");
        if restarts {
            member.restart();
        }
    }
    let mut calls = 0;
    let result = operation(member, &mut |transaction| {
        calls += 1;
        put(transaction, "row", b"stored")
    });
    assert_eq!((calls, member.row("row").unwrap()), (1, b"stored".to_vec()));
    let mut transaction = member.session.store_mut().begin().unwrap();
    transaction.remove_psk(b"row").unwrap();
    transaction.commit().unwrap();
    result.unwrap()
}

fn receive(member: &mut Member, bytes: &[u8]) -> Received {
    fail_then_repeat(member, |member, app| member.session.receive(bytes, |tx, _| app(tx)))
}

fn applied(received: Received) -> Vec<Event> {
    match received {
        Received::Applied { events, .. } => events,
        other => panic!("{other:?}"),
    }
}

#[test]
fn receive_messages() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let (first, second) = (alice.send("first"), alice.send("second"));
    assert_eq!(applied(receive(&mut bob, &second))[0].text(), Some("second"));
    assert_eq!(applied(receive(&mut bob, &first))[0].text(), Some("first"));
    // The closure fails for the first message. The second message is received before the first one
    // is received again.
    let (first, second) = (alice.send("first"), alice.send("second"));
    assert!(bob.session.receive(&first, |_, _| Err("failed".into())).is_err());
    assert_eq!(bob.read(&second), "second");
    assert_eq!(bob.read(&first), "first");
    let (proposal, pending) = alice.propose(Proposal::Remove(Remove { removed: LeafIndex(1) }));
    assert_eq!(applied(receive(&mut bob, &proposal)), [Event::Proposal(pending)]);
}

#[test]
fn receive_commits() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    bob.commit(|commit| commit);
    let commit = alice.commit(|commit| commit);
    let lost = [epoch(2, 0, false), Event::OwnCommitLost(Vec::new())];
    assert_eq!(applied(receive(&mut bob, &commit)), lost);
    assert_eq!(applied(receive(&mut alice, &commit)), [epoch(2, 0, true)]);
    agree([&mut alice, &mut bob]);
    let removal = alice.commit(|commit| commit.remove(LeafIndex(1)));
    assert_eq!(applied(receive(&mut bob, &removal)).len(), 3);
    assert!(!bob.group().is_active());
}

#[test]
fn receive_welcomes() {
    let [mut alice] = group_of(["alice"]);
    for last_resort in [false, true] {
        let mut bob = Member::new("bob");
        let key_package = bob.publish(last_resort);
        alice.commit(|commit| commit.add(key_package));
        alice.accept();
        let [welcome] = alice.outbox().try_into().unwrap();
        assert_eq!(applied(receive(&mut bob, &welcome)).len(), 1);
        assert_eq!(bob.session.store().key_packages().unwrap().len(), usize::from(last_resort));
        assert_eq!(bob.read(&alice.send("hello")), "hello");
    }
}

#[test]
fn receive_what_is_not_taken() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut stranger = Member::new("stranger");
    let commit = alice.commit(|commit| commit);
    alice.accept();
    let message = alice.send("hello");
    assert!(matches!(receive(&mut stranger, &message), Received::Held(Held::NoGroup(_))));
    assert!(matches!(receive(&mut bob, &message), Received::Held(Held::Epoch { message: 2, group: 1 })));
    assert!(matches!(receive(&mut bob, b"no message"), Received::Rejected(_)));
    // The message is authentic, but it is rejected. The message's key is deleted in the transaction
    // of the closure that succeeds.
    assert_eq!(applied(receive(&mut alice, &message)), [Event::OwnMessage]);
    bob.apply(&commit);
    assert_eq!(bob.read(&message), "hello");
    assert!(matches!(receive(&mut bob, &message), Received::Rejected(_)));
}

/// The first ciphertext is never returned, so its key may encrypt the second plaintext.
#[test]
fn send() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut texts = ["one", "two", "three"].into_iter();
    let mut told = Vec::new();
    let message = fail_then_repeat(&mut alice, |alice, app| {
        let text = texts.next().unwrap();
        alice.session.send(&tea(), text, |tx, bytes| {
            told.push(bytes.to_vec());
            app(tx)
        })
    });
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], message);
    assert_eq!(bob.read(&message), "three");
    assert_eq!(bob.read(&alice.send("four")), "four");
    assert_eq!(bob.read(&alice.send("five")), "five");
}

#[test]
fn commit() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut carol = Member::new("carol");
    let key_package = carol.key_package();
    let commit = fail_then_repeat(&mut alice, |alice, app| {
        alice.session.commit(&tea(), |commit| commit.add(key_package.clone()), |tx, _| app(tx))
    });
    bob.apply(&commit.message);
    let events = fail_then_repeat(&mut alice, |alice, app| {
        alice.session.accept_commit(&tea(), |tx, events| {
            assert_eq!(events.len(), 2);
            app(tx)
        })
    });
    assert_eq!(events[0], epoch(2, 0, true));
    let [welcome] = alice.outbox().try_into().unwrap();
    carol.apply(&welcome);
    agree([&mut alice, &mut bob, &mut carol]);
}

#[test]
fn drop_commit() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    alice.commit(|commit| commit.remove(LeafIndex(1)));
    let dropped = fail_then_repeat(&mut alice, |alice, app| {
        alice.session.drop_commit(&tea(), |tx, proposals| {
            assert_eq!(proposals.len(), 1);
            app(tx)
        })
    });
    assert!(matches!(dropped[..], [Proposal::Remove(_)]));
    assert!(alice.group().pending_commit().is_none());
    assert_eq!(bob.read(&alice.send("you may stay")), "you may stay");
}

#[test]
fn create_group() {
    let mut alice = Member::new("alice");
    fail_then_repeat(&mut alice, |alice, app| {
        let Member { session, identity, .. } = alice;
        session.create_group(Group::builder(tea()), identity, |tx, _| app(tx))
    });
    assert_eq!(alice.group().epoch(), 0);
    alice.send("nobody is here");
}

#[test]
fn create_key_package() {
    let [mut alice] = group_of(["alice"]);
    let mut bob = Member::new("bob");
    let key_package = fail_then_repeat(&mut bob, |bob, app| {
        let Member { session, identity, .. } = bob;
        session.create_key_package(identity, |it| it, |tx, _| app(tx))
    });
    assert_eq!(bob.session.store().key_packages().unwrap().len(), 1);
    alice.commit(|commit| commit.add(key_package));
    alice.accept();
    alice.outbox().iter().for_each(|welcome| drop(bob.apply(welcome)));
    agree([&mut alice, &mut bob]);
}

#[test]
fn join_externally() {
    let [mut alice, mut carol] = group_of(["alice", "carol"]);
    for bob in [&mut Member::new("bob"), &mut carol] {
        let group_info = alice.group_info();
        let commit = fail_then_repeat(bob, |bob, app| {
            let Member { session, identity, .. } = bob;
            session.join_externally(&group_info, None, identity, |it| it, |tx, _| app(tx))
        });
        alice.apply(&commit.message);
        assert_eq!(applied(receive(bob, &commit.message)).len(), 1);
        agree([&mut alice, bob]);
    }
}

#[test]
fn accept_and_abandon_joins() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let group_info = alice.group_info();
    bob.join_externally(&group_info);
    fail_then_repeat(&mut bob, |bob, app| bob.session.abandon_join(&tea(), |tx, _| app(tx)));
    assert!(bob.session.joining(&tea()).unwrap().is_none());
    assert_eq!(bob.read(&alice.send("hello")), "hello");
    let commit = bob.join_externally(&group_info);
    alice.apply(&commit);
    let events = fail_then_repeat(&mut bob, |bob, app| bob.session.accept_join(&tea(), |tx, _| app(tx)));
    assert_eq!(events, [Event::JoinAccepted { epoch: 2 }]);
    agree([&mut alice, &mut bob]);
    // This Commit makes our external Commit void.
    bob.join_externally(&alice.group_info());
    let winner = alice.commit(|commit| commit);
    alice.accept();
    assert_eq!(applied(receive(&mut bob, &winner)), [epoch(3, 0, false), Event::JoinLost]);
    assert!(bob.session.joining(&tea()).unwrap().is_none());
    agree([&mut alice, &mut bob]);
}

#[test]
fn delete_group() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    fail_then_repeat(&mut bob, |bob, app| bob.session.delete_group(&tea(), |tx, _| app(tx)));
    assert!(bob.session.store().groups().unwrap().is_empty());
    assert!(matches!(bob.session.group(&tea()), Err(SessionError::NoGroup(_))));
    let group_info = alice.group_info();
    let commit = bob.join_externally(&group_info);
    alice.apply(&commit);
    bob.apply(&commit);
    agree([&mut alice, &mut bob]);
}

/// [`Session::operate`] stores any operation on a group in one transaction with the application's
/// rows, such as an acknowledgement.
#[test]
fn operate() {
    let [mut alice] = group_of(["alice"]);
    let key_package = Member::new("bob").key_package();
    alice.commit(|commit| commit.add(key_package));
    alice.accept();
    let [(id, _)] = alice.session.outbox(&tea()).unwrap().try_into().unwrap();
    fail_then_repeat(&mut alice, |alice, app| {
        alice.session.operate(&tea(), |group, _, _| Ok(group.acknowledge(id)), |tx, ()| app(tx))
    });
    assert!(alice.session.outbox(&tea()).unwrap().is_empty());
    let update = fail_then_repeat(&mut alice, |alice, app| {
        let propose = |group: &mut Group, cx: &Context<'_>, rng: &mut dyn CryptoRng| {
            group.propose_update(None, b"", cx, rng)
        };
        alice.session.operate(&tea(), propose, |tx, _| app(tx))
    });
    assert!(update.encode().is_ok());
    assert_eq!(alice.group().pending_proposals().count(), 1);
}
