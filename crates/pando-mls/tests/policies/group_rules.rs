//! Shows that the rules that all members share are part of a Commit's validity. Members, external
//! joiners and the server check the rules when a Commit is created and when it is received. A
//! pending proposal that the rules reject does not prevent a member from creating Commits.

use crate::fixture::{
    ALWAYS, AtMost, CUSTOM, Fixture, NEVER, NOW, OneRemoves, add, client, credential, custom, leaf_template,
    leaked_signer, new_signer, newcomer_of, public_handshakes, refused, remove,
};
use pando_mls::{
    AdmitAll, CommitOutput, CommitView, DefaultRules, Extensions, Group, GroupConfig, GroupError, GroupRules,
    LeafChange, LeafIndex, LeftOutReason, NewLeaf, Processed, Proposal, RuleError, Successor, Violation,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rules that allow at most `N` members, and that count the Commits that they check.
struct Counted<const N: u32>(AtomicUsize);

impl<const N: u32> GroupRules for Counted<N> {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        AtMost::<N>.check(commit)
    }
}

/// Returns the number of proposals that the rules have left out, and the number that were left out
/// for other reasons.
fn refusals(output: &CommitOutput) -> (usize, usize) {
    let is_refused = |reason: &LeftOutReason| matches!(reason, LeftOutReason::Refused(_));
    let count = output.left_out.iter().filter(|left| is_refused(&left.reason)).count();
    (count, output.left_out.len() - count)
}

#[test]
fn commits_by_value_are_refused() {
    let mut fixture = Fixture::of(&OneRemoves, 3);
    let own = fixture.build(1, |builder| builder.proposal(remove(2)));
    assert_eq!(own.unwrap_err(), refused("may not remove"));
    assert!(fixture.members[1].group.pending_commit().is_none());
    fixture.members[1].check_store();
    // A member with different rules creates the Commit.
    fixture.lax(1);
    let commit = fixture.build(1, |builder| builder.proposal(remove(2))).unwrap().message;
    assert_eq!(fixture.refusal(Some(1), &commit), refused("may not remove"));
    // The state of the other members has not changed.
    fixture.members[1].clear_pending();
    fixture.commit(2, |builder| builder);
    fixture.commit(0, |builder| builder.proposal(remove(2)));
    assert_eq!(fixture.members.len(), 2);
}

#[test]
fn commits_by_reference_are_refused() {
    let mut fixture = Fixture::of(&OneRemoves, 3);
    fixture.lax(1);
    let proposal = fixture.members[1].propose(remove(2), &mut fixture.rng).unwrap();
    fixture.hear_not_admitted(Some(1), &proposal);
    let commit = fixture.build(1, |builder| builder).unwrap().message;
    assert_eq!(fixture.refusal(Some(1), &commit), refused("may not remove"));
}

#[test]
fn encrypted_commits_are_refused() {
    let config = GroupConfig::default();
    let mut fixture = Fixture::with(&DefaultRules, 1, config, Extensions::default());
    let newcomers = ["m1", "m2"].map(|name| fixture.newcomer(name));
    let output = fixture.build(0, |builder| builder.add(newcomers[0].key_package())).unwrap();
    fixture.members[0].follow(&output.message);
    let joining = client(&*newcomers[0].signer, &AtMost::<2>, Some(NOW), config);
    let welcome = output.welcome.unwrap();
    let mut group = Group::join(&welcome, &newcomers[0].bundle, None, &joining).unwrap().assume_persisted();
    let commit = fixture.build(0, |builder| builder.add(newcomers[1].key_package())).unwrap().message;
    let error = group.process(commit, &joining).map(drop).unwrap_err();
    assert_eq!(error, refused("too many"));
    assert_eq!(group.epoch(), 1);
    let _ = group.encrypt(b"data", &joining, &mut fixture.rng).unwrap();
}

