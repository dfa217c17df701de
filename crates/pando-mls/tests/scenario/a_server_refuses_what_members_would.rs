//! A server rejects GroupInfos that are not genuine and messages that were altered in transit, as
//! far as it can detect the changes without secrets.

use crate::group_fixture::{GroupFixture, fast_suites};
use crate::server::Server;
use pando_mls::{BasicIdentities, Decode, Encode, GroupError, MlsMessage, Suite, Violation};

fn world_and_server(suite: Suite, members: usize) -> (GroupFixture, Server) {
    let mut fixture = GroupFixture::public(suite);
    fixture.add(0, members - 1);
    let server = Server::of(&fixture);
    (fixture, server)
}

#[test]
fn a_server_refuses_what_members_would() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 3);
        let before = server.group.public().context().clone();
        let (commit, _) = fixture.build(0, |builder| builder).unwrap();
        let bytes = commit.encode().unwrap();
        let mut accepted = 0;
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            if let Ok(changed) = MlsMessage::decode(&changed) {
                // Only members can check the tags at the end of the message.
                accepted += usize::from(server.process(&changed).is_ok());
            }
        }
        assert_eq!(accepted, 64);
        assert_eq!(*server.group.public().context(), before);
        server.follow(&commit);
        fixture.deliver_commit(0, &commit);
        server.agrees_with(&fixture);
        let again = server.process(&commit).unwrap_err();
        let expected = GroupError::EpochMismatch { message: before.epoch, group: before.epoch + 1 };
        assert_eq!(again, expected);
    }
}

#[test]
fn a_description_that_was_changed_is_refused() {
    for suite in fast_suites() {
        let (fixture, _) = world_and_server(suite, 2);
        let mut group_info = fixture.members[0].group_info(true);
        group_info.group_context.epoch += 1;
        let server = Server::new(fixture.suite, &group_info, &BasicIdentities).map(|_| ());
        assert_eq!(server.unwrap_err(), GroupError::Violation(Violation::GroupInfoSignature));
    }
}

/// Shows that a server that knows the time rejects proposals with expired KeyPackages, although
/// members do not check the time.
#[test]
fn a_server_looks_at_the_time() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 2);
        let newcomer = fixture.newcomer();
        let add = crate::proposals::add(newcomer.key_package());
        let proposal = fixture.members[0].propose(add, &mut fixture.rng).unwrap();
        let late = Some(2 * crate::group_fixture::NOW + 1);
        let refused = server.process_with(&proposal, &BasicIdentities, late).map(|_| ());
        assert_eq!(refused.unwrap_err(), GroupError::Violation(Violation::Lifetime));
        fixture.deliver_proposal(0, &proposal);
        server.process_with(&proposal, &BasicIdentities, Some(2 * crate::group_fixture::NOW)).unwrap();
        // Once the proposal is accepted, the Commit may arrive at any time.
        let (commit, _) = fixture.commit(1, |builder| builder);
        server.process_with(&commit, &BasicIdentities, late).unwrap();
        server.follow(&commit);
        server.agrees_with(&fixture);
    }
}
