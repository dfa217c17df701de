//! Some proposals cannot be committed along with others, or cannot be committed by any member.

use crate::group_fixture::{GroupFixture, external_psk, fast_suites};
use crate::proposals::{extensions, reinit};
use pando_mls::wire::ExternalInit;
use pando_mls::{Extensions, GroupError, Proposal, ProtocolVersion, ReInit, Violation};

#[test]
fn some_proposals_stand_alone_or_not_at_all() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let reinit = || reinit(suite, extensions(&[]));
        let refused = |built: Result<_, GroupError>| match built {
            Err(GroupError::Violation(violation) | GroupError::Proposal { violation, .. }) => violation,
            other => panic!("not refused: {other:?}"),
        };
        let together = fixture.build(0, |builder| builder.reinit(reinit()).psk(external_psk(1)));
        assert_eq!(refused(together), Violation::ReInitNotAlone);
        let twice = fixture.build(0, |builder| builder.reinit(reinit()).reinit(reinit()));
        assert_eq!(refused(twice), Violation::ReInitNotAlone);
        let lower = ReInit { version: ProtocolVersion(0), ..reinit() };
        assert_eq!(refused(fixture.build(0, |builder| builder.reinit(lower))), Violation::ReInitVersion);
        let init = Proposal::ExternalInit(ExternalInit { kem_output: vec![1; 32].into() });
        let regular = fixture.build(0, |builder| builder.proposal(init));
        assert_eq!(refused(regular), Violation::ExternalInitInRegularCommit);
        let both = fixture
            .build(0, |builder| builder.extensions(Extensions::default()).extensions(Extensions::default()));
        assert_eq!(refused(both), Violation::SeveralGroupContextExtensions);
        fixture.commit(0, |builder| builder);
    }
}
