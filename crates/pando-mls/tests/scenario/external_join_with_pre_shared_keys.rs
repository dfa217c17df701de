//! A client joins by an external Commit that mixes in PSKs. The members have these PSKs as well.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use pando_mls::{GroupError, Missing, NoPsks};

#[test]
fn a_pre_shared_key_comes_along() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        fixture.join_external(None, vec![external_psk(3), external_psk(4)]);
        fixture.chat(2);
        // A member that lacks the PSK cannot follow the Commit.
        let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
        let (_, message) =
            fixture.external(newcomer, &group_info, None, None, vec![external_psk(5)]).unwrap();
        for member in &mut fixture.members {
            let without = member.operate(|group, cx| group.process(message.clone(), &cx.with_psks(&NoPsks)));
            assert!(matches!(without.unwrap_err(), GroupError::Missing(Missing::Psk(_))));
        }
        fixture.agree();
    }
}
