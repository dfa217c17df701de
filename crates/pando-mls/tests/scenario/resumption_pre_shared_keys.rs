//! A Commit mixes in the resumption PSK of a past epoch. Only members that were in that epoch can
//! follow the Commit. After some epochs, the PSK is deleted.

use crate::group_fixture::{GroupFixture, suite, suites};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{GroupConfig, GroupError, Missing, Processed, Psk};

fn of_epoch(fixture: &GroupFixture, psk_epoch: u64) -> Psk {
    let (usage, psk_group_id) = (ResumptionPskUsage::Application, fixture.context().group_id.clone());
    Psk::Resumption { usage, psk_group_id, psk_epoch }
}

#[test]
fn the_secret_of_a_past_epoch_is_mixed_in() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let epoch = fixture.context().epoch;
        fixture.commit(1, |builder| builder);
        for (by, epoch) in [(2, epoch), (0, epoch + 1), (0, epoch)] {
            let psk = of_epoch(&fixture, epoch);
            fixture.commit(by, |builder| builder.psk(psk).without_path());
            fixture.chat(0);
        }
        // No member has the PSK of a future epoch.
        let psk = of_epoch(&fixture, fixture.context().epoch + 1);
        let refused = fixture.build(0, |builder| builder.psk(psk)).unwrap_err();
        assert!(matches!(refused, GroupError::Missing(Missing::Psk(_))));
        // The PSK of the current epoch can be mixed in as well.
        let psk = of_epoch(&fixture, fixture.context().epoch);
        fixture.commit(0, |builder| builder.psk(psk));
    }
}

#[test]
fn who_was_not_there_cannot_follow() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let psk = of_epoch(&fixture, fixture.context().epoch);
        fixture.add(0, 1);
        let (message, _) = fixture.build(0, |builder| builder.psk(psk)).unwrap();
        let refused = fixture.members[2].process(&message).unwrap_err();
        assert!(matches!(refused, GroupError::Missing(Missing::Psk(_))));
        assert!(matches!(fixture.members[1].process(&message).unwrap(), Processed::Commit(_)));
    }
}

#[test]
fn only_so_many_epochs_are_remembered() {
    let config = GroupConfig::default().with_past_resumption_psks(2);
    let mut fixture = GroupFixture::with_config(suite(1), config);
    fixture.add(0, 1);
    let epoch = fixture.context().epoch;
    let psk = of_epoch(&fixture, epoch);
    for by in [0, 1] {
        fixture.commit(by, |builder| builder);
    }
    fixture.build(0, |builder| builder.psk(psk.clone())).unwrap();
    fixture.members[0].clear_pending();
    assert!(fixture.members[0].group.resumption_psk(epoch).is_some());
    fixture.commit(1, |builder| builder);
    let refused = fixture.build(0, |builder| builder.psk(psk)).unwrap_err();
    assert!(matches!(refused, GroupError::Missing(Missing::Psk(_))));
    assert!(fixture.members[0].group.resumption_psk(epoch).is_none());
}
