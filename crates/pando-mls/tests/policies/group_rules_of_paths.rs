//! Shows that rules about the committer's leaf in the path do not prevent members from creating
//! Commits, with or without pending proposals.

use crate::fixture::{Fixture, remove};
use pando_mls::wire::Sender;
use pando_mls::{AdmitAll, CommitView, GroupRules, LeafChange, RuleError, StateView};

/// Rules that require every Commit of a member to have a path.
struct PathRequired;

impl GroupRules for PathRequired {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let (Some(_), Sender::Member(committer)) = (commit.before(), commit.committer()) else {
            return Ok(());
        };
        let is_own =
            |change: &LeafChange| matches!(change, LeafChange::Updated { leaf, .. } if *leaf == committer);
        let updated = commit.leaf_changes()?.iter().any(is_own);
        if updated { Ok(()) } else { Err(RuleError::refused("no path")) }
    }
}

/// Rules that require every Commit of a member to change the committer's encryption key.
struct NewKey;

impl GroupRules for NewKey {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let (Some(before), Sender::Member(committer)) = (commit.before(), commit.committer()) else {
            return Ok(());
        };
        let key = |state: StateView<'_>| {
            Ok::<_, RuleError>(state.tree().leaf(committer)?.map(|leaf_node| leaf_node.encryption_key))
        };
        if key(before)? == key(commit.after())? { Err(RuleError::refused("same key")) } else { Ok(()) }
    }
}

#[test]
fn rules_about_the_path_allow_commits_that_have_one() {
    for rules in [&PathRequired as &'static dyn GroupRules, &NewKey] {
        for pending in [false, true] {
            let mut fixture = Fixture::of(&AdmitAll, 3);
            fixture.members.iter_mut().for_each(|member| member.rules = rules);
            fixture.server.rules = rules;
            if pending {
                fixture.propose(1, remove(2));
            }
            let output = fixture.build(0, |builder| builder).unwrap();
            assert_eq!(output.left_out, []);
        }
    }
}
