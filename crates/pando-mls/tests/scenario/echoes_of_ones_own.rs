//! The delivery service sends every message to all clients, including its sender. A client
//! recognises its own messages, even the second time, and never processes them as new ones.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use pando_mls::{FramingError, GroupError, Processed, Suite};

/// Returns a group with private handshake messages, and a group with public handshake messages.
fn worlds(suite: Suite) -> [GroupFixture; 2] {
    let mut public = GroupFixture::public(suite);
    public.add(0, 2);
    [GroupFixture::of(suite, 3), public]
}

#[test]
fn ones_own_proposals_come_back() {
    for mut fixture in suites().flat_map(worlds) {
        for by in [0, 2] {
            let update = fixture.members[by].propose_update(&mut fixture.rng).unwrap();
            let pending: Vec<_> = fixture.members[by].group.pending_proposals().cloned().collect();
            for _ in 0..2 {
                match fixture.members[by].process(&update).unwrap() {
                    Processed::OwnProposal(known) => assert_eq!(known, pending.last().unwrap().reference),
                    other => panic!("not recognised: {other:?}"),
                }
            }
            assert!(fixture.members[by].group.pending_proposals().eq(&pending));
            fixture.deliver_proposal(by, &update);
            fixture.commit(1, |builder| builder);
            // The Update is now in the tree, so it is too late to propose it again.
            assert!(fixture.members[by].process(&update).is_err());
            assert_eq!(fixture.members[by].pending_proposals(), []);
            fixture.commit(by, |builder| builder);
        }
    }
}

#[test]
fn ones_own_commit_comes_back() {
    for mut fixture in suites().flat_map(worlds) {
        for by in [0, 2] {
            let (commit, _) = fixture.build(by, |builder| builder.psk(external_psk(1))).unwrap();
            assert!(fixture.members[by].group.is_pending(&commit));
            for _ in 0..2 {
                assert!(matches!(fixture.members[by].process(&commit).unwrap(), Processed::OwnCommit));
            }
            fixture.deliver_commit(by, &commit);
            // The second copy of the message is rejected.
            let epoch = fixture.members[by].group.epoch();
            let error = fixture.members[by].process(&commit).unwrap_err();
            let expected = GroupError::EpochMismatch { message: epoch - 1, group: epoch };
            assert_eq!(error, expected);
            assert_eq!(fixture.members[by].group.epoch(), epoch);
            fixture.agree();
            fixture.chat(by);
        }
    }
}

#[test]
fn ones_own_message_comes_back() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let message = fixture.send(0, b"an echo");
        let own = GroupError::Framing(FramingError::OwnMessage);
        for _ in 0..2 {
            assert_eq!(fixture.members[0].process(&message).unwrap_err(), own);
        }
        // The echo does not use up a key that is still needed.
        fixture.chat(0);
        fixture.commit(1, |builder| builder);
        assert_eq!(fixture.members[0].process(&message).unwrap_err(), own);
        let (forgotten, epoch) = (fixture.send(0, b"old"), fixture.context().epoch);
        for _ in 0..=fixture.config.past_epochs {
            fixture.commit(0, |builder| builder);
        }
        let refused = fixture.members[0].process(&forgotten).unwrap_err();
        assert_eq!(refused, GroupError::EpochMismatch { message: epoch, group: fixture.context().epoch });
        fixture.chat(0);
    }
}
