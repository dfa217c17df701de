//! A client records all messages and then joins, by a Welcome or by an external Commit. The client
//! can decrypt none of the earlier messages.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::GroupError;

#[test]
fn a_newcomer_knows_nothing_of_the_past() {
    for suite in suites() {
        for by in [0, 1] {
            let mut fixture = GroupFixture::of(suite, 2);
            let mut log = vec![fixture.send(by, b"long ago")];
            log.push(fixture.commit(by, |builder| builder).0);
            log.push(fixture.send(1 - by, b"a moment ago"));
            log.push(fixture.members[by].propose_update(&mut fixture.rng).unwrap());
            let update = log.last().unwrap().clone();
            fixture.deliver_proposal(by, &update);
            let newcomer = fixture.newcomer();
            let (commit, welcome) = fixture.commit(1 - by, |builder| builder.add(newcomer.key_package()));
            log.push(commit);
            fixture.enter(newcomer, &welcome.unwrap());
            fixture.join_external(None, vec![]);
            for newcomer in [2, 3] {
                for message in &log {
                    let refused = fixture.members[newcomer].process(message).unwrap_err();
                    assert!(matches!(refused, GroupError::EpochMismatch { .. }), "{refused:?}");
                }
            }
            fixture.agree();
            fixture.chat(2);
        }
    }
}
