//! Shows how a member's local policy gives advice on a valid Commit. Members may act differently,
//! but all members that merge the Commit are in the same epoch.

use crate::fixture::{EXPIRED, Ending, Fixture, NEVER, NOW, expired, leaf_template, name_of, new_signer};
use pando_mls::{Advice, CommitView, DefaultRules, LeafIndex, LocalPolicy, Misuse, RuleError};

/// A policy that advises members to hold a Commit with a leaf that is invalid now, and to leave a
/// group that a given client joins.
struct Careful {
    avoids: &'static str,
}

impl LocalPolicy for Careful {
    fn advise(&self, commit: &CommitView<'_>, now: Option<u64>) -> Result<Advice, RuleError> {
        let changes = commit.leaf_changes()?;
        let mut new = changes.iter().filter_map(|change| change.new_leaf());
        if new.any(|leaf| name_of(&leaf.credential) == self.avoids) {
            return Ok(Advice::Leave(format!("avoids {}", self.avoids)));
        }
        let Some(now) = now else { return Ok(Advice::Merge) };
        Ok(match commit.leaves_invalid_at(now, &Ending)?.first() {
            Some((leaf, reason)) => Advice::Hold(format!("{leaf}: {reason}")),
            None => Advice::Merge,
        })
    }
}

#[test]
fn members_hold_leave_and_merge() {
    let mut fixture = Fixture::of(&DefaultRules, 4);
    let signer = new_signer(&mut fixture.rng);
    let (joiner, message) = fixture.external((leaf_template("late", EXPIRED), None), signer, None).unwrap();
    let hold = Advice::Hold(format!("leaf 4: {}", expired()));
    let leave = Advice::Leave("avoids late".into());
    let mut staged = Vec::new();
    for (index, avoids, now, expected) in [
        (0, "nobody", None, Advice::Merge),
        (1, "nobody", Some(NOW), hold),
        (2, "late", Some(NOW), leave),
        (3, "nobody", Some(0), Advice::Merge),
    ] {
        let member = &mut fixture.members[index];
        member.now = now;
        let commit = member.stage(&message);
        let view = commit.view(member.group.public()).unwrap();
        assert_eq!(Careful { avoids }.advise(&view, now).unwrap(), expected);
        // The advice after a restart is the same as before, because nothing has changed.
        member.restart(true);
        let view = commit.view(member.group.public()).unwrap();
        assert_eq!(Careful { avoids }.advise(&view, now).unwrap(), expected);
        staged.push(commit);
    }
    let of_server = fixture.server.stage(&message);
    let view = of_server.view(fixture.server.group.public()).unwrap();
    assert_eq!(Careful { avoids: "late" }.advise(&view, None).unwrap(), Advice::Leave("avoids late".into()));
    fixture.server.merge(&of_server);
    // The first and the fourth member merge the Commit and continue. The third member leaves, and
    // the second merges the Commit later.
    let mut staged = staged.into_iter();
    let (first, second, _, fourth) =
        (staged.next().unwrap(), staged.next().unwrap(), staged.next(), staged.next().unwrap());
    fixture.members[0].merge(first);
    fixture.members[3].merge(fourth);
    drop(fixture.members.remove(2));
    let mut held = fixture.members.remove(1);
    fixture.members.push(joiner);
    fixture.agree();
    let next = fixture.commit(0, |builder| builder.remove(LeafIndex(2))).message;
    held.merge(second);
    held.follow(&next);
    fixture.members.push(held);
    fixture.agree();
    fixture.commit(3, |builder| builder);
}

/// Shows that a stale Commit has no view, because a view needs the state in which the Commit was
/// created.
#[test]
fn a_stale_commit_has_no_view() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let lost = fixture.build(1, |builder| builder).unwrap().message;
    let (staged, seen) = (fixture.members[0].stage(&lost), fixture.server.stage(&lost));
    assert!(staged.view(fixture.members[0].group.public()).is_ok());
    assert!(seen.view(fixture.server.group.public()).is_ok());
    fixture.commit(2, |builder| builder);
    let stale = Misuse::StaleCommit.into();
    assert_eq!(staged.view(fixture.members[0].group.public()).map(drop), Err(stale));
    let stale = Misuse::StaleCommit.into();
    assert_eq!(seen.view(fixture.server.group.public()).map(drop), Err(stale));
    // A Commit of another group has no view either.
    let mut other = Fixture::of(&DefaultRules, 1);
    let _ = other.newcomer("another client");
    let message = other.build(0, |builder| builder).unwrap().message;
    let staged = other.server.stage(&message);
    let stale = Misuse::StaleCommit.into();
    assert_eq!(staged.view(fixture.server.group.public()).map(drop), Err(stale));
}

/// Shows that a policy receives the same view of our own pending Commit as receivers do, even after
/// a restart.
#[test]
fn our_own_commit_is_seen_by_the_policy() {
    let mut fixture = Fixture::of(&DefaultRules, 2);
    let newcomer = fixture.newcomer("late");
    fixture.build(0, |builder| builder.add(newcomer.key_package())).unwrap();
    let policy = Careful { avoids: "late" };
    for restart in [None, Some(false), Some(true)] {
        let member = &mut fixture.members[0];
        if let Some(lazily) = restart {
            member.restart(lazily);
        }
        let view = member.group.pending_epoch().unwrap().view(member.group.public()).unwrap();
        assert_eq!(policy.advise(&view, Some(NEVER)).unwrap(), Advice::Leave("avoids late".into()));
        assert_eq!((view.proposals().count(), view.after().epoch()), (1, 2));
    }
}
