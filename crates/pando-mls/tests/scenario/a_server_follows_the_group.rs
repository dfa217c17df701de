//! A server follows all public messages of a group without knowing any of its secrets.

use crate::group_fixture::{GroupFixture, external_psk, fast_suites, suites};
use crate::proposals::remove;
use crate::server::Server;
use pando_mls::{GroupError, LeafIndex, Missing, Misuse};

/// Returns a group that sends its handshake messages as PublicMessages.
fn public_world(suite: pando_mls::Suite, members: usize) -> GroupFixture {
    let mut fixture = GroupFixture::public(suite);
    fixture.add(0, members - 1);
    fixture
}

#[test]
fn a_server_follows_everything_that_is_public() {
    for suite in fast_suites() {
        let mut fixture = public_world(suite, 3);
        let mut server = Server::of(&fixture);
        for round in 0..6 {
            let by = (round + 1) % 3;
            let update = fixture.members[by].propose_update(&mut fixture.rng).unwrap();
            fixture.deliver_proposal(by, &update);
            server.follow(&update);
            let newcomer = fixture.newcomer();
            let (commit, _) = fixture.commit(round % 3, |builder| match round {
                0 | 1 => builder.add(newcomer.key_package()),
                2 => builder.psk(external_psk(1)),
                3 => builder.remove(LeafIndex(3)),
                _ => builder,
            });
            server.follow(&commit);
            server.agrees_with(&fixture);
        }
        // Leaf 0 is removed, and a client joins by an external Commit.
        let (commit, _) = fixture.commit(1, |builder| builder.remove(LeafIndex(0)));
        server.follow(&commit);
        let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
        let (member, message) = fixture.external(newcomer, &group_info, None, None, vec![]).unwrap();
        fixture.deliver_commit(usize::MAX, &message);
        fixture.members.push(member);
        server.follow(&message);
        server.agrees_with(&fixture);
    }
}

#[test]
fn a_server_needs_the_proposals() {
    for suite in suites() {
        let mut fixture = public_world(suite, 3);
        let mut server = Server::of(&fixture);
        let proposal = fixture.members[1].propose(remove(0), &mut fixture.rng).unwrap();
        fixture.deliver_proposal(1, &proposal);
        let (commit, _) = fixture.build(2, |builder| builder).unwrap();
        let refused = server.process(&commit).unwrap_err();
        assert!(matches!(refused, GroupError::Missing(Missing::Proposal(_))));
        // Once the late proposal has arrived, the server continues.
        server.follow(&proposal);
        server.follow(&commit);
        fixture.deliver_commit(fixture.at(2), &commit);
        server.agrees_with(&fixture);
    }
}

#[test]
fn what_is_private_is_not_for_a_server() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let mut server = Server::of(&fixture);
        let message = fixture.send(0, b"private");
        let (commit, _) = fixture.commit(0, |builder| builder);
        for message in [message, commit] {
            let refused = server.process(&message).unwrap_err();
            assert_eq!(refused, GroupError::Misuse(Misuse::WrongMessage));
        }
    }
}
