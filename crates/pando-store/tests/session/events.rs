//! Events of Commits. The tests compare the complete list of events of each member.

use crate::fixture::{Member, agree, by, decode, epoch, group_of, group_with, suite, tea};
use pando_mls::wire::{
    ApplicationId, ExtensionType, ExternalSender, ExternalSenders, LeafNode, Sender, SignaturePublicKey,
};
use pando_mls::{
    CipherSuite, Client, CommitBuilder, Credential, Encode, Extension, Extensions, GroupError, IdentityError,
    IdentityPolicy, LeafIndex, LeafTemplate, Misuse, MlsMessageBody, NewLeaf, Proposal, ProtocolVersion,
    ReInit,
};
use pando_store::session::{Event, SessionError, no_rows};
use pando_store::{Memory, StoredSigner, Transaction};

fn reinit() -> ReInit {
    ReInit {
        group_id: "coffee".into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite().cipher_suite(),
        extensions: Extensions::default(),
    }
}

#[test]
fn a_commit_without_proposals() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let commit = alice.commit(|commit| commit);
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false)]);
    assert_eq!(alice.apply(&commit), [epoch(2, 0, true)]);
    agree([&mut alice, &mut bob]);
}

#[test]
fn members_are_added() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let (mut carol, mut dave) = (Member::new("carol"), Member::new("dave"));
    let key_packages = [carol.key_package(), dave.key_package()];
    let commit = alice.commit(|commit| key_packages.into_iter().fold(commit, CommitBuilder::add));
    assert!(alice.session.outbox(&tea()).unwrap().is_empty());
    let added = |leaf, member: &Member| Event::Added {
        leaf: LeafIndex(leaf),
        credential: member.credential(),
        by: by(0),
    };
    let added = [added(2, &carol), added(3, &dave)];
    assert_eq!(bob.apply(&commit), [&[epoch(2, 0, false)], &added[..]].concat());
    assert_eq!(alice.accept(), [&[epoch(2, 0, true)], &added[..]].concat());
    let [welcome] = alice.outbox().try_into().unwrap();
    let joined = [Event::Joined { group_id: tea(), epoch: 2, inviter: LeafIndex(0) }];
    assert_eq!(carol.apply(&welcome), joined);
    assert_eq!(dave.apply(&welcome), joined);
    agree([&mut alice, &mut bob, &mut carol, &mut dave]);
}

#[test]
fn members_are_removed() {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    let commit = bob.commit(|commit| commit.remove(LeafIndex(2)));
    let removed = Event::Removed { leaf: LeafIndex(2), credential: carol.credential(), by: by(1) };
    assert_eq!(alice.apply(&commit), [epoch(2, 1, false), removed.clone()]);
    assert_eq!(bob.accept(), [epoch(2, 1, true), removed.clone()]);
    assert_eq!(carol.apply(&commit), [epoch(2, 1, false), removed, Event::RemovedUs { by: by(1) }]);
    assert!(!carol.group().is_active());
    agree([&mut alice, &mut bob]);
}

/// One Commit removes Bob and adds him again. His old membership ends, and he joins with the
/// Welcome.
#[test]
fn a_member_is_removed_and_added_again() {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    let bobs = bob.key_package();
    let commit = alice.commit(|commit| commit.remove(LeafIndex(1)).add(bobs));
    let (leaf, credential) = (LeafIndex(1), bob.credential());
    let removed = Event::Removed { leaf, credential: credential.clone(), by: by(0) };
    let added = Event::Added { leaf, credential, by: by(0) };
    assert_eq!(carol.apply(&commit), [epoch(2, 0, false), removed.clone(), added.clone()]);
    let events = [epoch(2, 0, false), removed, added, Event::RemovedUs { by: by(0) }];
    assert_eq!(bob.apply(&commit), events);
    alice.accept();
    for welcome in alice.outbox() {
        let joined = Event::Joined { group_id: tea(), epoch: 2, inviter: LeafIndex(0) };
        assert_eq!(bob.apply(&welcome), [joined]);
    }
    agree([&mut alice, &mut bob, &mut carol]);
}

/// A policy that lets members change their identities.
struct Renaming;

