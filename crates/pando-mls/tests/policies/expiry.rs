//! Shows that clocks never fork a group. A Commit with an expired leaf is valid for all members,
//! but a staged Commit lists those of its new leaves that are invalid at a given time. A member
//! does not send an expired leaf unless it ignores its clock.

use crate::fixture::{
    Borrowed, EXPIRED, Fixture, NEVER, NOW, VALID, add, expired, leaf_template, leaked_signer, new_signer,
    newcomer_of, remove,
};
use pando_mls::{
    CommitOutput, DefaultRules, GroupError, LeafIndex, LeftOutReason, Lifetime, Misuse, MlsMessage, NewLeaf,
    PublicStaged, Violation,
};

/// Returns those new leaves of a staged Commit that are invalid at a given time.
fn invalid_at(staged: &PublicStaged, now: u64) -> Vec<(u32, Violation)> {
    let invalid = staged.leaves_invalid_at(now, &crate::fixture::Ending).unwrap();
    invalid.into_iter().map(|(leaf, violation)| (leaf.0, violation)).collect()
}

/// Checks that the server and members with different clocks list the same leaves, and that all
/// members follow the Commit.
fn all_follow(fixture: &mut Fixture, message: &MlsMessage, expected: &[(u32, Violation)]) {
    // These clocks differ by years, and the last member has no clock.
    let clocks = [Some(0), Some(NOW), Some(u64::MAX), None];
    for (member, now) in fixture.members.iter_mut().zip(clocks.into_iter().cycle()) {
        let own = std::mem::replace(&mut member.now, now);
        if member.group.is_pending(message) {
            assert_eq!(invalid_at(member.group.pending_epoch().unwrap(), NOW), expected);
        } else {
            let staged = member.stage(message);
            assert_eq!(invalid_at(&staged, NOW), expected);
            assert_eq!(invalid_at(&staged, 500), [], "no leaf has expired yet");
        }
        member.now = own;
    }
    for now in clocks {
        fixture.server.now = now;
        let staged = fixture.server.stage(message);
        assert_eq!(invalid_at(&staged, NOW), expected);
    }
    fixture.server.now = None;
    fixture.deliver(message);
}

fn error<T>(result: Result<T, GroupError>) -> GroupError {
    result.map(drop).unwrap_err()
}

/// Runs an operation while a member ignores its clock.
fn without_clock<T>(fixture: &mut Fixture, by: usize, what: impl FnOnce(&mut Fixture) -> T) -> T {
    let now = fixture.members[by].now.take();
    let result = what(fixture);
    fixture.members[by].now = now;
    result
}

#[test]
fn an_external_commit() {
    for resync in [None, Some(LeafIndex(2))] {
        let mut fixture = Fixture::of(&DefaultRules, 3);
        let name = if resync.is_some() { "m2" } else { "new" };
        let template = || leaf_template(name, EXPIRED);
        let signer = new_signer(&mut fixture.rng);
        let refused = error(fixture.external((template(), resync), signer, Some(NOW)));
        assert_eq!(refused, expired().into());
        // A client that ignores its clock sends the expired leaf.
        let signer = new_signer(&mut fixture.rng);
        let (joiner, message) = fixture.external((template(), resync), signer, None).unwrap();
        let leaf = if resync.is_some() { 2 } else { 3 };
        all_follow(&mut fixture, &message, &[(leaf, expired())]);
        fixture.members.push(joiner);
        fixture.agree();
    }
}

#[test]
fn an_update() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let signer = leaked_signer(&mut fixture.rng);
    let new_leaf = || Some(NewLeaf { template: leaf_template("m1", EXPIRED), signer });
    let refused = fixture.members[1].propose_update(new_leaf(), &mut fixture.rng);
    assert_eq!(error(refused), expired().into());
    fixture.members[1].check_store();
    let update = without_clock(&mut fixture, 1, |fixture| {
        fixture.members[1].propose_update(new_leaf(), &mut fixture.rng).unwrap()
    });
    // Members accept the Update at any time.
    fixture.hear(1, &update);
    // A member with a clock does not commit the Update, but a member without a clock does.
    let output = fixture.build(0, |builder| builder).unwrap();
    assert_eq!(output.left_out[0].reason, LeftOutReason::Invalid(expired()));
    fixture.members[0].clear_pending();
    let output = without_clock(&mut fixture, 0, |fixture| fixture.build(0, |builder| builder)).unwrap();
    all_follow(&mut fixture, &output.message, &[(1, expired())]);
}

