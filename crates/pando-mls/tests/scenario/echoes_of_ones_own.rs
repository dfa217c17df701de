//! The delivery service sends every message to every client, including the sender. A client
//! recognises its own messages, also the second time, and never processes them as new ones.

use crate::world::{World, external_psk, suites};
use pando_mls::{FramingError, GroupError, Processed, Suite};

/// Returns a group with private handshakes, and one with public handshakes.
fn worlds(suite: Suite) -> [World; 2] {
    let mut public = World::public(suite);
    public.add(0, 2);
    [World::of(suite, 3), public]
}

#[test]
fn ones_own_proposals_come_back() {
    for mut world in suites().flat_map(worlds) {
        for by in [0, 2] {
            let update = world.members[by].propose_update(&mut world.rng).unwrap();
            let pending: Vec<_> = world.members[by].group.pending_proposals().cloned().collect();
            for _ in 0..2 {
                match world.members[by].process(&update).unwrap() {
                    Processed::OwnProposal(known) => assert_eq!(known, pending.last().unwrap().reference),
                    other => panic!("not recognised: {other:?}"),
                }
            }
            assert!(world.members[by].group.pending_proposals().eq(&pending));
            world.deliver_proposal(by, &update);
            world.commit(1, |builder| builder);
            // The Update is in the tree now. It is too late to propose it again.
            assert!(world.members[by].process(&update).is_err());
            assert_eq!(world.members[by].pending_proposals(), []);
            world.commit(by, |builder| builder);
        }
    }
}

#[test]
fn ones_own_commit_comes_back() {
    for mut world in suites().flat_map(worlds) {
        for by in [0, 2] {
            let (commit, _) = world.build(by, |builder| builder.psk(external_psk(1))).unwrap();
            assert!(world.members[by].group.is_pending(&commit));
            for _ in 0..2 {
                assert!(matches!(world.members[by].process(&commit).unwrap(), Processed::OwnCommit));
            }
            world.deliver_commit(by, &commit);
            // The second copy is rejected.
            let epoch = world.members[by].group.epoch();
            let error = world.members[by].process(&commit).unwrap_err();
            let expected = GroupError::EpochMismatch { message: epoch - 1, group: epoch };
            assert_eq!(error, expected);
            assert_eq!(world.members[by].group.epoch(), epoch);
            world.agree();
            world.chat(by);
        }
    }
}

#[test]
fn ones_own_message_comes_back() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let message = world.send(0, b"an echo");
        let own = GroupError::Framing(FramingError::OwnMessage);
        for _ in 0..2 {
            assert_eq!(world.members[0].process(&message).unwrap_err(), own);
        }
        // The echo uses up no key that is still needed.
        world.chat(0);
        world.commit(1, |builder| builder);
        assert_eq!(world.members[0].process(&message).unwrap_err(), own);
        let (forgotten, epoch) = (world.send(0, b"old"), world.context().epoch);
        for _ in 0..=world.config.past_epochs {
            world.commit(0, |builder| builder);
        }
        let refused = world.members[0].process(&forgotten).unwrap_err();
        assert_eq!(refused, GroupError::EpochMismatch { message: epoch, group: world.context().epoch });
        world.chat(0);
    }
}
