//! A handshake message of another epoch is rejected before it is decrypted, with the same error for
//! encrypted and public messages, and for remembered and forgotten epochs. No key is used up.

use crate::proposals::custom;
use crate::world::{World, suites};
use pando_mls::{GroupConfig, GroupError, Processed};

#[test]
fn handshakes_of_another_epoch_use_no_key() {
    for (suite, encrypt_handshakes) in suites().flat_map(|suite| [(suite, false), (suite, true)]) {
        let config = GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes).with_past_epochs(2);
        let mut world = World::with_config(suite, config);
        world.add(0, 2);
        let update = world.members[0].propose_update(&mut world.rng).unwrap();
        let proposal = world.members[2].propose(custom(0xf001, b"stale"), &mut world.rng).unwrap();
        let (commit, _) = world.build(2, |builder| builder).unwrap();
        world.members[2].clear_pending();
        let stale = [update, proposal, commit];
        let sent = world.context().epoch;
        // Up to two epochs later the epoch is still remembered, and not afterwards.
        for later in 1..=4 {
            world.commit(1, |builder| builder);
            let wrong = GroupError::EpochMismatch { message: sent, group: sent + later };
            for message in &stale {
                for _ in 0..2 {
                    let member = &mut world.members[1];
                    let before = member.group.rows().unwrap();
                    let refused = member.process(message).unwrap_err();
                    assert_eq!(refused, wrong);
                    assert!(member.group.take_delta().delta().is_empty());
                    assert_eq!(member.group.rows().unwrap(), before);
                    assert_eq!(member.pending_proposals(), []);
                }
            }
        }
        world.agree();
        world.chat(1);
    }
}

/// A handshake message that arrives early can be processed once its epoch has begun: its key is
/// still there.
#[test]
fn handshakes_of_the_next_epoch_are_taken_later() {
    for (suite, encrypt_handshakes) in suites().flat_map(|suite| [(suite, false), (suite, true)]) {
        let config = GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes);
        let mut world = World::with_config(suite, config);
        world.add(0, 2);
        let epoch = world.context().epoch;
        let (first, _) = world.build(0, |builder| builder).unwrap();
        let mut late = world.members.pop().unwrap();
        world.deliver_commit(0, &first);
        let update = world.members[0].propose_update(&mut world.rng).unwrap();
        world.deliver_proposal(0, &update);
        let (second, _) = world.build(1, |builder| builder).unwrap();
        for message in [&update, &second] {
            let wrong = GroupError::EpochMismatch { message: epoch + 1, group: epoch };
            assert_eq!(late.process(message).unwrap_err(), wrong);
            assert!(late.group.take_delta().delta().is_empty());
        }
        late.follow(&first);
        assert!(matches!(late.process(&update).unwrap(), Processed::Proposal(_)));
        late.follow(&second);
        world.deliver_commit(1, &second);
        world.members.push(late);
        world.agree();
    }
}
