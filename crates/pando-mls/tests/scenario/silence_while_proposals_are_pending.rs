//! While proposals are pending, no member can send application data, not even a member that has
//! missed the latest of them. After the Commit, all members can send again.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::custom;
use pando_mls::{GroupError, Misuse};

#[test]
fn nothing_is_sent_while_there_are_proposals() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let under_way = fixture.send(2, b"sent before");
        fixture.propose_update(0);
        fixture.propose(1, custom(0xf001, b""));
        for index in 0..3 {
            let sent = fixture.members[index].send(b"x", &mut fixture.rng);
            assert_eq!(sent.unwrap_err(), GroupError::Misuse(Misuse::ProposalsPending));
        }
        // Messages that were sent earlier can still be read.
        for index in 0..2 {
            assert_eq!(
                crate::group_fixture::read(fixture.members[index].process(&under_way)).1,
                b"sent before"
            );
        }
        fixture.commit(2, |builder| builder);
        fixture.chat(0);
        fixture.chat(1);
    }
}