impl IdentityPolicy for Renaming {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

fn renaming(names: [&str; 3]) -> [Member; 3] {
    group_with(names.map(|name| Member::with_client(name, Client::new(Renaming))))
}

/// Creates another identity for a member, and returns it with the event of the change.
fn another(member: &mut Member, leaf: u32, name: &str) -> (StoredSigner, Event) {
    let new = member.session.create_identity(suite().cipher_suite(), Credential::basic(name)).unwrap();
    let both = |identity: &StoredSigner| (identity.credential.clone(), identity.public_key.clone());
    let event =
        Event::IdentityChanged { leaf: LeafIndex(leaf), old: both(&member.identity), new: both(&new) };
    (new, event)
}

fn template(member: &Member, identity: &StoredSigner) -> LeafTemplate {
    let credential = identity.credential.clone();
    let capabilities = member.session.client().capabilities(credential.credential_type());
    LeafTemplate { credential, capabilities, extensions: Extensions::default() }
}

/// After a Commit with another identity, the committer signs with the new key, even after a
/// restart.
#[test]
fn a_committer_has_another_identity() {
    let [mut alice, mut bob, mut carol] = renaming(["alice", "bob", "carol"]);
    let (new, changed) = another(&mut alice, 0, "alicia");
    let (template, signer) = (template(&alice, &new), alice.signer(&new.public_key));
    let commit = alice.operate(|group, cx, rng| {
        let output = group.commit().new_leaf(NewLeaf { template, signer: &*signer }).build(cx, rng)?;
        output.try_map(|output| Ok(output.message.encode()?))
    });
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false), changed.clone()]);
    assert_eq!(carol.apply(&commit), [epoch(2, 0, false), changed.clone()]);
    assert_eq!(alice.accept(), [epoch(2, 0, true), changed]);
    let message = alice.send("signed with the new key");
    assert_eq!(bob.read(&message), "signed with the new key");
    alice.restart();
    let message = alice.send("still");
    assert_eq!(bob.read(&message), "still");
    agree([&mut alice, &mut bob, &mut carol]);
}

/// The session finds the signer of another identity, and keeps the rest of the leaf. The pending
/// Commit survives a restart.
#[test]
fn a_session_commits_another_identity() {
    let [mut alice, mut bob, mut carol] = renaming(["alice", "bob", "carol"]);
    // This leaf contains more than the client's settings alone would give it.
    let mut template = template(&alice, &alice.identity);
    template.capabilities.extensions.push(ExtensionType(0xf0f0));
    template.extensions =
        Extensions(vec![Extension::new(&ApplicationId { application_id: b"phone".into() }).unwrap()]);
    let signer = alice.signer(&alice.identity.public_key);
    let commit = alice.operate(|group, cx, rng| {
        let output = group.commit().new_leaf(NewLeaf { template, signer: &*signer }).build(cx, rng)?;
        output.try_map(|output| Ok(output.message.encode()?))
    });
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false)]);
    assert_eq!(carol.apply(&commit), [epoch(2, 0, false)]);
    assert_eq!(alice.accept(), [epoch(2, 0, true)]);

    let (new, changed) = another(&mut alice, 0, "alicia");
    let before = own_leaf(&mut alice);
    let commit = alice.session.commit_identity(&tea(), &new, |commit| commit, no_rows).unwrap();
    assert_eq!(commit.group_info, None);
    alice.restart();
    assert_eq!(bob.apply(&commit.message), [epoch(3, 0, false), changed.clone()]);
    assert_eq!(carol.apply(&commit.message), [epoch(3, 0, false), changed.clone()]);
    assert_eq!(alice.accept(), [epoch(3, 0, true), changed]);
    let after = own_leaf(&mut alice);
    assert_eq!((after.capabilities, after.extensions), (before.capabilities, before.extensions));
    let message = alice.send("signed with the new key");
    assert_eq!(bob.read(&message), "signed with the new key");
    agree([&mut alice, &mut bob, &mut carol]);
}

