//! Welcomes that are held or rejected.

use crate::fixture::{Member, agree, group_of, tea};
use pando_mls::{CommitBuilder, GroupError, KeyPackage, LeafIndex, Missing, Psk, Violation};
use pando_store::session::{Event, Held, Received, Rejection, no_rows};

/// Adds a client, and returns its Welcome.
fn add(member: &mut Member, key_package: KeyPackage) -> Vec<u8> {
    member.commit(|commit| commit.add(key_package));
    member.accept();
    let [welcome] = member.outbox().try_into().unwrap();
    welcome
}

fn joined(epoch: u64) -> Event {
    Event::Joined { group_id: tea(), epoch, inviter: LeafIndex(0) }
}

fn stored_key_packages(member: &Member) -> usize {
    member.session.store().key_packages().unwrap().len()
}

#[test]
fn the_tree_comes_apart() {
    for restarts in [false, true] {
        let [mut alice] = group_of(["alice"]);
        let mut bob = Member::new("bob");
        let key_package = bob.key_package();
        alice.commit(|commit| commit.add(key_package).without_tree());
        alice.accept();
        let [welcome] = alice.outbox().try_into().unwrap();
        for _ in 0..2 {
            let received = bob.receive(&welcome);
            assert!(matches!(received, Received::Held(Held::Missing(Missing::Tree))), "{received:?}");
            let received = bob.join(&welcome, None);
            assert!(matches!(received, Received::Held(Held::Missing(Missing::Tree))), "{received:?}");
            if restarts {
                bob.restart();
            }
        }
        // The tree of another epoch does not match the Welcome.
        let tree = alice.group().public().tree().export().unwrap();
        let [mut other] = group_of(["other"]);
        let wrong = other.group().public().tree().export().unwrap();
        assert!(matches!(bob.join(&welcome, Some(&wrong)), Received::Rejected(Rejection::Group(_))));
        let received = bob.join(&welcome, Some(&tree));
        assert!(matches!(received, Received::Applied { events, .. } if events == [joined(2)]));
        assert_eq!(stored_key_packages(&bob), 0);
        agree([&mut alice, &mut bob]);
    }
}

#[test]
fn a_psk_is_missing() {
    let [mut alice] = group_of(["alice"]);
    let mut bob = Member::new("bob");
    let key_package = bob.key_package();
    alice.learn_psk("sugar");
    alice.commit(|commit| commit.add(key_package).psk(Psk::External { psk_id: "sugar".into() }));
    alice.accept();
    let [welcome] = alice.outbox().try_into().unwrap();
    for _ in 0..2 {
        let received = bob.receive(&welcome);
        assert!(matches!(received, Received::Held(Held::Missing(Missing::Psk(_)))), "{received:?}");
        bob.restart();
    }
    bob.learn_psk("sugar");
    assert_eq!(bob.apply(&welcome), [joined(2)]);
    agree([&mut alice, &mut bob]);
}

/// A Welcome for another client is rejected, and so is a Welcome whose KeyPackage was used before.
#[test]
fn a_key_package_that_is_not_ours() {
    let [mut alice] = group_of(["alice"]);
    let (mut bob, mut carol) = (Member::new("bob"), Member::new("carol"));
    carol.key_package();
    let welcome = add(&mut alice, bob.key_package());
    let is_for_another = |received: &Received| {
        let error = GroupError::Missing(Missing::WelcomeSecrets);
        matches!(received, Received::Rejected(Rejection::Group(is)) if *is == error)
    };
    assert!(is_for_another(&carol.receive(&welcome)));
    assert_eq!(stored_key_packages(&carol), 1);
    assert_eq!(bob.apply(&welcome), [joined(2)]);
    assert!(is_for_another(&bob.receive(&welcome)));
    bob.restart();
    assert!(is_for_another(&bob.receive(&welcome)));
    agree([&mut alice, &mut bob]);
}

/// An old Welcome does not restore the membership of a client that was removed or has deleted the
/// group. A new Welcome restores the membership.
#[test]
fn an_old_welcome() {
    for deletes in [false, true] {
        let [mut alice] = group_of(["alice"]);
        let mut bob = Member::new("bob");
        let key_package = bob.publish(true);
        let old = add(&mut alice, key_package.clone());
        assert_eq!(bob.apply(&old), [joined(2)]);
        assert_eq!(stored_key_packages(&bob), 1);
        // While the client is in the group, the Welcome is rejected for another reason.
        let received = bob.receive(&old);
        let error = GroupError::Violation(Violation::AlreadyInGroup);
        assert!(matches!(received, Received::Rejected(Rejection::Group(is)) if is == error));
        let removal = alice.commit(|commit| commit.remove(LeafIndex(1)));
        alice.accept();
        bob.apply(&removal);
        if deletes {
            bob.session.delete_group(&tea(), no_rows).unwrap();
        }
        for _ in 0..2 {
            assert!(matches!(bob.receive(&old), Received::Rejected(Rejection::OldWelcome)));
            bob.restart();
        }
        assert_eq!(bob.session.group(&tea()).is_err(), deletes);
        let new = add(&mut alice, key_package);
        assert_eq!(bob.apply(&new), [joined(4)]);
        bob.restart();
        agree([&mut alice, &mut bob]);
        assert_eq!(bob.read(&alice.send("again")), "again");
    }
}

