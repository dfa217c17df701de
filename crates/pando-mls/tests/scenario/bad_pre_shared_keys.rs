//! PSKs that must not be mixed in: one with a bad nonce, one of the wrong usage, one that occurs
//! twice.

use crate::proposals::psk;
use crate::world::{World, external_psk, suites};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{CommitBuilder, GroupError, Psk, Violation};

#[test]
fn pre_shared_keys_are_checked() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let (psk_group_id, len) = (world.context().group_id.clone(), suite.hash_len());
        let resumption = |usage| {
            let psk_group_id = psk_group_id.clone();
            psk(Psk::Resumption { usage, psk_group_id, psk_epoch: 0 }, len)
        };
        for (proposals, violation) in [
            (vec![psk(external_psk(1), len - 1)], Violation::PskNonce),
            (vec![psk(external_psk(1), len + 1)], Violation::PskNonce),
            (vec![psk(external_psk(1), 0)], Violation::PskNonce),
            (vec![resumption(ResumptionPskUsage::ReInit)], Violation::PskUsage),
            (vec![resumption(ResumptionPskUsage::Branch)], Violation::PskUsage),
            (vec![psk(external_psk(1), len), psk(external_psk(1), len)], Violation::DuplicatePsk),
        ] {
            let list = proposals.clone().into_iter();
            let refused = world.build(0, |builder| list.fold(builder, CommitBuilder::proposal));
            assert_eq!(refused.unwrap_err().violation(), Some(&violation));
            // A PSK that is invalid by itself is not even proposed.
            if let [alone] = &proposals[..] {
                let refused = world.members[0].propose(alone.clone(), &mut world.rng).unwrap_err();
                assert_eq!(refused, GroupError::Violation(violation));
            }
        }
        world.commit(0, |builder| builder.proposal(psk(external_psk(1), len)));
    }
}
