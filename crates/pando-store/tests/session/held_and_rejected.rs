//! Messages that are held or rejected.

use crate::fixture::{Member, SUITE, agree, by, epoch, group_of, group_with, public_handshakes, tea};
use pando_mls::wire::{LeafNode, SignaturePublicKey};
use pando_mls::{
    Client, Encode, Exceeded, GroupConfig, GroupError, LeafIndex, LeafTemplate, Limits, Missing, Misuse,
    MlsMessage, NewLeaf, Proposal, Psk,
};
use pando_store::session::{Event, Held, Received, Rejection, SessionError, no_rows};

fn held(received: Received) -> Held {
    match received {
        Received::Held(held) => held,
        other => panic!("{other:?}"),
    }
}

fn refused(received: Received) -> GroupError {
    match received {
        Received::Rejected(Rejection::Group(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_group() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut stranger = Member::new("stranger");
    let (message, commit) = (alice.send("hello"), alice.commit(|commit| commit));
    for bytes in [&message, &commit] {
        assert_eq!(held(stranger.receive(bytes)), Held::NoGroup(tea()));
    }
    // The session holds no lock and has stored nothing.
    assert!(stranger.session.store().groups().unwrap().is_empty());
    assert_eq!(bob.read(&message), "hello");
    bob.session.delete_group(&tea(), no_rows).unwrap();
    assert_eq!(held(bob.receive(&commit)), Held::NoGroup(tea()));
}

#[test]
fn a_later_epoch() {
    for client in [Client::default(), public_handshakes()] {
        let members = ["alice", "bob"].map(|name| Member::with_client(name, client.clone()));
        let [mut alice, mut bob] = group_with(members);
        let first = alice.commit(|commit| commit);
        alice.accept();
        let message = alice.send("hello");
        let second = alice.commit(|commit| commit);
        alice.accept();
        for bytes in [&message, &second] {
            assert_eq!(held(bob.receive(bytes)), Held::Epoch { message: 2, group: 1 });
            bob.restart();
            assert_eq!(held(bob.receive(bytes)), Held::Epoch { message: 2, group: 1 });
        }
        assert_eq!(bob.apply(&first), [epoch(2, 0, false)]);
        assert_eq!(bob.read(&message), "hello");
        assert_eq!(bob.apply(&second), [epoch(3, 0, false)]);
        agree([&mut alice, &mut bob]);
    }
}

/// Handshake messages of a past epoch are rejected. Application messages can be decrypted for some
/// epochs.
#[test]
fn an_earlier_epoch() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let message = alice.send("hello");
    let (proposal, _) = alice.propose(Proposal::Remove(pando_mls::wire::Remove { removed: LeafIndex(1) }));
    let commit = bob.commit(|commit| commit);
    bob.accept();
    alice.apply(&commit);
    assert_eq!(refused(bob.receive(&proposal)), GroupError::EpochMismatch { message: 1, group: 2 });
    assert_eq!(bob.read(&message), "hello");
    assert!(matches!(refused(bob.receive(&message)), GroupError::Framing(_)));
    agree([&mut alice, &mut bob]);
}

#[test]
fn a_missing_psk() {
    for client in [Client::default(), public_handshakes()] {
        for restarts in [false, true] {
            let members = ["alice", "bob"].map(|name| Member::with_client(name, client.clone()));
            let [mut alice, mut bob] = group_with(members);
            alice.learn_psk("sugar");
            let commit = alice.commit(|commit| commit.psk(Psk::External { psk_id: "sugar".into() }));
            for _ in 0..2 {
                let missing = held(bob.receive(&commit));
                let Held::Missing(Missing::Psk(id)) = missing else { panic!("{missing:?}") };
                assert_eq!(id.psk, Psk::External { psk_id: "sugar".into() });
                if restarts {
                    bob.restart();
                }
            }
            // Messages of the current epoch can be decrypted in the meantime.
            let message = alice.send("have you got it?");
            assert_eq!(bob.read(&message), "have you got it?");
            bob.learn_psk("sugar");
            assert_eq!(bob.apply(&commit), [epoch(2, 0, false)]);
            alice.accept();
            agree([&mut alice, &mut bob]);
        }
    }
}

#[test]
fn a_missing_proposal() {
    for client in [Client::default(), public_handshakes()] {
        for restarts in [false, true] {
            let members = ["alice", "bob", "carol"].map(|name| Member::with_client(name, client.clone()));
            let [mut alice, mut bob, mut carol] = group_with(members);
            let (proposal, pending) =
                bob.propose(Proposal::Remove(pando_mls::wire::Remove { removed: LeafIndex(1) }));
            alice.apply(&proposal);
            let commit = alice.commit(|commit| commit);
            for _ in 0..2 {
                let missing = held(carol.receive(&commit));
                assert_eq!(missing, Held::Missing(Missing::Proposal(pending.reference.clone())));
                if restarts {
                    carol.restart();
                }
            }
            assert_eq!(carol.apply(&proposal), [Event::Proposal(pending)]);
            let removed = Event::Removed { leaf: LeafIndex(1), credential: bob.credential(), by: by(1) };
            assert_eq!(carol.apply(&commit), [epoch(2, 0, false), removed]);
            alice.accept();
            agree([&mut alice, &mut carol]);
        }
    }
}

#[test]
fn messages_that_no_group_takes() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let group_info = alice.group_info();
    let key_package = MlsMessage::from(alice.key_package()).encode().unwrap();
    for bytes in [&group_info, &key_package] {
        assert_eq!(refused(bob.receive(bytes)), Misuse::WrongMessage.into());
        let joined = bob.session.join(bytes, None, |_, _| panic!("not called"));
        assert!(matches!(joined, Err(SessionError::WrongMessage)));
    }
    let message = alice.send("no Welcome");
    let joined = bob.session.join(&message, None, |_, _| panic!("not called"));
    assert!(matches!(joined, Err(SessionError::WrongMessage)));
    assert_eq!(bob.read(&message), "no Welcome");
}

#[test]
fn bytes_that_are_cut_off() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut carol = Member::new("carol");
    let key_package = carol.key_package();
    let message = alice.send("hello");
    let commit = alice.commit(|commit| commit.add(key_package));
    let group_info = alice.group_info();
    for (bytes, step) in [(&message, 1), (&commit, 97), (&group_info, 97)] {
        for length in (0..bytes.len()).step_by(step) {
            assert!(matches!(refused(bob.receive(&bytes[..length])), GroupError::Malformed(_)));
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(refused(bob.receive(&longer)), GroupError::Malformed(_)));
    }
    assert_eq!(bob.read(&message), "hello");
    bob.apply(&commit);
    alice.accept();
    let [welcome] = alice.outbox().try_into().unwrap();
    for length in (0..welcome.len()).step_by(97) {
        assert!(matches!(refused(carol.receive(&welcome[..length])), GroupError::Malformed(_)));
        assert!(matches!(refused(carol.join(&welcome[..length], None)), GroupError::Malformed(_)));
    }
    carol.apply(&welcome);
    agree([&mut alice, &mut bob, &mut carol]);
}