/// An identity whose signature key is in another store cannot be committed. Nothing is pending
/// afterwards.
#[test]
fn an_identity_without_its_key_is_not_committed() {
    let [mut alice, bob, _] = renaming(["alice", "bob", "carol"]);
    let refused = alice.session.commit_identity(&tea(), &bob.identity, |commit| commit, no_rows);
    assert!(matches!(refused, Err(SessionError::NoSigner(key)) if key == bob.identity.public_key));
    assert!(alice.group().pending_commit().is_none());
}

/// Cipher suites 1 and 3 share a signature scheme. The session looks up a key by the group's cipher
/// suite. The session therefore refuses an identity of another suite, with which it could not sign
/// after the Commit was accepted.
#[test]
fn an_identity_of_another_suite_is_refused() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let other = CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519;
    let is_refused = |result: Result<(), SessionError>, identity: &StoredSigner| {
        assert!(matches!(result, Err(SessionError::NoSigner(key)) if key == identity.public_key));
    };
    let new = alice.session.create_identity(other, Credential::basic("alice")).unwrap();
    let committed = alice.session.commit_identity(&tea(), &new, |commit| commit, no_rows);
    is_refused(committed.map(drop), &new);
    assert!(alice.group().pending_commit().is_none());
    let new = bob.session.create_identity(other, Credential::basic("bob")).unwrap();
    let group_info = alice.group_info();
    let joined = bob.session.join_externally(&group_info, None, &new, |join| join, no_rows);
    is_refused(joined.map(drop), &new);
    assert!(bob.session.joining(&tea()).unwrap().is_none());
    // The groups work as before.
    let message = alice.send("still here");
    assert_eq!(bob.read(&message), "still here");
}

/// If sending fails, the messages that were sent before are deleted from the outbox. The other
/// messages stay in the outbox, even after a restart.
#[test]
fn an_outbox_is_sent_in_parts() {
    let [mut alice, _] = group_of(["alice", "bob"]);
    let added = Member::new("carol").key_package();
    alice.session.commit(&tea(), |commit| commit.add(added).with_group_info(), no_rows).unwrap();
    alice.accept();
    let all: Vec<_> = alice.session.outbox(&tea()).unwrap().into_iter().map(|(_, message)| message).collect();
    assert_eq!(all.len(), 2);
    let mut sent = Vec::new();
    let send = |message: &[u8]| {
        if sent.is_empty() {
            sent.push(message.to_vec());
            return Ok(());
        }
        Err("the delivery service does not answer".into())
    };
    let failed = alice.session.send_outbox(&tea(), send);
    assert!(matches!(failed, Err(SessionError::Application(_))), "{failed:?}");
    assert_eq!(sent, all[..1]);
    alice.restart();
    assert_eq!(alice.outbox(), all[1..]);
}

/// A delivery service that follows the group receives the GroupInfo together with the Commit.
#[test]
fn a_commit_has_its_group_info() {
    let [mut alice, _] = group_of(["alice", "bob"]);
    let commit = alice.session.commit(&tea(), |commit| commit.with_group_info(), no_rows).unwrap();
    let MlsMessageBody::GroupInfo(group_info) = decode(&commit.group_info.unwrap()).body else {
        panic!("another message");
    };
    assert_eq!(group_info.group_context.epoch, 2);
    alice.accept();
    assert_eq!(alice.group().public().context(), &group_info.group_context);
}

/// A client that was restarted sends its pending Commit again.
#[test]
fn a_pending_commit_is_returned() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    assert_eq!(alice.session.pending_commit(&tea()).unwrap(), None);
    let commit = alice.commit(|commit| commit);
    alice.restart();
    assert_eq!(alice.session.pending_commit(&tea()).unwrap().as_ref(), Some(&commit));
    // The external Commit takes the place of the Commit of the former group.
    let external = alice.join_externally(&bob.group_info());
    alice.restart();
    assert_eq!(alice.session.pending_commit(&tea()).unwrap(), Some(external));
    alice.accept();
    assert_eq!(alice.session.pending_commit(&tea()).unwrap(), None);
    let unknown = alice.session.pending_commit(&"coffee".into());
    assert!(matches!(unknown, Err(SessionError::NoGroup(_))));
}

