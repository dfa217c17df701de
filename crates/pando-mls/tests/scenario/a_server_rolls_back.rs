//! A server that has merged an altered Commit returns to the previous state and merges the
//! original.

use crate::group_fixture::{GroupFixture, client, fast_suites, over_the_wire, suite};
use crate::one_leaf_for_each_identity::OneLeafEach;
use crate::proposals::{extensions, reinit, remove};
use crate::server::Server;
use crate::tampering::{bad_signature, commit, with_another_signature, with_another_tag, world_and_server};
use pando_mls::{
    BasicIdentities, DefaultRules, GroupError, LeafIndex, Limits, Misuse, MlsMessage, PendingProposal,
    PublicGroup, PublicProcessed, RowKey, Rows, RustCrypto, Suite, propose_own_add,
};

/// A server's rows without the position row, and the server's pending proposals.
type Saved = (Rows, Vec<PendingProposal>);

fn saved(server: &Server) -> Saved {
    let mut rows = server.group.rows().unwrap();
    assert_eq!(rows, server.rows);
    rows.remove(&RowKey::State).unwrap();
    (rows, server.group.pending_proposals().cloned().collect())
}

/// Rolls the server back to a given state, both in memory and in its store.
fn rolls_back_to(server: &mut Server, state: &Saved) {
    server.roll_back().unwrap();
    assert_eq!(&saved(server), state);
    let loaded = PublicGroup::load(&server.rows, &RustCrypto, &BasicIdentities, Limits::default()).unwrap();
    assert_eq!(loaded.rows().unwrap(), server.rows);
    assert_eq!(loaded.public().context(), server.group.public().context());
}

fn has_nothing_to_roll_back(server: &mut Server) {
    let state = saved(server);
    assert_eq!(server.roll_back().unwrap_err(), GroupError::Misuse(Misuse::NothingToRollBack));
    assert_eq!(saved(server), state);
}

#[test]
fn an_altered_signature_is_healed() {
    let (mut fixture, mut server) = world_and_server(suite(2), 3);
    let before = saved(&server);
    let (first, _) = commit(&mut fixture, 0, |builder| builder);
    let (second, _) = commit(&mut fixture, 1, |builder| builder);
    server.follow(&with_another_signature(&first));
    assert_eq!(server.process(&second).unwrap_err(), bad_signature());
    rolls_back_to(&mut server, &before);
    has_nothing_to_roll_back(&mut server);
    for message in [&first, &second] {
        server.follow(message);
    }
    server.agrees_with(&fixture);
}

#[test]
fn an_altered_tag_is_healed() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 3);
        let mut states = vec![saved(&server)];
        let mut messages = Vec::new();
        for by in [0, 1, 2] {
            let proposal = fixture.members[by].propose_update(&mut fixture.rng).unwrap();
            fixture.deliver_proposal(by, &proposal);
            let (commit, _) = commit(&mut fixture, (by + 1) % 3, |builder| builder);
            messages.push((proposal, commit));
        }
        let [(proposal, first), (other_proposal, second), (last_proposal, third)] = &messages[..] else {
            panic!("three epochs")
        };
        server.follow(proposal);
        states[0] = saved(&server);
        server.follow(&with_another_tag(first));
        server.follow(other_proposal);
        states.push(saved(&server));
        server.follow(second);
        for message in [last_proposal, third] {
            assert_eq!(server.process(message).unwrap_err(), bad_signature());
        }
        // In this case, one step back is not enough, but the server cannot know that.
        rolls_back_to(&mut server, &states[1]);
        server.follow(second);
        assert_eq!(server.process(third).unwrap_err(), bad_signature());
        rolls_back_to(&mut server, &states[1]);
        rolls_back_to(&mut server, &states[0]);
        has_nothing_to_roll_back(&mut server);
        for message in [first, other_proposal, second, last_proposal, third] {
            server.follow(message);
        }
        server.agrees_with(&fixture);
    }
}