#[test]
fn external_joiners_are_refused() {
    let mut fixture = Fixture::of(&AtMost::<3>, 3);
    let template = leaf_template("new", NEVER);
    let signer = new_signer(&mut fixture.rng);
    let made = fixture.external((template.clone(), None), signer, Some(NOW));
    assert_eq!(made.map(drop).unwrap_err(), refused("too many"));
    // With different rules, the joiner can create a Commit, but all members reject it.
    fixture.rules = &AdmitAll;
    let signer = new_signer(&mut fixture.rng);
    let (_, commit) = fixture.external((template, None), signer, Some(NOW)).unwrap();
    assert_eq!(fixture.refusal(None, &commit), refused("too many"));
    // A member that rejoins does not increase the number of members.
    fixture.rules = &AtMost::<3>;
    let back = (leaf_template("m2", NEVER), Some(LeafIndex(2)));
    let signer = new_signer(&mut fixture.rng);
    let (joiner, commit) = fixture.external(back, signer, Some(NOW)).unwrap();
    fixture.deliver(&commit);
    fixture.members.push(joiner);
    fixture.agree();
}

/// Rules that reject a client because of its name.
struct NobodyNamedEve;

impl GroupRules for NobodyNamedEve {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let eve = |change: &LeafChange| {
            change.new_leaf().is_some_and(|leaf| leaf.credential == credential("eve", NEVER))
        };
        if commit.leaf_changes()?.iter().any(eve) { Err(RuleError::refused("eve")) } else { Ok(()) }
    }
}

/// Shows that the rules check every new leaf: that of a creator, of an added client, and of an
/// external joiner.
#[test]
fn the_rules_see_every_leaf_that_comes_in() {
    let eve = || leaf_template("eve", NEVER);
    let mut fixture = Fixture::of(&NobodyNamedEve, 2);
    let newcomer = fixture.newcomer("eve");
    let added = fixture.build(0, |builder| builder.add(newcomer.key_package()));
    assert_eq!(added.unwrap_err(), refused("eve"));
    let creating = client(&*newcomer.signer, &NobodyNamedEve, Some(NOW), fixture.config);
    let id = "eves";
    let created = Group::builder(id).build(newcomer.bundle, &creating, &mut fixture.rng);
    assert_eq!(created.map(drop).unwrap_err(), refused("eve"));
    let signer = new_signer(&mut fixture.rng);
    let from_outside = fixture.external((eve(), None), signer, None);
    assert_eq!(from_outside.map(drop).unwrap_err(), refused("eve"));
    fixture.rules = &DefaultRules;
    let signer = new_signer(&mut fixture.rng);
    let (_, commit) = fixture.external((eve(), None), signer, None).unwrap();
    assert_eq!(fixture.refusal(None, &commit), refused("eve"));
}

/// Rules that require all members to keep their credentials.
struct NobodyChanges;

impl GroupRules for NobodyChanges {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        if commit.leaf_changes()?.iter().any(LeafChange::changes_identity) {
            return Err(RuleError::refused("changed"));
        }
        Ok(())
    }
}

#[test]
fn the_rules_see_who_changes() {
    let mut fixture = Fixture::of(&NobodyChanges, 3);
    let template = leaf_template("m1", NEVER - 1);
    let signer = leaked_signer(&mut fixture.rng);
    let changed = || NewLeaf { template: template.clone(), signer };
    let made = fixture.build(1, |builder| builder.new_leaf(changed()));
    assert_eq!(made.unwrap_err(), refused("changed"));
    // The Update with a changed credential is left out, but the other Update is not.
    let update = fixture.members[1].propose_update(Some(changed()), &mut fixture.rng).unwrap();
    fixture.hear(1, &update);
    let update = fixture.members[2].propose_update(None, &mut fixture.rng).unwrap();
    fixture.hear(2, &update);
    let output = fixture.commit(0, |builder| builder);
    assert_eq!(refusals(&output), (1, 0));
    fixture.lax(1);
    let commit = fixture.build(1, |builder| builder.new_leaf(changed())).unwrap().message;
    assert_eq!(fixture.refusal(Some(1), &commit), refused("changed"));
}