/// Another member commits the proposal of the member that leaves.
#[test]
fn a_member_leaves() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut stored = Vec::new();
    let note = |_: &mut Transaction<'_, Memory>, message: &[u8]| {
        stored.extend_from_slice(message);
        Ok(())
    };
    let proposal = bob.session.leave(&tea(), note).unwrap();
    assert_eq!(stored, proposal);
    assert!(matches!(&alice.apply(&proposal)[..], [Event::Proposal(pending)] if pending.sender == by(1)));
    let commit = alice.commit(|commit| commit);
    let events = bob.apply(&commit);
    assert_eq!(events.last(), Some(&Event::RemovedUs { by: by(1) }));
    let left = bob.session.leave(&tea(), no_rows);
    assert!(matches!(left, Err(SessionError::Group(GroupError::Misuse(Misuse::Ended)))), "{left:?}");
    assert_eq!(alice.accept().len(), 2);
}

fn own_leaf(member: &mut Member) -> LeafNode {
    let group = member.group();
    group.public().tree().leaf(group.own_leaf()).unwrap().unwrap()
}

/// After another member has committed a member's Update, that member signs with its new key.
#[test]
fn an_update_brings_another_identity() {
    let [mut alice, mut bob, mut carol] = renaming(["alice", "bob", "carol"]);
    let (new, changed) = another(&mut bob, 1, "robert");
    let (template, signer) = (template(&bob, &new), bob.signer(&new.public_key));
    let update = bob.operate(|group, cx, rng| {
        group.propose_update(Some(NewLeaf { template, signer: &*signer }), b"", cx, rng)
    });
    let update = update.encode().unwrap();
    for member in [&mut alice, &mut carol] {
        assert!(matches!(&member.apply(&update)[..], [Event::Proposal(pending)] if pending.sender == by(1)));
    }
    let commit = alice.commit(|commit| commit);
    alice.restart();
    assert_eq!(carol.apply(&commit), [epoch(2, 0, false), changed.clone()]);
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false), changed.clone()]);
    assert_eq!(alice.apply(&commit), [epoch(2, 0, true), changed]);
    let message = bob.send("signed with the new key");
    assert_eq!(alice.read(&message), "signed with the new key");
    agree([&mut alice, &mut bob, &mut carol]);
}

/// An Update that changes only the encryption key causes no event.
#[test]
fn an_update_of_encryption_keys() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let update = bob.operate(|group, cx, rng| group.propose_update(None, b"", cx, rng)).encode().unwrap();
    alice.apply(&update);
    let commit = alice.commit(|commit| commit);
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false)]);
    assert_eq!(alice.accept(), [epoch(2, 0, true)]);
}

fn external_senders(public_key: &SignaturePublicKey) -> Extensions {
    let sender =
        ExternalSender { signature_key: public_key.clone(), credential: Credential::basic("moderator") };
    Extensions(vec![Extension::new(&ExternalSenders(vec![sender])).unwrap()])
}

#[test]
fn extensions_change() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let extensions = external_senders(&alice.identity.public_key);
    let changed = Event::ExtensionsChanged(extensions.clone());
    let commit = alice.commit(|commit| commit.extensions(extensions.clone()));
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false), changed.clone()]);
    assert_eq!(alice.accept(), [epoch(2, 0, true), changed]);
    // Setting the same extensions again causes no event.
    let commit = alice.commit(|commit| commit.extensions(extensions));
    assert_eq!(bob.apply(&commit), [epoch(3, 0, false)]);
}