/// Shows that the states before the last two merges are kept, whether or not a GroupInfo has
/// confirmed them.
#[test]
fn two_states_are_kept() {
    let merges: [&[bool]; 9] = [
        &[],
        &[true],
        &[false],
        &[true, true],
        &[true, false],
        &[false, true],
        &[false, false],
        &[true, true, true],
        &[false, false, false],
    ];
    for confirmed in merges {
        let (mut fixture, mut server) = world_and_server(suite(1), 2);
        let mut states = vec![saved(&server)];
        for confirmed in confirmed {
            let (message, group_info) = commit(&mut fixture, 1, |builder| builder);
            let staged = server.stage(&message);
            if *confirmed {
                server.merge(&staged, &group_info).unwrap();
            } else {
                server.merge_unconfirmed(&staged).unwrap();
            }
            states.push(saved(&server));
        }
        states.pop();
        for state in states.iter().rev().take(2) {
            rolls_back_to(&mut server, state);
        }
        has_nothing_to_roll_back(&mut server);
    }
}

#[test]
fn a_failed_merge_and_a_refused_message_drop_no_state() {
    let (mut fixture, mut server) = world_and_server(suite(1), 2);
    let before = saved(&server);
    let (first, old) = commit(&mut fixture, 0, |builder| builder);
    server.follow(&first);
    let (second, _) = commit(&mut fixture, 1, |builder| builder);
    let staged = server.stage(&second);
    server.merge(&staged, &old).unwrap_err();
    server.process(&first).unwrap_err();
    rolls_back_to(&mut server, &before);
}

/// Shows that a Commit that was staged after the abandoned merge is stale, while one that was
/// staged before that merge is not.
#[test]
fn the_abandoned_branch_is_stale() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 2);
        let (first, group_info) = commit(&mut fixture, 0, |builder| builder);
        let right = server.stage(&first);
        server.follow(&with_another_tag(&first));
        let (second, next_group_info) = commit(&mut fixture, 1, |builder| builder);
        let abandoned = server.stage(&second);
        server.roll_back().unwrap();
        let stale = GroupError::Misuse(Misuse::StaleCommit);
        assert_eq!(server.merge_unconfirmed(&abandoned).unwrap_err(), stale);
        server.merge(&right, &group_info).unwrap();
        // This Commit follows the altered Commit, which has another interim transcript hash.
        assert_eq!(server.merge_unconfirmed(&abandoned).unwrap_err(), stale);
        let staged = server.stage(&second);
        server.merge(&staged, &next_group_info).unwrap();
        server.agrees_with(&fixture);
    }
}

/// Creates pending proposals of all kinds that a rollback restores. The proposals come from members
/// and from a client that asks to be added. The rules do not admit one of the proposals.
fn propose(fixture: &mut GroupFixture, server: &mut Server, by: usize) {
    let update = fixture.members[by].propose_update(&mut fixture.rng).unwrap();
    fixture.deliver_proposal(by, &update);
    server.follow(&update);
    let ask = |fixture: &mut GroupFixture| {
        let newcomer = fixture.newcomer();
        propose_own_add(fixture.context(), newcomer.key_package(), &client(&*newcomer.signer)).unwrap()
    };
    let admitted = ask(fixture);
    server.follow(&admitted);
    let not_admitted = over_the_wire(&ask(fixture));
    let processed = server.group.process(not_admitted, &BasicIdentities, &DefaultRules, None);
    let (processed, delta) = processed.unwrap().into_parts();
    assert!(matches!(processed, PublicProcessed::NotAdmitted(..)));
    delta.apply(&mut server.rows).unwrap();
}

/// Merges a Commit, stays in the new epoch for a while, rolls back, and merges the Commit again.
fn there_and_back(fixture: &mut GroupFixture, server: &mut Server, message: &MlsMessage) {
    let before = saved(server);
    server.follow(message);
    server.agrees_with(fixture);
    let after = saved(server);
    // The server now has more proposals than before. The rollback deletes the rows of the
    // additional proposals.
    propose(fixture, server, 0);
    propose(fixture, server, 2);
    rolls_back_to(server, &before);
    server.follow(message);
    assert_eq!(saved(server), after);
    server.agrees_with(fixture);
}

#[test]
fn the_tree_has_grown() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 4);
        propose(&mut fixture, &mut server, 1);
        let newcomer = fixture.newcomer();
        let size = fixture.tree().size();
        let (message, _) = commit(&mut fixture, 2, |builder| builder.add(newcomer.key_package()));
        assert!(fixture.tree().size() > size);
        there_and_back(&mut fixture, &mut server, &message);
    }
}