#[test]
fn creation_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let creator = newcomer_of(leaf_template("m0", NEVER), ALWAYS, &mut rng);
    let creating = client(&*creator.signer, &AtMost::<0>, Some(NOW), public_handshakes());
    let id = "group";
    let made = Group::builder(id).build(creator.bundle, &creating, &mut rng);
    let refused = Violation::GroupRules("too many".into());
    assert_eq!(made.map(drop).unwrap_err(), GroupError::Violation(refused));
}

/// Shows that the rules check a successor group when it is created.
#[test]
fn successors_are_refused() {
    let mut fixture = Fixture::of(&DefaultRules, 2);
    let [bundle, other] = ["m0", "m1"].map(|name| fixture.newcomer(name));
    let successor = Successor::new(bundle.bundle, vec![other.key_package()]);
    let creating = client(&*bundle.signer, &AtMost::<1>, Some(NOW), fixture.config);
    let (id, group) = ("branch", &fixture.members[0].group);
    let made = group.branch(id, Extensions::default(), successor, &creating, &mut fixture.rng);
    assert_eq!(made.map(drop).unwrap_err(), refused("too many"));
}

/// Shows that rules apply to combinations of proposals, each of which would be valid alone. The
/// Commit covers as many of them, in order, as the rules allow.
#[test]
fn combinations_are_refused() {
    let mut fixture = Fixture::of(&AtMost::<4>, 3);
    let newcomers: Vec<_> = ["a", "b", "c"].map(|name| fixture.newcomer(name)).into();
    for newcomer in &newcomers {
        fixture.propose(1, add(newcomer.key_package()));
    }
    fixture.propose(2, custom(CUSTOM, b"good"));
    let output = fixture.build(0, |builder| builder).unwrap();
    let reason = LeftOutReason::Refused("too many".into());
    let reasons: Vec<_> = output.left_out.iter().map(|left| &left.reason).collect();
    assert_eq!(reasons, [&reason; 2]);
    // Receivers learn which proposals were left out.
    let left_out: Vec<_> = output.left_out.iter().map(|left| &*left.proposal).collect();
    assert!(fixture.members[1].stage(&output.message).left_out().eq(left_out.iter().copied()));
    assert!(fixture.server.stage(&output.message).left_out().eq(left_out.iter().copied()));
    let covered = fixture.members[0].group.pending_epoch().unwrap().proposals().count();
    assert_eq!(covered, 2);
    fixture.deliver(&output.message);
    let first = newcomers.into_iter().next().unwrap();
    fixture.join(first, &output.welcome.unwrap());
    // A Remove makes space for one client.
    let newcomer = fixture.newcomer("d");
    fixture.propose(1, add(newcomer.key_package()));
    fixture.propose(2, remove(1));
    let output = fixture.commit(0, |builder| builder);
    assert_eq!(output.left_out, []);
    assert_eq!(fixture.members.len(), 3);
}

/// Shows that an invalid proposal does not prevent other proposals from being committed, no matter
/// in which position it is.
#[test]
fn one_bad_proposal_among_others() {
    for position in 0..5 {
        let mut fixture = Fixture::of(&AtMost::<3>, 3);
        let newcomer = fixture.newcomer("a");
        for number in 0..5_u8 {
            let good = custom(CUSTOM, &[number]);
            let proposal = if number == position { add(newcomer.key_package()) } else { good };
            fixture.propose(1, proposal);
        }
        let output = fixture.commit(2, |builder| builder);
        assert_eq!(refusals(&output), (1, 0));
        assert_eq!(fixture.members.len(), 3);
    }
}

