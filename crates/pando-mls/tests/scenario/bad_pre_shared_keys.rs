//! Some PSKs must not be mixed in: a PSK with a nonce of the wrong length, one with the wrong
//! usage, and one that occurs twice.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use crate::proposals::psk;
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{CommitBuilder, GroupError, Psk, Violation};

#[test]
fn pre_shared_keys_are_checked() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let (psk_group_id, len) = (fixture.context().group_id.clone(), suite.hash_len());
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
            let refused = fixture.build(0, |builder| list.fold(builder, CommitBuilder::proposal));
            assert_eq!(refused.unwrap_err().violation(), Some(&violation));
            // A PSK that is invalid on its own cannot even be proposed.
            if let [alone] = &proposals[..] {
                let refused = fixture.members[0].propose(alone.clone(), &mut fixture.rng).unwrap_err();
                assert_eq!(refused, GroupError::Violation(violation));
            }
        }
        fixture.commit(0, |builder| builder.proposal(psk(external_psk(1), len)));
    }
}
