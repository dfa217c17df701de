//! External Commits that are accepted or that lose a race, with and without a restart in between.

use crate::fixture::{Member, agree, epoch, group_of, tea};
use pando_mls::wire::{Add, Sender};
use pando_mls::{Encode, LeafIndex, Misuse, MlsMessage, Proposal};
use pando_store::session::{Event, Held, Received, Rejection, SessionError, no_rows};
use std::time::Duration;

/// Runs a test without and with a restart.
fn each(test: impl Fn(&dyn Fn(&mut Member))) {
    test(&|_| ());
    test(&Member::restart);
}

fn is_joining(member: &mut Member) -> bool {
    let is_joining = member.session.joining(&tea()).unwrap().is_some();
    assert_eq!(member.session.store().joining().unwrap().len(), usize::from(is_joining));
    is_joining
}

fn has_group(member: &mut Member) -> bool {
    match member.session.group(&tea()) {
        Ok(_) => true,
        Err(SessionError::NoGroup(group_id)) => {
            assert_eq!(group_id, tea());
            false
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn write_to_each_other<const N: usize>(members: [&mut Member; N]) {
    let mut members = members;
    for sender in 0..N {
        let message = members[sender].send("hello");
        for (position, member) in members.iter_mut().enumerate() {
            if position == sender {
                assert_eq!(member.apply(&message), [Event::OwnMessage]);
            } else {
                assert_eq!(member.read(&message), "hello");
            }
        }
    }
    agree(members);
}

/// A member with a pending Commit replaces its own leaf with an external Commit, so the pending
/// Commit is lost.
#[test]
fn a_resync_wins_over_our_pending_commit() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let carols = Member::new("carol").key_package();
        bob.commit(|commit| commit.add(carols.clone()));
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&commit);
        let add = Proposal::Add(Box::new(Add { key_package: carols }));
        let events = [Event::JoinAccepted { epoch: 2 }, Event::OwnCommitLost(vec![add])];
        assert_eq!(bob.apply(&commit), events);
        between(&mut bob);
        assert!(bob.group().pending_commit().is_none() && bob.outbox().is_empty());
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// A client that was never a member joins when the delivery service returns its external Commit.
#[test]
fn the_commit_comes_back() {
    each(|between| {
        let [mut alice] = group_of(["alice"]);
        let mut bob = Member::new("bob");
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        assert!(is_joining(&mut bob) && !has_group(&mut bob));
        assert_eq!(alice.apply(&commit).len(), 2);
        assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 2 }]);
        between(&mut bob);
        assert!(!is_joining(&mut bob) && has_group(&mut bob));
        // When the same Commit arrives again, it belongs to a past epoch.
        assert!(matches!(bob.receive(&commit), Received::Rejected(Rejection::Group(_))));
        write_to_each_other([&mut alice, &mut bob]);
    });
}