#[test]
fn an_add() {
    let dead = Lifetime { not_before: 0, not_after: EXPIRED };
    for (end, lifetime, violation) in
        [(NEVER, dead, Violation::Lifetime), (EXPIRED, crate::fixture::ALWAYS, expired())]
    {
        let mut fixture = Fixture::of(&DefaultRules, 3);
        let newcomer = newcomer_of(leaf_template("new", end), lifetime, &mut fixture.rng);
        let by_value = |fixture: &mut Fixture| {
            let key_package = newcomer.key_package();
            fixture.build(0, |builder| builder.add(key_package))
        };
        let refused = GroupError::Proposal { index: 0, violation: violation.clone() };
        assert_eq!(error(by_value(&mut fixture)), refused);
        let proposal = add(newcomer.key_package());
        let proposed = fixture.members[1].propose(proposal.clone(), &mut fixture.rng);
        assert_eq!(error(proposed), violation.clone().into());
        let message = without_clock(&mut fixture, 1, |fixture| {
            fixture.members[1].propose(proposal, &mut fixture.rng).unwrap()
        });
        // A server with a clock rejects the proposal before ordering it. A server without a clock
        // follows the group as a member does.
        fixture.server.now = Some(NOW);
        assert_eq!(fixture.server.process(&message).unwrap_err(), violation.clone().into());
        fixture.server.now = None;
        fixture.hear(1, &message);
        let output = fixture.build(2, |builder| builder).unwrap();
        assert_eq!(output.left_out[0].reason, LeftOutReason::Invalid(violation.clone()));
        fixture.members[2].clear_pending();
        let output = without_clock(&mut fixture, 2, |fixture| fixture.build(2, |builder| builder)).unwrap();
        all_follow(&mut fixture, &output.message, &[(3, violation.clone())]);
        fixture.join(newcomer, &output.welcome.unwrap());
    }
}

#[test]
fn a_path() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let signer = leaked_signer(&mut fixture.rng);
    let build = |fixture: &mut Fixture| -> Result<CommitOutput, GroupError> {
        let new_leaf = NewLeaf { template: leaf_template("m1", EXPIRED), signer };
        fixture.build(1, |builder| builder.new_leaf(new_leaf))
    };
    assert_eq!(error(build(&mut fixture)), expired().into());
    assert!(fixture.members[1].group.pending_commit().is_none());
    let output = without_clock(&mut fixture, 1, build).unwrap();
    all_follow(&mut fixture, &output.message, &[(1, expired())]);
}

/// Shows that leaves that do not change are never listed as invalid.
#[test]
fn leaves_that_stay_are_not_named() {
    let mut fixture = of_whom_one_expires();
    let output = fixture.build(0, |builder| builder).unwrap();
    for now in [NOW, VALID + 1, u64::MAX - 1] {
        let staged = fixture.members[2].stage(&output.message);
        assert_eq!(invalid_at(&staged, now), []);
        assert_eq!(invalid_at(&fixture.server.stage(&output.message), now), []);
    }
}

/// Returns a group in which member 1's credential has expired: all clocks are after [`VALID`], its
/// end.
fn of_whom_one_expires() -> Fixture {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let signer = leaked_signer(&mut fixture.rng);
    let new_leaf = NewLeaf { template: leaf_template("m1", VALID), signer };
    let output = fixture.build(1, |builder| builder.new_leaf(new_leaf)).unwrap();
    fixture.deliver(&output.message);
    fixture.members[1].signer = Box::new(Borrowed(signer));
    fixture.members.iter_mut().for_each(|member| member.now = Some(VALID + 1));
    fixture
}