/// Shows that a member's own proposals by value are never left out. If the rules reject them,
/// building the Commit fails, no matter which proposals are pending.
#[test]
fn our_own_proposals_by_value_come_first() {
    let mut fixture = Fixture::of(&AtMost::<4>, 3);
    let [pending, own, third] = ["a", "b", "c"].map(|name| fixture.newcomer(name));
    fixture.propose(1, add(pending.key_package()));
    let output = fixture.build(0, |builder| builder.add(own.key_package())).unwrap();
    assert_eq!(refusals(&output), (1, 0));
    fixture.members[0].clear_pending();
    let two = fixture.build(0, |builder| builder.add(own.key_package()).add(third.key_package()));
    assert_eq!(two.unwrap_err(), refused("too many"));
    fixture.commit(0, |builder| builder.without_pending());
}

/// Rules by which a Commit may change the credential or signature key of at most one leaf.
struct OneCredentialAtATime;

impl GroupRules for OneCredentialAtATime {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        match commit.leaf_changes()?.iter().filter(|change| change.changes_identity()).count() {
            0 | 1 => Ok(()),
            _ => Err(RuleError::refused("several")),
        }
    }
}

/// Shows that the committer's own new leaf also takes precedence: a pending proposal that conflicts
/// with it is left out.
#[test]
fn a_new_leaf_of_the_committer_comes_first() {
    let mut fixture = Fixture::of(&OneCredentialAtATime, 3);
    let changed = |name, signer| NewLeaf { template: leaf_template(name, NEVER - 1), signer };
    let signer = leaked_signer(&mut fixture.rng);
    let update = fixture.members[1].propose_update(Some(changed("m1", signer)), &mut fixture.rng);
    fixture.hear(1, &update.unwrap());
    fixture.propose(2, custom(CUSTOM, b"good"));
    let other = leaked_signer(&mut fixture.rng);
    let output = fixture.build(0, |builder| builder.new_leaf(changed("m0", other))).unwrap();
    assert_eq!(refusals(&output), (1, 0));
    let covered = fixture.members[0].group.pending_epoch().unwrap().proposals().count();
    assert_eq!(covered, 1);
    fixture.members[1].stage(&output.message);
}

/// Rules that allow a Commit to change at most `N` leaves.
struct FewChanges<const N: usize>;

impl<const N: usize> GroupRules for FewChanges<N> {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let before = commit.before().is_some();
        if before && commit.leaf_changes()?.len() > N { Err(RuleError::refused("many")) } else { Ok(()) }
    }
}

/// Shows that the leaf of the path counts as changed even if the committer does not change it
/// explicitly.
#[test]
fn the_leaf_of_the_path_counts() {
    for by_value in [false, true] {
        let mut fixture = Fixture::of(&FewChanges::<4>, 4);
        for name in ["a", "b", "c", "d"] {
            let newcomer = fixture.newcomer(name);
            fixture.propose(1, add(newcomer.key_package()));
        }
        // A Commit that contains only Adds needs no path.
        let output = fixture.build(0, |builder| builder.without_path()).unwrap();
        assert_eq!(output.left_out, []);
        fixture.members[0].clear_pending();
        let output = if by_value {
            fixture.build(0, |builder| builder.without_path().proposal(remove(3))).unwrap()
        } else {
            fixture.build(0, |builder| builder).unwrap()
        };
        let expected = if by_value { 2 } else { 1 };
        assert_eq!(refusals(&output), (expected, 0));
        fixture.deliver(&output.message);
    }
}

/// Rules that reject proposals that contain certain data.
struct NothingBad;

impl GroupRules for NothingBad {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let bad = |proposal: &Proposal| matches!(proposal, Proposal::Other(other) if other.data.starts_with(b"bad"));
        if commit.proposals().any(|(_, proposal)| bad(proposal)) {
            Err(RuleError::refused("bad"))
        } else {
            Ok(())
        }
    }
}