#[test]
fn the_tree_has_shrunk() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 5);
        // The parents above the removed leaf get keys.
        let (message, _) = commit(&mut fixture, 4, |builder| builder);
        server.follow(&message);
        propose(&mut fixture, &mut server, 1);
        let size = fixture.tree().size();
        let (message, _) = commit(&mut fixture, 2, |builder| builder.remove(LeafIndex(4)));
        assert!(fixture.tree().size() < size);
        there_and_back(&mut fixture, &mut server, &message);
    }
}

#[test]
fn a_client_has_come_from_outside() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 3);
        propose(&mut fixture, &mut server, 1);
        let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
        let (joiner, message) =
            fixture.external(newcomer, &group_info, None, Some(LeafIndex(1)), vec![]).unwrap();
        fixture.deliver_commit(usize::MAX, &message);
        fixture.members.push(joiner);
        there_and_back(&mut fixture, &mut server, &message);
    }
}

/// Shows that, with a policy that identifies clients, a rollback also restores the rows of the
/// client index.
#[test]
fn the_rows_about_clients_come_back() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        let mut server = Server::new(suite, &fixture.members[0].group_info(true), &OneLeafEach).unwrap();
        let newcomer = fixture.newcomer_with(|template| {
            template.credential = pando_mls::Credential::Basic { identity: b"another".as_slice().into() };
        });
        let before = saved(&server);
        let (message, _) = commit(&mut fixture, 0, |builder| builder.add(newcomer.key_package()));
        let staged = match server.process_with(&message, &OneLeafEach, None).unwrap() {
            PublicProcessed::Commit(staged) => staged,
            other => panic!("not a Commit: {other:?}"),
        };
        server.merge_unconfirmed(&staged).unwrap();
        assert!(saved(&server).0.len() > before.0.len());
        server.roll_back().unwrap();
        assert_eq!(saved(&server), before);
    }
}

fn ended(suite: Suite) -> (GroupFixture, Server, MlsMessage) {
    let (mut fixture, mut server) = world_and_server(suite, 2);
    propose(&mut fixture, &mut server, 1);
    let next = reinit(suite, extensions(&[]));
    let (message, _) = fixture.build(0, |builder| builder.without_pending().reinit(next.clone())).unwrap();
    server.follow(&message);
    assert_eq!(server.group.reinit(), Some(&next));
    (fixture, server, message)
}

/// Shows that the end of a group can be rolled back. No member has accepted the Commit that ended
/// the group for the server.
#[test]
fn the_end_of_a_group_is_taken_back() {
    for suite in fast_suites() {
        let (mut fixture, mut server, end) = ended(suite);
        saved(&server);
        fixture.members[0].clear_pending();
        let (other, group_info) = commit(&mut fixture, 1, |builder| builder);
        assert_eq!(server.process(&other).unwrap_err(), GroupError::Misuse(Misuse::Ended));
        server.roll_back().unwrap();
        saved(&server);
        assert_eq!(server.group.reinit(), None);
        let again = server.stage(&end);
        let staged = server.stage(&other);
        server.merge(&staged, &group_info).unwrap();
        server.agrees_with(&fixture);
        assert_eq!(server.merge_unconfirmed(&again).unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
    }
}

/// Shows that previous states are not stored. If a server has merged an altered Commit and
/// restarts, it must start over from a GroupInfo.
#[test]
fn a_server_that_was_restarted_begins_again() {
    let (mut fixture, mut server) = world_and_server(suite(1), 3);
    has_nothing_to_roll_back(&mut server);
    let (first, _) = commit(&mut fixture, 0, |builder| builder);
    server.follow(&with_another_tag(&first));
    let limits = Limits::default();
    server.group = PublicGroup::load(&server.rows, &RustCrypto, &BasicIdentities, limits).unwrap();
    has_nothing_to_roll_back(&mut server);
    let mut server = Server::of(&fixture);
    server.agrees_with(&fixture);
    has_nothing_to_roll_back(&mut server);
    let removal = fixture.members[1].propose(remove(0), &mut fixture.rng).unwrap();
    fixture.deliver_proposal(1, &removal);
    server.follow(&removal);
    let (second, group_info) = commit(&mut fixture, 2, |builder| builder);
    let staged = server.stage(&second);
    server.merge(&staged, &group_info).unwrap();
    server.agrees_with(&fixture);
}