#[test]
fn bytes_that_are_too_many() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let limits = Limits::default().with_message_bytes(1_000).with_tree_bytes(3_000);
    bob.restart_with(Client::default().with_config(GroupConfig::default().with_limits(limits)));
    let short = alice.send("hello");
    let long = alice.send(&"hello ".repeat(1_000));
    assert_eq!(refused(bob.receive(&long)), Exceeded::MessageBytes(1_000).into());
    // The session does not decode messages that are too long.
    assert_eq!(refused(bob.receive(&[0xff; 1_001])), Exceeded::MessageBytes(1_000).into());
    assert!(matches!(refused(bob.receive(&[0xff; 1_000])), GroupError::Malformed(_)));
    let welcome = [&[0, 1, 0, 3][..], &[0; 4_000]].concat();
    assert_eq!(refused(bob.receive(&welcome)), Exceeded::MessageBytes(4_000).into());
    assert_eq!(refused(bob.join(&welcome, None)), Exceeded::MessageBytes(4_000).into());
    assert_eq!(bob.read(&short), "hello");
}

/// The delivery service returns our own messages, which are applied each time.
#[test]
fn our_own_messages() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let message = alice.send("hello");
    let (proposal, pending) =
        alice.propose(Proposal::Remove(pando_mls::wire::Remove { removed: LeafIndex(1) }));
    for restarts in [false, true] {
        if restarts {
            alice.restart();
        }
        assert_eq!(alice.apply(&message), [Event::OwnMessage]);
        assert_eq!(alice.apply(&proposal), [Event::OwnProposal(pending.reference.clone())]);
    }
    assert_eq!(bob.read(&message), "hello");
    bob.apply(&proposal);
    let commit = bob.commit(|commit| commit.without_pending());
    bob.accept();
    alice.apply(&commit);
    // Our own message is also recognized in the next epoch.
    assert_eq!(alice.apply(&message), [Event::OwnMessage]);
    agree([&mut alice, &mut bob]);
}