/// Shows that a member that sends many invalid proposals does not prevent the proposals of other
/// members from being committed.
#[test]
fn a_member_that_makes_bad_proposals_does_not_block_others() {
    let mut fixture = Fixture::of(&NothingBad, 3);
    for number in 0..100_u8 {
        fixture.propose(1, custom(CUSTOM, &[b"bad", &[number][..]].concat()));
    }
    fixture.propose(2, custom(CUSTOM, b"good"));
    fixture.propose(2, remove(1));
    let output = fixture.build(0, |builder| builder).unwrap();
    assert_eq!(refusals(&output), (100, 0));
    let covered = fixture.members[0].group.pending_epoch().unwrap().proposals();
    assert_eq!(
        covered.map(|(_, proposal)| proposal.clone()).collect::<Vec<_>>(),
        [custom(CUSTOM, b"good"), remove(1)]
    );
    fixture.deliver(&output.message);
    assert_eq!(fixture.members.len(), 2);
}

/// Shows that Removes make space for the first Adds, even if the Adds were proposed before the
/// Removes.
#[test]
fn removals_make_room_for_additions() {
    let mut fixture = Fixture::of(&AtMost::<4>, 4);
    for number in 0..20 {
        let newcomer = fixture.newcomer(&format!("n{number}"));
        fixture.propose(1, add(newcomer.key_package()));
    }
    fixture.propose(2, remove(3));
    let output = fixture.build(0, |builder| builder).unwrap();
    assert_eq!(refusals(&output), (19, 0));
    let names = crate::fixture::described(&fixture.members[1].stage(&output.message).leaf_changes().unwrap());
    assert!(names.contains(&("added", 3, "n0".into())), "{names:?}");
}

/// Shows that as many of one sender's Adds are committed as the rules allow, starting with the
/// first.
#[test]
fn good_proposals_that_come_first_are_committed() {
    let mut fixture = Fixture::of(&AtMost::<10>, 3);
    for number in 0..100 {
        let newcomer = fixture.newcomer(&format!("n{number}"));
        fixture.propose(1, add(newcomer.key_package()));
    }
    let output = fixture.build(0, |builder| builder).unwrap();
    assert_eq!(refusals(&output), (93, 0));
    let members = fixture.members[0].group.pending_epoch().unwrap().public().tree().member_count();
    assert_eq!(members, 10);
}

/// Shows that proposals may be valid together only in the order in which they are applied.
#[test]
fn a_client_that_is_removed_and_added_again_beside_a_bad_proposal() {
    let mut fixture = Fixture::of(&NothingBad, 3);
    let again = fixture.newcomer("m2");
    for proposal in [add(again.key_package()), remove(2), custom(CUSTOM, b"bad")] {
        fixture.propose(1, proposal);
    }
    let output = fixture.commit(0, |builder| builder);
    assert_eq!(refusals(&output), (1, 0));
    assert_eq!(output.left_out[0].proposal.proposal, custom(CUSTOM, b"bad"));
    fixture.join(again, &output.welcome.unwrap());
}

/// Shows that a pending proposal that our own proposal requires is kept, although another pending
/// proposal is invalid.
#[test]
fn our_own_proposal_goes_with_a_pending_one() {
    let mut fixture = Fixture::of(&NothingBad, 3);
    let mut plain = leaf_template("plain", NEVER);
    plain.capabilities.proposals.clear();
    let plain = newcomer_of(plain, ALWAYS, &mut fixture.rng);
    fixture.add(0, vec![plain]);
    // The required proposal comes last.
    for (by, leaf) in [(1, 2), (2, 1), (2, 3)] {
        fixture.propose(by, remove(leaf));
    }
    fixture.propose_unsupported(1, 3, custom(CUSTOM, b"bad"));
    let output = fixture.build(0, |builder| builder.proposal(custom(CUSTOM, b"good"))).unwrap();
    assert_eq!(refusals(&output), (1, 0));
    let removed = fixture.members[0].group.pending_epoch().unwrap().removed().len();
    assert_eq!(removed, 3);
}

