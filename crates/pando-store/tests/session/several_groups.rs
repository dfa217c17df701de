//! Several groups in one session, missing groups, and a rotation of the store's keys.

use crate::fixture::{Member, group_of};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{Context, CryptoRng, Group, GroupId, KeyPackage, Psk};
use pando_store::session::{Event, SessionError, no_rows};
use pando_store::{Key, StoreError};

fn coffee() -> GroupId {
    "coffee".into()
}

fn read(member: &mut Member, bytes: &[u8]) -> String {
    let events = member.apply(bytes);
    let [Event::Message(message)] = &events[..] else { panic!("{events:?}") };
    String::from_utf8(message.data.to_vec()).unwrap()
}

/// Returns two clients that are members of both groups.
fn both_groups() -> [Member; 2] {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let Member { session, identity, .. } = &mut alice;
    session.create_group(Group::builder(coffee()), identity, no_rows).unwrap();
    let key_package: KeyPackage = bob.key_package();
    session.commit(&coffee(), |commit| commit.add(key_package), no_rows).unwrap();
    session.accept_commit(&coffee(), no_rows).unwrap();
    let [(id, welcome)] = session.outbox(&coffee()).unwrap().try_into().unwrap();
    session.acknowledge(&coffee(), id).unwrap();
    bob.apply(&welcome);
    [alice, bob]
}

#[test]
fn messages_find_their_groups() {
    let [mut alice, mut bob] = both_groups();
    assert_eq!(bob.session.store().groups().unwrap(), [coffee(), crate::fixture::tea()]);
    let tea = alice.send("about tea");
    let about_coffee = alice.session.send(&coffee(), "about coffee", no_rows).unwrap();
    // A failure in one group does not affect the other group.
    let failed = bob.session.receive(&tea, |_, _| Err("the closure fails".into()));
    assert!(matches!(failed, Err(SessionError::Application(_))));
    assert_eq!(read(&mut bob, &about_coffee), "about coffee");
    assert_eq!(read(&mut bob, &tea), "about tea");
    bob.session.delete_group(&coffee(), no_rows).unwrap();
    assert_eq!(read(&mut bob, &alice.send("still")), "still");
}

/// A Commit in one group uses the resumption PSK of the other group, which is in the store.
#[test]
fn a_resumption_psk_of_another_group() {
    for restarts in [false, true] {
        let [mut alice, mut bob] = both_groups();
        if restarts {
            alice.restart();
            bob.restart();
        }
        let psk =
            Psk::Resumption { usage: ResumptionPskUsage::Application, psk_group_id: coffee(), psk_epoch: 1 };
        let commit = alice.commit(|commit| commit.psk(psk));
        bob.apply(&commit);
        alice.accept();
        assert_eq!(read(&mut bob, &alice.send("both")), "both");
    }
}

#[test]
fn a_group_that_does_not_exist() {
    let mut alice = Member::new("alice");
    let is_unknown = |error: SessionError| matches!(error, SessionError::NoGroup(id) if id == coffee());
    let session = &mut alice.session;
    assert!(is_unknown(session.group(&coffee()).unwrap_err()));
    assert!(is_unknown(session.group_info(&coffee(), |it| it).unwrap_err()));
    let sent = session.send(&coffee(), "hello", |_, _| panic!("not called"));
    assert!(is_unknown(sent.unwrap_err()));
    let committed = session.commit(&coffee(), |commit| commit, |_, _| panic!("not called"));
    assert!(is_unknown(committed.unwrap_err()));
    assert!(is_unknown(session.accept_commit(&coffee(), no_rows).unwrap_err()));
    let clear = |group: &mut Group, _: &Context<'_>, _: &mut dyn CryptoRng| Ok(group.clear_pending());
    assert!(is_unknown(session.operate(&coffee(), clear, no_rows).unwrap_err()));
    assert!(session.outbox(&coffee()).unwrap().is_empty());
    assert!(session.joining(&coffee()).unwrap().is_none());
    assert!(is_unknown(session.abandon_join(&coffee(), no_rows).unwrap_err()));
    assert!(is_unknown(session.delete_group(&coffee(), no_rows).unwrap_err()));
    assert!(session.store().groups().unwrap().is_empty());
    // The missing group can be created, but only once.
    let identity = &alice.identity;
    session.create_group(Group::builder(coffee()), identity, no_rows).unwrap();
    let again = session.create_group(Group::builder(coffee()), identity, |_, _| panic!("not called"));
    assert!(matches!(again, Err(SessionError::Store(StoreError::Occupied))));
    session.send(&coffee(), "still there", no_rows).unwrap();
}

/// The data key can be rotated after the session has closed its groups, and the session continues.
#[test]
fn the_data_key_is_changed() {
    let [mut alice, mut bob] = both_groups();
    let message = alice.send("hello");
    let busy = bob.session.store_mut().rotate(&Key::None);
    assert!(matches!(busy, Err(StoreError::Busy)));
    for group_id in bob.session.store().groups().unwrap() {
        bob.session.close(&group_id);
    }
    bob.session.store_mut().rotate(&Key::None).unwrap();
    assert_eq!(read(&mut bob, &message), "hello");
    bob.restart();
    assert_eq!(read(&mut bob, &alice.send("again")), "again");
}