#[test]
fn an_external_sender_removes_a_member() {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    let moderator = Member::new("moderator");
    let key = moderator.identity.public_key.clone();
    let commit = alice.commit(|commit| commit.extensions(external_senders(&key)));
    alice.accept();
    bob.apply(&commit);
    carol.apply(&commit);
    let (signer, context) = (moderator.signer(&key), alice.group().public().context().clone());
    let remove = Proposal::Remove(pando_mls::wire::Remove { removed: LeafIndex(2) });
    let proposal = pando_mls::propose_as_external_sender(
        &context,
        remove,
        &moderator.session.client().at(crate::fixture::NOW, &*signer),
    );
    let proposal = proposal.unwrap().encode().unwrap();
    let outside = Sender::External(0);
    for member in [&mut alice, &mut bob, &mut carol] {
        let events = member.apply(&proposal);
        assert!(matches!(&events[..], [Event::Proposal(pending)] if pending.sender == outside));
    }
    let commit = bob.commit(|commit| commit);
    let removed = Event::Removed { leaf: LeafIndex(2), credential: carol.credential(), by: outside };
    assert_eq!(alice.apply(&commit), [epoch(3, 1, false), removed.clone()]);
    assert_eq!(bob.apply(&commit), [epoch(3, 1, true), removed.clone()]);
    assert_eq!(carol.apply(&commit), [epoch(3, 1, false), removed, Event::RemovedUs { by: outside }]);
}

#[test]
fn an_external_commit() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut carol = Member::new("carol");
    let group_info = alice.group_info();
    let commit = carol.join_externally(&group_info);
    let external = Event::Epoch { epoch: 2, committer: Sender::NewMemberCommit, is_own: false };
    let joined = Event::JoinedExternally { leaf: LeafIndex(2), credential: carol.credential() };
    assert_eq!(alice.apply(&commit), [external.clone(), joined.clone()]);
    assert_eq!(bob.apply(&commit), [external, joined]);
    assert_eq!(carol.apply(&commit), [Event::JoinAccepted { epoch: 2 }]);
    agree([&mut alice, &mut bob, &mut carol]);
}

#[test]
fn a_resync() {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    let group_info = alice.group_info();
    let commit = bob.join_externally(&group_info);
    let (leaf, credential) = (LeafIndex(1), bob.credential());
    let events = [
        Event::Epoch { epoch: 2, committer: Sender::NewMemberCommit, is_own: false },
        Event::Removed { leaf, credential: credential.clone(), by: Sender::NewMemberCommit },
        Event::JoinedExternally { leaf, credential },
    ];
    assert_eq!(alice.apply(&commit), events);
    assert_eq!(carol.apply(&commit), events);
    assert_eq!(bob.apply(&commit), [Event::JoinAccepted { epoch: 2 }]);
    agree([&mut alice, &mut bob, &mut carol]);
}

#[test]
fn our_commit_is_lost() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let carol = Member::new("carol").key_package();
    bob.commit(|commit| commit.add(carol.clone()));
    let winner = alice.commit(|commit| commit);
    let add = Proposal::Add(Box::new(pando_mls::wire::Add { key_package: carol }));
    bob.restart();
    assert_eq!(bob.apply(&winner), [epoch(2, 0, false), Event::OwnCommitLost(vec![add])]);
    assert_eq!(alice.accept(), [epoch(2, 0, true)]);
    // The session does not send the Welcome of the lost Commit.
    assert!(bob.outbox().is_empty());
    agree([&mut alice, &mut bob]);
}

#[test]
fn a_reinit_ends_the_group() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let commit = alice.commit(|commit| commit.reinit(reinit()));
    alice.restart();
    let ended = Event::Reinitialized(reinit());
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false), ended.clone()]);
    assert_eq!(alice.accept(), [epoch(2, 0, true), ended]);
    for member in [&mut alice, &mut bob] {
        assert!(member.session.send(&tea(), "too late", no_rows).is_err());
        assert_eq!(member.group().reinit(), Some(&reinit()));
    }
}

/// The event is the same if the committer restarts before its Commit is accepted.
#[test]
fn a_reinit_by_reference() {
    for restarts in [false, true] {
        let [mut alice, mut bob] = group_of(["alice", "bob"]);
        let (proposal, pending) = bob.propose(Proposal::ReInit(Box::new(reinit())));
        assert_eq!(alice.apply(&proposal), [Event::Proposal(pending)]);
        let commit = alice.commit(|commit| commit);
        if restarts {
            alice.restart();
        }
        let ended = Event::Reinitialized(reinit());
        assert_eq!(bob.apply(&commit), [epoch(2, 0, false), ended.clone()]);
        assert_eq!(alice.apply(&commit), [epoch(2, 0, true), ended]);
    }
}