/// The delivery service has accepted a Commit that we have dropped. The Commit is rejected, and
/// later messages are held.
#[test]
fn a_dropped_commit_comes_back() {
    for client in [Client::default(), public_handshakes()] {
        let members = ["alice", "bob"].map(|name| Member::with_client(name, client.clone()));
        let [mut alice, mut bob] = group_with(members);
        let commit = alice.commit(|commit| commit);
        alice.session.drop_commit(&tea(), no_rows).unwrap();
        bob.apply(&commit);
        refused(alice.receive(&commit));
        let message = bob.send("are you there?");
        assert_eq!(held(alice.receive(&message)), Held::Epoch { message: 2, group: 1 });
        // Alice rejoins with an external Commit.
        let commit = alice.join_externally(&bob.group_info());
        alice.apply(&commit);
        bob.apply(&commit);
        agree([&mut alice, &mut bob]);
    }
}

/// A message that was received before is rejected, so it is not shown twice.
#[test]
fn a_replay() {
    for restarts in [false, true] {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let message = alice.send("hello");
        assert_eq!(bob.read(&message), "hello");
        if restarts {
            bob.restart();
        }
        assert!(matches!(refused(bob.receive(&message)), GroupError::Framing(_)));
        let commit = alice.commit(|commit| commit);
        alice.accept();
        bob.apply(&commit);
        for member in [&mut alice, &mut bob] {
            let late = GroupError::EpochMismatch { message: 1, group: 2 };
            assert_eq!(refused(member.receive(&commit)), late);
        }
    }
}

/// A removed client holds messages of later epochs, and rejects the Commit that has removed it.
#[test]
fn a_group_that_has_ended() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let commit = alice.commit(|commit| commit.remove(LeafIndex(1)));
    alice.accept();
    bob.apply(&commit);
    let message = alice.send("without bob");
    for _ in 0..2 {
        // The message may belong to a later membership.
        assert!(matches!(bob.receive(&message), Received::Held(Held::NoGroup(_))));
        assert!(matches!(bob.receive(&commit), Received::Rejected(_)));
        bob.restart();
    }
}

/// A missing signature key is a failure of this client and therefore an error. Nothing is stored,
/// and the closure is not called.
#[test]
fn a_signature_key_is_missing() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let (message, key) = (alice.send("hello"), bob.identity.public_key.clone());
    remove_signer(&mut bob, &key);
    bob.restart();
    let received = bob.session.receive(&message, |_, _| panic!("not called"));
    assert!(matches!(received, Err(SessionError::NoSigner(missing)) if missing == key));
}

fn remove_signer(member: &mut Member, key: &SignaturePublicKey) {
    let mut transaction = member.session.store_mut().begin().unwrap();
    transaction.remove_signer(SUITE, key).unwrap();
    transaction.commit().unwrap();
}

/// If the signature key of our new leaf is missing, the Commit with the leaf is stored, and its
/// events are returned. The next call fails.
#[test]
fn a_new_signature_key_is_missing() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let key = bob.session.create_identity(SUITE, bob.credential()).unwrap().public_key;
    let signer = bob.signer(&key);
    let update = bob.operate(|group, cx, rng| {
        let leaf = group.public().tree().leaf(group.own_leaf())?.unwrap();
        let LeafNode { credential, capabilities, extensions, .. } = leaf;
        let template = LeafTemplate { credential, capabilities, extensions };
        group.propose_update(Some(NewLeaf { template, signer: &*signer }), b"", cx, rng)
    });
    alice.apply(&update.encode().unwrap());
    let commit = alice.commit(|commit| commit);
    alice.accept();
    remove_signer(&mut bob, &key);
    assert_eq!(bob.apply(&commit).len(), 2);
    let message = alice.send("hello");
    let received = bob.session.receive(&message, |_, _| panic!("not called"));
    assert!(matches!(received, Err(SessionError::NoSigner(missing)) if missing == key));
}