#[test]
fn the_commit_is_acknowledged() {
    each(|between| {
        let [mut alice] = group_of(["alice"]);
        let mut bob = Member::new("bob");
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&commit);
        assert_eq!(bob.accept(), [Event::JoinAccepted { epoch: 2 }]);
        between(&mut bob);
        assert!(!is_joining(&mut bob));
        // Accepting the Commit a second time fails.
        let again = bob.session.accept_commit(&tea(), no_rows);
        assert!(matches!(
            again,
            Err(SessionError::Group(pando_mls::GroupError::Misuse(Misuse::NoPendingCommit)))
        ));
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// A member replaces its own leaf with an external Commit. Until that Commit is accepted, the
/// member can send and receive in the old group.
#[test]
fn a_resync_is_accepted() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        assert!(is_joining(&mut bob) && has_group(&mut bob));
        let (from_alice, from_bob) = (alice.send("before"), bob.send("before"));
        assert_eq!(alice.read(&from_bob), "before");
        assert_eq!(bob.read(&from_alice), "before");
        alice.apply(&commit);
        assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 2 }]);
        between(&mut bob);
        assert!(!is_joining(&mut bob));
        assert_eq!(bob.leaf(), LeafIndex(1));
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// Another Commit wins over our external Commit, and the old group merges the other Commit.
#[test]
fn a_resync_is_lost() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let lost = bob.join_externally(&alice.group_info());
        between(&mut bob);
        let winner = alice.commit(|commit| commit);
        alice.accept();
        assert_eq!(bob.apply(&winner), [epoch(2, 0, false), Event::JoinLost]);
        assert!(!is_joining(&mut bob));
        between(&mut bob);
        assert!(!is_joining(&mut bob));
        for member in [&mut alice, &mut bob] {
            assert!(matches!(member.receive(&lost), Received::Rejected(_)));
        }
        write_to_each_other([&mut alice, &mut bob]);
        // The second external Commit wins.
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&commit);
        assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 3 }]);
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// The Commit that wins over our external Commit removes the client.
#[test]
fn a_resync_is_lost_to_our_removal() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let lost = bob.join_externally(&alice.group_info());
        between(&mut bob);
        let winner = alice.commit(|commit| commit.remove(LeafIndex(1)));
        alice.accept();
        let by = crate::fixture::by(0);
        let removed = Event::Removed { leaf: LeafIndex(1), credential: bob.credential(), by };
        let events = [epoch(2, 0, false), removed, Event::RemovedUs { by }, Event::JoinLost];
        assert_eq!(bob.apply(&winner), events);
        between(&mut bob);
        assert!(!is_joining(&mut bob));
        assert!(matches!(bob.receive(&lost), Received::Rejected(_)));
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&commit);
        assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 3 }]);
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// The external Commit of a removed client loses. Messages are held, because the client's old group
/// cannot process the winning Commit.
#[test]
fn a_join_after_our_removal_is_lost() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let removal = alice.commit(|commit| commit.remove(LeafIndex(1)));
        alice.accept();
        bob.apply(&removal);
        let message = alice.send("who is there?");
        assert!(matches!(bob.receive(&message), Received::Held(Held::NoGroup(_))));
        bob.join_externally(&alice.group_info());
        between(&mut bob);
        let winner = alice.commit(|commit| commit);
        alice.accept();
        assert!(matches!(bob.receive(&winner), Received::Held(Held::JoinPending)));
        between(&mut bob);
        bob.session.abandon_join(&tea(), no_rows).unwrap();
        between(&mut bob);
        assert!(!is_joining(&mut bob) && has_group(&mut bob));
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&commit);
        assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 4 }]);
        assert_eq!(bob.read(&alice.send("welcome back")), "welcome back");
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// The client's old group is some epochs behind. Our external Commit is known to have lost only
/// after the Commit of the same epoch has arrived.
#[test]
fn a_resync_of_a_member_that_is_behind() {
    each(|between| {
        for wins in [true, false] {
            let [mut alice, mut bob] = group_of(["alice", "bob"]);
            let missed = alice.commit(|commit| commit);
            alice.accept();
            let commit = bob.join_externally(&alice.group_info());
            between(&mut bob);
            assert_eq!(bob.apply(&missed), [epoch(2, 0, false)]);
            assert!(is_joining(&mut bob));
            between(&mut bob);
            if wins {
                alice.apply(&commit);
                assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 3 }]);
            } else {
                let winner = alice.commit(|commit| commit);
                alice.accept();
                assert_eq!(bob.apply(&winner), [epoch(3, 0, false), Event::JoinLost]);
            }
            assert!(!is_joining(&mut bob));
            write_to_each_other([&mut alice, &mut bob]);
        }
    });
}

