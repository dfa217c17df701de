//! Authenticated data is sent along with a message. This data is not encrypted, but it cannot be
//! altered.

use crate::group_fixture::{GroupFixture, client, external_psk, leaf_template, suites};
use pando_mls::wire::{PreSharedKey, PreSharedKeyId};
use pando_mls::{
    ApplicationData, BasicIdentities, ExternalJoin, Limits, MlsMessage, MlsMessageBody, Processed, Proposal,
    PublicGroup, PublicProcessed, Suite,
};

fn with_message(suite: Suite, by: usize) {
    let mut fixture = GroupFixture::of(suite, 2);
    let rng = &mut fixture.rng;
    let message = fixture.members[by]
        .operate(|group, cx| {
            group.encrypt(ApplicationData::new(b"secret").authenticated_data(b"open"), &cx, rng)
        })
        .unwrap();
    let MlsMessageBody::PrivateMessage(private) = &message.body else { panic!("not private") };
    assert_eq!(&*private.authenticated_data, b"open");
    for other in [&b""[..], b"opem", b"open\0"] {
        let mut changed = private.clone();
        changed.authenticated_data = other.into();
        let changed = MlsMessage { body: MlsMessageBody::PrivateMessage(changed) };
        assert!(fixture.members[1 - by].process(&changed).is_err());
    }
    match fixture.members[1 - by].process(&message).unwrap() {
        Processed::Application { data, authenticated_data, .. } => {
            assert_eq!((&*data, &*authenticated_data), (&b"secret"[..], &b"open"[..]));
        }
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn data_goes_along_with_a_message() {
    for suite in suites() {
        with_message(suite, 0);
        with_message(suite, 1);
    }
}

#[test]
fn data_goes_along_with_a_commit() {
    for suite in suites() {
        for mut fixture in [GroupFixture::new(suite), GroupFixture::public(suite)] {
            fixture.add(0, 1);
            for by in [0, 1] {
                let (message, _) = fixture.build(by, |builder| builder.authenticated_data(b"open")).unwrap();
                let mut changed = message.clone();
                match &mut changed.body {
                    MlsMessageBody::PrivateMessage(private) => {
                        assert_eq!(&*private.authenticated_data, b"open");
                        private.authenticated_data = b"ajar".as_slice().into();
                    }
                    MlsMessageBody::PublicMessage(public) => {
                        assert_eq!(&*public.content.authenticated_data, b"open");
                        public.content.authenticated_data = b"ajar".as_slice().into();
                    }
                    other => panic!("not a Commit: {other:?}"),
                }
                assert!(fixture.members[1 - by].process(&changed).is_err());
                match fixture.members[1 - by].process(&message).unwrap() {
                    Processed::Commit(staged) => assert_eq!(&**staged.authenticated_data(), b"open"),
                    other => panic!("not a Commit: {other:?}"),
                }
                fixture.deliver_commit(by, &message);
            }
        }
    }
}

#[test]
fn data_goes_along_with_a_proposal() {
    for suite in suites() {
        for mut fixture in [GroupFixture::new(suite), GroupFixture::public(suite)] {
            fixture.add(0, 1);
            for by in [0, 1] {
                let (rng, psk) = (&mut fixture.rng, external_psk_proposal(suite));
                let message =
                    fixture.members[by].operate(|group, cx| group.propose(psk, b"open", &cx, rng)).unwrap();
                let rng = &mut fixture.rng;
                let update = fixture.members[by]
                    .operate(|group, cx| group.propose_update(None, b"ajar", &cx, rng))
                    .unwrap();
                for (message, expected) in [(message, b"open"), (update, b"ajar")] {
                    match fixture.members[1 - by].process(&message).unwrap() {
                        Processed::Proposal(pending) => assert_eq!(&*pending.authenticated_data, expected),
                        other => panic!("not a proposal: {other:?}"),
                    }
                }
                // The authenticated data is stored together with the proposal.
                fixture.members[1 - by].restart();
                let pending = fixture.members[1 - by].group.pending_proposals();
                let data: Vec<_> = pending.map(|pending| pending.authenticated_data.to_vec()).collect();
                assert_eq!(data, [b"open", b"ajar"]);
                fixture.commit(1 - by, |builder| builder);
            }
        }
    }
}

#[test]
fn data_goes_along_with_an_external_commit() {
    for suite in suites() {
        let mut fixture = GroupFixture::new(suite);
        let (group_info, newcomer) = (fixture.members[0].group_info(true), fixture.newcomer());
        let join = ExternalJoin::new(&group_info, leaf_template()).authenticated_data(b"open");
        let (_, message) =
            join.build(&client(&*newcomer.signer), &mut fixture.rng).unwrap().assume_persisted();
        let mut observer = PublicGroup::new(suite, &group_info, None, &BasicIdentities, Limits::default())
            .unwrap()
            .assume_persisted();
        match observer
            .process(message.clone(), &BasicIdentities, &pando_mls::AdmitAll, None)
            .unwrap()
            .into_parts()
            .0
        {
            PublicProcessed::Commit(staged) => assert_eq!(&**staged.authenticated_data(), b"open"),
            other => panic!("not a Commit: {other:?}"),
        }
        match fixture.members[0].process(&message).unwrap() {
            Processed::Commit(staged) => assert_eq!(&**staged.authenticated_data(), b"open"),
            other => panic!("not a Commit: {other:?}"),
        }
    }
}

fn external_psk_proposal(suite: Suite) -> Proposal {
    let psk = PreSharedKeyId { psk: external_psk(3), psk_nonce: vec![7; suite.hash_len()].into() };
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
}