/// Shows that two hundred invalid proposals cause only a limited number of calls of the rules, and
/// that the Commit can still be created.
#[test]
fn many_bad_proposals() {
    let rules: &'static Counted<3> = Box::leak(Box::new(Counted(AtomicUsize::new(0))));
    let mut fixture = Fixture::of(rules, 3);
    let mut calls = Vec::new();
    for count in [10, 50, 200] {
        for number in 0..count {
            let newcomer = fixture.newcomer(&format!("n{number}"));
            fixture.propose(1, add(newcomer.key_package()));
        }
        let before = rules.0.load(Ordering::Relaxed);
        let output = fixture.build(0, |builder| builder).unwrap();
        calls.push(rules.0.load(Ordering::Relaxed) - before);
        assert_eq!(refusals(&output), (count, 0));
        fixture.deliver(&output.message);
        assert_eq!(fixture.members.len(), 3);
    }
    // Without pending proposals, the rules are called once per Commit.
    let before = rules.0.load(Ordering::Relaxed);
    let _ = fixture.build(0, |builder| builder).unwrap();
    assert_eq!(rules.0.load(Ordering::Relaxed) - before, 1);
    assert!(calls.iter().all(|calls| *calls <= 9 * 9), "{calls:?}");
}

/// Rules that record the Commits that they check.
struct Noting(Mutex<Vec<String>>);

impl GroupRules for Noting {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let before = commit.before().map(|before| before.epoch());
        let changes = crate::fixture::described(&commit.leaf_changes()?);
        let proposals = commit.proposals().count();
        let (after, committer) = (commit.after().epoch(), commit.committer());
        let credential = commit.after().credential(LeafIndex(0))?.is_some();
        let note = format!("{before:?} {after} {committer:?} {proposals} {changes:?} {credential}");
        self.0.lock().unwrap().push(note);
        Ok(())
    }
}

/// Shows that committers, receivers and the server pass the same Commit to the rules.
#[test]
fn everybody_asks_the_same() {
    let noting = || -> &'static Noting { Box::leak(Box::new(Noting(Mutex::new(Vec::new())))) };
    let last = |rules: &Noting| rules.0.lock().unwrap().last().unwrap().clone();
    let mut fixture = Fixture::of(&DefaultRules, 4);
    let rules: Vec<_> = (0..6).map(|_| noting()).collect();
    for (member, rules) in fixture.members.iter_mut().zip(&rules) {
        member.rules = *rules;
    }
    fixture.server.rules = rules[4];
    let newcomer = fixture.newcomer("new");
    let update = fixture.members[2].propose_update(None, &mut fixture.rng).unwrap();
    fixture.hear(2, &update);
    fixture.propose(1, remove(3));
    fixture.commit(0, |builder| builder.add(newcomer.key_package()));
    let expected = "Some(1) 2 Member(leaf 0) 3 [(\"removed\", 3, \"m3\"), (\"updated\", 0, \"m0\"), \
                    (\"updated\", 2, \"m2\"), (\"added\", 3, \"new\")] true";
    assert!(rules[..5].iter().all(|rules| last(rules) == expected), "{}", last(rules[1]));
    fixture.rules = rules[5];
    let signer = new_signer(&mut fixture.rng);
    let (joiner, commit) =
        fixture.external((leaf_template("m2", NEVER), Some(LeafIndex(2))), signer, None).unwrap();
    fixture.deliver(&commit);
    fixture.members.push(joiner);
    fixture.agree();
    let expected = "Some(2) 3 NewMemberCommit 2 [(\"removed\", 2, \"m2\"), (\"added\", 2, \"m2\")] true";
    let asked = [0, 1, 4, 5].map(|index| last(rules[index]));
    assert!(asked.iter().all(|asked| asked == expected), "{asked:?}");
}

/// Shows that different rules fork a group: a member whose rules reject a Commit stays in its
/// epoch.
#[test]
fn a_member_with_other_rules_stays_behind() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    fixture.members[2].rules = &AtMost::<3>;
    let newcomer = fixture.newcomer("new");
    let commit = fixture.build(0, |builder| builder.add(newcomer.key_package())).unwrap().message;
    assert!(matches!(fixture.members[1].process(&commit).unwrap(), Processed::Commit(_)));
    assert_eq!(fixture.members[2].process(&commit).unwrap_err(), refused("too many"));
}