/// Shows that a member whose credential has expired sends no leaf with this credential, whatever
/// the kind of message.
#[test]
fn a_member_whose_credential_has_expired_sends_no_leaf() {
    let mut fixture = of_whom_one_expires();
    let rng = &mut fixture.rng;
    assert_eq!(error(fixture.members[1].propose_update(None, rng)), expired().into());
    assert_eq!(error(fixture.build(1, |builder| builder)), expired().into());
    assert_eq!(error(fixture.build(1, |builder| builder.proposal(remove(2)))), expired().into());
    fixture.members[1].check_store();
    // The member can send messages and create Commits that need no path.
    let newcomer = fixture.newcomer("new");
    let output = fixture.build(1, |builder| builder.add(newcomer.key_package()).without_path()).unwrap();
    fixture.deliver(&output.message);
    let _ = fixture.members[1].encrypt(&mut fixture.rng).unwrap();
    // If the member ignores its clock, it can create both an Update and a Commit with a path.
    let update = without_clock(&mut fixture, 1, |fixture| {
        fixture.members[1].propose_update(None, &mut fixture.rng).unwrap()
    });
    fixture.hear(1, &update);
    let output = without_clock(&mut fixture, 1, |fixture| fixture.build(1, |builder| builder)).unwrap();
    fixture.deliver(&output.message);
}

#[test]
fn a_member_whose_credential_has_expired_renews_it() {
    for by_update in [false, true] {
        let mut fixture = of_whom_one_expires();
        let signer = leaked_signer(&mut fixture.rng);
        let new_leaf = NewLeaf { template: leaf_template("m1", NEVER), signer };
        let message = if by_update {
            let update = fixture.members[1].propose_update(Some(new_leaf), &mut fixture.rng).unwrap();
            fixture.hear(1, &update);
            fixture.build(0, |builder| builder).unwrap().message
        } else {
            fixture.build(1, |builder| builder.new_leaf(new_leaf)).unwrap().message
        };
        fixture.deliver(&message);
        fixture.members[1].signer = Box::new(Borrowed(signer));
        fixture.commit(1, |builder| builder);
        let update = fixture.members[1].propose_update(None, &mut fixture.rng).unwrap();
        fixture.hear(1, &update);
    }
}

#[test]
fn a_member_whose_credential_has_expired_leaves() {
    let mut fixture = of_whom_one_expires();
    fixture.propose(1, remove(1));
    fixture.commit(0, |builder| builder);
    assert_eq!(fixture.members.len(), 2);
}

/// Shows that a client can join a group with an expired member, both by a Welcome and by an
/// external Commit.
#[test]
fn a_group_with_an_expired_member_is_joined() {
    let mut fixture = of_whom_one_expires();
    let newcomer = fixture.newcomer("new");
    fixture.add(0, vec![newcomer]);
    let signer = new_signer(&mut fixture.rng);
    let template = leaf_template("other", NEVER);
    let (joiner, message) = fixture.external((template, None), signer, Some(VALID + 1)).unwrap();
    fixture.deliver(&message);
    fixture.members.push(joiner);
    fixture.agree();
}

/// Shows that a KeyPackage is not created if its lifetime ends before it begins.
#[test]
fn a_lifetime_that_ends_before_it_begins() {
    let mut fixture = Fixture::of(&DefaultRules, 1);
    for (not_before, not_after, made) in [(1, 0, false), (5, 5, true), (u64::MAX, 0, false), (0, 1, true)] {
        let pando_mls::LeafTemplate { credential, capabilities, .. } = leaf_template("new", NEVER);
        let template = pando_mls::KeyPackageTemplate {
            credential,
            capabilities,
            lifetime: Lifetime { not_before, not_after },
            leaf_extensions: pando_mls::Extensions::default(),
            extensions: pando_mls::Extensions::default(),
        };
        let signer = new_signer(&mut fixture.rng);
        let bundle = pando_mls::KeyPackageBundle::new(fixture.suite, template, &*signer, &mut fixture.rng);
        match bundle {
            Ok(_) => assert!(made),
            Err(error) => {
                assert!(!made);
                assert_eq!(error, GroupError::Misuse(Misuse::NegativeLifetime));
            }
        }
    }
}