/// A Commit that we created as a member wins over the external Commit that we created after it.
#[test]
fn a_resync_is_lost_to_our_own_commit() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let winner = bob.commit(|commit| commit);
        bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&winner);
        assert_eq!(bob.apply(&winner), [epoch(2, 1, true), Event::JoinLost]);
        assert!(!is_joining(&mut bob));
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// Our Commit as a member wins, and the application calls `accept_commit`. The external Commit is
/// deleted from the store.
#[test]
fn a_resync_is_lost_to_our_accepted_commit() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let winner = bob.commit(|commit| commit);
        let lost = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&winner);
        let mut told = Vec::new();
        let events = bob.session.accept_commit(&tea(), |_, events| {
            told.extend_from_slice(events);
            Ok(())
        });
        assert_eq!(events.unwrap(), [epoch(2, 1, true), Event::JoinLost]);
        assert_eq!(told, [epoch(2, 1, true), Event::JoinLost]);
        assert!(!is_joining(&mut bob) && bob.session.store().joining().unwrap().is_empty());
        between(&mut bob);
        assert!(matches!(bob.receive(&lost), Received::Rejected(_)));
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// Another Commit wins, and the client has no group that could process it. The messages are held
/// until the application abandons the join.
#[test]
fn a_first_join_is_lost() {
    each(|between| {
        let [mut alice] = group_of(["alice"]);
        let mut bob = Member::new("bob");
        let lost = bob.join_externally(&alice.group_info());
        between(&mut bob);
        let winner = alice.commit(|commit| commit);
        alice.accept();
        let message = alice.send("who is there?");
        for message in [&winner, &message, &winner] {
            assert!(matches!(bob.receive(message), Received::Held(Held::JoinPending)));
            between(&mut bob);
        }
        bob.session.abandon_join(&tea(), |tx, _| crate::fixture::put(tx, "abandoned", b"yes")).unwrap();
        assert_eq!(bob.row("abandoned").unwrap(), b"yes");
        // The session has released the lock.
        drop(bob.session.store().lock(&tea(), Duration::ZERO).unwrap());
        assert!(!is_joining(&mut bob) && !has_group(&mut bob));
        between(&mut bob);
        for message in [&lost, &winner, &message] {
            assert!(
                matches!(bob.receive(message), Received::Held(Held::NoGroup(group_id)) if group_id == tea())
            );
        }
        let commit = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.apply(&commit);
        assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 3 }]);
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// A second external Commit replaces the first one.
#[test]
fn a_join_is_tried_again() {
    each(|between| {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let first = bob.join_externally(&alice.group_info());
        between(&mut bob);
        let second = bob.join_externally(&alice.group_info());
        between(&mut bob);
        assert_ne!(first, second);
        alice.apply(&second);
        assert_eq!(bob.apply(&second), [Event::JoinAccepted { epoch: 2 }]);
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// A Welcome arrives while the external Commit is pending.
#[test]
fn a_welcome_comes_meanwhile() {
    each(|between| {
        let [mut alice] = group_of(["alice"]);
        let mut bob = Member::new("bob");
        let key_package = bob.key_package();
        let lost = bob.join_externally(&alice.group_info());
        between(&mut bob);
        alice.commit(|commit| commit.add(key_package));
        alice.accept();
        let [welcome] = alice.outbox().try_into().unwrap();
        let joined = Event::Joined { group_id: tea(), epoch: 2, inviter: LeafIndex(0) };
        assert_eq!(bob.apply(&welcome), [joined]);
        between(&mut bob);
        assert!(has_group(&mut bob));
        write_to_each_other([&mut alice, &mut bob]);
        // The Commit that adds Bob has won over his external Commit. Bob does not receive the
        // winning Commit, and learns of it from the next Commit.
        let next = alice.commit(|commit| commit);
        alice.accept();
        assert_eq!(bob.apply(&next), [epoch(3, 0, false), Event::JoinLost]);
        between(&mut bob);
        assert!(!is_joining(&mut bob));
        assert!(matches!(bob.receive(&lost), Received::Rejected(_)));
        write_to_each_other([&mut alice, &mut bob]);
    });
}

/// Our external Commit wins, although the Welcome of a Commit that was never accepted arrives
/// before.
#[test]
fn a_welcome_of_a_lost_commit_comes_meanwhile() {
    each(|between| {
        let [mut alice, mut carol] = group_of(["alice", "carol"]);
        let mut bob = Member::new("bob");
        let key_package = bob.key_package();
        let commit = bob.join_externally(&carol.group_info());
        // The delivery service sends the Welcome of a Commit that it has refused.
        let welcome = alice.operate(|group, cx, rng| {
            let output = group.commit().add(key_package).build(cx, rng)?;
            output.try_map(|output| Ok(MlsMessage::from(output.welcome.unwrap()).encode()?))
        });
        assert_eq!(bob.apply(&welcome).len(), 1);
        between(&mut bob);
        assert!(is_joining(&mut bob) && has_group(&mut bob));
        carol.apply(&commit);
        let external = Event::Epoch { epoch: 2, committer: Sender::NewMemberCommit, is_own: false };
        assert_eq!(alice.apply(&commit)[0], external);
        assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 2 }]);
        between(&mut bob);
        write_to_each_other([&mut alice, &mut bob, &mut carol]);
    });
}

/// The tree can be passed separately from a GroupInfo that does not contain it.
#[test]
fn the_tree_comes_apart() {
    let [mut alice] = group_of(["alice"]);
    let mut bob = Member::new("bob");
    let group_info = alice.session.group_info(&tea(), |it| it.without_tree()).unwrap();
    let missing = bob.session.join_externally(&group_info, None, &bob.identity, |it| it, no_rows);
    assert!(matches!(
        missing,
        Err(SessionError::Group(pando_mls::GroupError::Missing(pando_mls::Missing::Tree)))
    ));
    assert!(!is_joining(&mut bob));
    let tree = alice.group().public().tree().export().unwrap();
    let commit =
        bob.session.join_externally(&group_info, Some(&tree), &bob.identity, |it| it, no_rows).unwrap();
    alice.apply(&commit.message);
    assert_eq!(bob.accept(), [Event::JoinAccepted { epoch: 2 }]);
    write_to_each_other([&mut alice, &mut bob]);
}

/// A message that contains no GroupInfo is refused.
#[test]
fn a_message_of_another_kind() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let message = alice.send("no GroupInfo");
    let refused = bob.session.join_externally(&message, None, &bob.identity, |it| it, no_rows);
    assert!(matches!(refused, Err(SessionError::WrongMessage)));
    assert_eq!(bob.read(&message), "no GroupInfo");
}