/// Two clients can join with the same Welcome.
#[test]
fn a_welcome_for_two() {
    let [mut alice] = group_of(["alice"]);
    let (mut bob, mut carol) = (Member::new("bob"), Member::new("carol"));
    let key_packages = [bob.key_package(), carol.key_package()];
    alice.commit(|commit| key_packages.into_iter().fold(commit, CommitBuilder::add));
    alice.accept();
    let [welcome] = alice.outbox().try_into().unwrap();
    for member in [&mut bob, &mut carol] {
        assert_eq!(member.apply(&welcome), [joined(2)]);
    }
    agree([&mut alice, &mut bob, &mut carol]);
}

/// Messages stay in the outbox until they are acknowledged, and are the same after a restart.
#[test]
fn a_welcome_waits_in_the_outbox() {
    let [mut alice] = group_of(["alice"]);
    let mut bob = Member::new("bob");
    let key_package = bob.key_package();
    let commit = alice.commit(|commit| commit.add(key_package).with_group_info());
    assert!(alice.session.outbox(&tea()).unwrap().is_empty());
    alice.restart();
    assert!(alice.session.outbox(&tea()).unwrap().is_empty());
    alice.apply(&commit);
    let waiting = alice.session.outbox(&tea()).unwrap();
    assert_eq!(waiting.len(), 2);
    alice.restart();
    assert_eq!(alice.session.outbox(&tea()).unwrap(), waiting);
    // Later Commits do not delete the message.
    alice.commit(|commit| commit);
    alice.accept();
    assert_eq!(alice.session.outbox(&tea()).unwrap(), waiting);
    for (position, (id, _)) in waiting.iter().enumerate() {
        alice.session.acknowledge(&tea(), *id).unwrap();
        alice.restart();
        assert_eq!(alice.session.outbox(&tea()).unwrap(), waiting[position + 1..]);
    }
    let welcomes = waiting.iter().filter(|(_, bytes)| matches!(bob.receive(bytes), Received::Applied { .. }));
    assert_eq!(welcomes.count(), 1);
    assert_eq!(bob.group().epoch(), 2);
}

/// A Welcome arrives before the Commits that remove the client and add it again. The Welcome is
/// held until these Commits have arrived.
#[test]
fn a_welcome_before_the_removal() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let removal = alice.commit(|commit| commit.remove(LeafIndex(1)));
    alice.accept();
    let welcome = add(&mut alice, bob.publish(false));
    assert!(matches!(bob.receive(&welcome), Received::Held(Held::StillInGroup)));
    bob.apply(&removal);
    assert_eq!(bob.apply(&welcome), [joined(3)]);
    assert_eq!(bob.read(&alice.send("back again")), "back again");
}

/// Messages of the client's next membership arrive before its Welcome. These messages are held
/// until the Welcome has arrived.
#[test]
fn messages_before_the_welcome_of_a_removed_client() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let removal = alice.commit(|commit| commit.remove(LeafIndex(1)));
    alice.accept();
    bob.apply(&removal);
    let welcome = add(&mut alice, bob.publish(false));
    let early = alice.send("too early");
    assert!(matches!(bob.receive(&early), Received::Held(Held::NoGroup(group_id)) if group_id == tea()));
    assert_eq!(bob.apply(&welcome), [joined(3)]);
    assert_eq!(bob.read(&early), "too early");
}

/// If the application has deleted the signature key of a KeyPackage, a Welcome for that KeyPackage
/// is rejected, and does not block the messages after it.
#[test]
fn the_signature_key_is_gone() {
    let [mut alice] = group_of(["alice"]);
    let mut bob = Member::new("bob");
    let welcome = add(&mut alice, bob.publish(false));
    let (suite, key) = (bob.identity.cipher_suite, bob.identity.public_key.clone());
    let mut transaction = bob.session.store_mut().begin().unwrap();
    transaction.remove_signer(suite, &key).unwrap();
    transaction.commit().unwrap();
    assert!(matches!(bob.receive(&welcome), Received::Rejected(Rejection::NoSigner(is)) if is == key));
}
