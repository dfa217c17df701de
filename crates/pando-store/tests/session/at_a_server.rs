//! Sessions whose delivery service follows the group: it takes a Commit together with its Welcome
//! and its GroupInfo, and the group has an extension that only this application knows.

#![allow(clippy::disallowed_methods, reason = "the server of the tests stores nothing")]

use crate::fixture::{Member, agree, public_handshakes, tea};
use pando_mls::{
    BasicIdentities, Client, Decode, DefaultRules, Extension, ExtensionType, Extensions, Group, GroupError,
    GroupInfo, Limits, MlsMessage, MlsMessageBody, PublicGroup, PublicProcessed, Violation,
};
use pando_store::session::{ExternalCommit, Received, SessionError, no_rows};

/// A type for private use (RFC 9420, section 17.3).
const TYPE: ExtensionType = ExtensionType(0xf00a);

fn client() -> Client {
    public_handshakes().with_extensions([TYPE])
}

fn extensions() -> Extensions {
    Extensions(vec![Extension { extension_type: TYPE, extension_data: b"a policy".into() }])
}

fn group_info(bytes: &[u8]) -> GroupInfo {
    match MlsMessage::decode(bytes).unwrap().body {
        MlsMessageBody::GroupInfo(group_info) => *group_info,
        other => panic!("{other:?}"),
    }
}

/// Lets the server enter the epoch of a Commit.
fn follow(server: &mut PublicGroup, commit: &[u8], confirmation: &[u8]) {
    let message = MlsMessage::decode(commit).unwrap();
    let processed = server.process(message, &BasicIdentities, &DefaultRules, None).unwrap();
    let PublicProcessed::Commit(staged) = processed.assume_persisted() else { panic!("not a Commit") };
    server.merge(&staged, &group_info(confirmation)).unwrap().assume_persisted();
}

#[test]
fn a_commit_comes_with_its_welcome_and_its_group_info() {
    let mut alice = Member::with_client("alice", client());
    let mut bob = Member::with_client("bob", client());
    let mut carol = Member::with_client("carol", client());
    let builder = Group::builder(tea()).extensions(extensions());
    alice.session.create_group(builder, &alice.identity, no_rows).unwrap();
    let created = group_info(&alice.group_info());
    let suite = crate::fixture::suite();
    let server = PublicGroup::new(suite, &created, None, &BasicIdentities, Limits::default());
    let mut server = server.unwrap().assume_persisted();

    // The outbox has the same Welcome.
    let key_package = bob.key_package();
    let commit = alice
        .session
        .commit(&tea(), |commit| commit.add(key_package).with_group_info().without_tree(), no_rows)
        .unwrap();
    follow(&mut server, &commit.message, &commit.group_info.unwrap());
    alice.accept();
    let welcome = commit.welcome.unwrap();
    assert!(alice.outbox().contains(&welcome));
    let tree = server.public().tree().export().unwrap();
    assert!(matches!(bob.join(&welcome, Some(&tree)), Received::Applied { .. }));

    // A Commit that adds no client has no Welcome.
    let commit = alice.session.commit(&tea(), |commit| commit.with_group_info(), no_rows).unwrap();
    assert!(commit.welcome.is_none());
    follow(&mut server, &commit.message, &commit.group_info.unwrap());
    alice.accept();
    bob.apply(&commit.message);

    // An external Commit has a GroupInfo of the epoch that it begins.
    let tree = server.public().tree().export().unwrap();
    let info = alice.group_info();
    let Member { session, identity, .. } = &mut carol;
    let joined = session.join_externally(&info, Some(&tree), identity, |join| join, no_rows).unwrap();
    let ExternalCommit { message, group_info, .. } = joined;
    follow(&mut server, &message, &group_info);
    for member in [&mut alice, &mut bob, &mut carol] {
        member.apply(&message);
        assert_eq!(member.group().public().context(), server.public().context());
    }
    agree([&mut alice, &mut bob, &mut carol]);
}

/// A client that does not list the extension can neither create such a group nor join it.
#[test]
fn capabilities_list_the_extensions_of_the_application() {
    let mut alice = Member::with_client("alice", client());
    let mut eve = Member::with_client("eve", public_handshakes());
    let builder = || Group::builder(tea()).extensions(extensions());
    let refused = eve.session.create_group(builder(), &eve.identity, no_rows);
    let is_capability = |error: &SessionError| match error {
        SessionError::Group(GroupError::Violation(violation) | GroupError::Proposal { violation, .. }) => {
            matches!(violation, Violation::ExtensionUnsupportedByMember(TYPE))
        }
        _ => false,
    };
    let refused = refused.unwrap_err();
    assert!(is_capability(&refused), "{refused:?}");
    alice.session.create_group(builder(), &alice.identity, no_rows).unwrap();
    let key_package = eve.key_package();
    let refused = alice.session.commit(&tea(), |commit| commit.add(key_package), no_rows);
    let refused = refused.unwrap_err();
    assert!(is_capability(&refused), "{refused:?}");
    let info = alice.group_info();
    let refused = eve.session.join_externally(&info, None, &eve.identity, |join| join, no_rows);
    let refused = refused.unwrap_err();
    assert!(is_capability(&refused), "{refused:?}");
}
