//! Each byte of each kind of message is altered in transit. No receiver accepts an altered message,
//! and the message does no harm.

use crate::group_fixture::{GroupFixture, Newcomer, client, external_psk, suite};
use crate::proposals::psk;
use crate::server::Server;
use pando_mls::{
    BasicIdentities, Decode, Encode, Group, GroupInfo, LeafIndex, MlsMessage, PendingProposal, Processed,
    Welcome, propose_own_add,
};

/// Returns all variants in which one byte is altered, in its lowest or in its highest bit.
fn changes(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |position| {
        [0x01, 0x80].map(|bit| {
            let mut changed = bytes.to_vec();
            changed[position] ^= bit;
            changed
        })
    })
}

/// Checks that the last member rejects every alteration of a message without a change of its state,
/// and then accepts the original.
fn only_the_original_is_accepted(fixture: &mut GroupFixture, message: &MlsMessage) -> Processed {
    let member = fixture.members.last_mut().unwrap();
    let before = snapshot(&member.group);
    for changed in changes(&message.encode().unwrap()) {
        if let Ok(changed) = MlsMessage::decode(&changed) {
            let processed = member.process(&changed);
            assert!(processed.is_err(), "{processed:?}");
            assert_eq!(snapshot(&member.group), before);
        }
    }
    member.process(message).unwrap()
}

/// Returns the observable state of a group. The secrets of the group are represented by values
/// derived from them.
fn snapshot(group: &Group) -> (Vec<u8>, Vec<u8>, String, Vec<PendingProposal>) {
    (
        group.public().context().encode().unwrap(),
        group.export("label", b"context", 32).unwrap().expose().to_vec(),
        format!("{:?} {} {}", group.epoch_authenticator(), group.own_leaf(), group.is_active()),
        group.pending_proposals().cloned().collect(),
    )
}

/// Returns a group that sends its handshake messages as PrivateMessages, and a group that sends
/// them as PublicMessages.
fn worlds() -> [GroupFixture; 2] {
    let mut public = GroupFixture::public(suite(1));
    public.add(0, 2);
    [GroupFixture::of(suite(1), 3), public]
}

#[test]
fn commits() {
    for mut fixture in worlds() {
        let newcomer = fixture.newcomer();
        let (message, _) =
            fixture.build(0, |builder| builder.add(newcomer.key_package()).psk(external_psk(1))).unwrap();
        let Processed::Commit(staged) = only_the_original_is_accepted(&mut fixture, &message) else {
            panic!("not a Commit")
        };
        fixture.members[2].merge(*staged);
        for index in 0..2 {
            assert_eq!(fixture.members[index].follow(&message), index == 0);
        }
        fixture.agree();
    }
}

#[test]
fn proposals() {
    for mut fixture in worlds() {
        let Newcomer { bundle, signer } = fixture.newcomer();
        let update = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        let psk = fixture.members[0].propose(psk(external_psk(1), 32), &mut fixture.rng).unwrap();
        let add = propose_own_add(fixture.context(), bundle.key_package, &client(&*signer)).unwrap();
        for message in [update, psk, add] {
            let processed = only_the_original_is_accepted(&mut fixture, &message);
            assert!(matches!(processed, Processed::Proposal(_)), "{processed:?}");
        }
        assert_eq!(fixture.members[2].pending_proposals().len(), 3);
    }
}

#[test]
fn application_messages() {
    for suite in crate::group_fixture::suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let message = fixture.send(0, b"hello");
        match only_the_original_is_accepted(&mut fixture, &message) {
            Processed::Application { data, .. } => assert_eq!(&*data, b"hello"),
            other => panic!("not a message: {other:?}"),
        }
    }
}

#[test]
fn external_commits() {
    let [mut fixture, _] = worlds();
    let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
    let (lost, psks) = (Some(LeafIndex(1)), vec![external_psk(2)]);
    let (_, message) = fixture.external(newcomer, &group_info, None, lost, psks).unwrap();
    let processed = only_the_original_is_accepted(&mut fixture, &message);
    assert!(matches!(processed, Processed::Commit(_)), "{processed:?}");
}

#[test]
fn group_infos() {
    let [fixture, _] = worlds();
    let bytes = fixture.members[0].group_info(true).encode().unwrap();
    for changed in changes(&bytes) {
        if let Ok(changed) = GroupInfo::decode(&changed) {
            assert!(Server::new(fixture.suite, &changed, &BasicIdentities).is_err());
        }
    }
    Server::new(fixture.suite, &GroupInfo::decode(&bytes).unwrap(), &BasicIdentities).unwrap();
}

#[test]
fn welcomes() {
    let [mut fixture, _] = worlds();
    let newcomer = fixture.newcomer();
    let (_, welcome) = fixture.build(0, |builder| builder.add(newcomer.key_package())).unwrap();
    let cx = client(&*newcomer.signer);
    let join = |welcome: &Welcome| Group::join(welcome, &newcomer.bundle, None, &cx);
    let bytes = welcome.unwrap().encode().unwrap();
    for changed in changes(&bytes) {
        if let Ok(changed) = Welcome::decode(&changed) {
            let group = join(&changed);
            assert!(group.is_err(), "{group:?}");
        }
    }
    assert!(join(&Welcome::decode(&bytes).unwrap()).is_ok());
}
