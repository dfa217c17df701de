//! A ReInit must be the only proposal in its Commit, so a pending ReInit waits while other
//! proposals are pending.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use crate::proposals::{extensions, psk, reinit};
use pando_mls::Proposal;

#[test]
fn a_reinitialization_gives_way() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let reinit = || Proposal::ReInit(Box::new(reinit(suite, extensions(&[]))));
        fixture.propose(1, reinit());
        fixture.propose(1, psk(external_psk(1), suite.hash_len()));
        fixture.commit(0, |builder| builder);
        fixture.propose(1, reinit());
        fixture.commit(0, |builder| builder.psk(external_psk(2)));
        assert!(fixture.members.iter().all(|member| member.group.is_active()));
        // If two ReInits are pending, only one of them is committed.
        fixture.propose(1, reinit());
        fixture.propose(0, reinit());
        let (message, _) = fixture.build(0, |builder| builder).unwrap();
        for index in [0, 1] {
            assert_eq!(fixture.members[index].follow(&message), index == 0);
            assert!(fixture.members[index].group.reinit().is_some());
        }
        fixture.agree();
    }
}
