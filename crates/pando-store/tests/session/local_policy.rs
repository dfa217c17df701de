//! A policy that advises against Commits. Such a Commit can be merged after the policy is removed.

use crate::fixture::{Member, agree, epoch, group_of};
use pando_mls::{Advice, CommitView, LeafIndex, LocalPolicy, RuleError};
use pando_store::session::{Event, Held, Received};

/// A policy that advises against Commits that remove a member.
struct Against(fn(String) -> Advice);

impl LocalPolicy for Against {
    fn advise(&self, commit: &CommitView<'_>, now: Option<u64>) -> Result<Advice, RuleError> {
        assert_eq!(now, Some(crate::fixture::NOW));
        let removes = commit.proposals().any(|(_, it)| matches!(it, pando_mls::Proposal::Remove(_)));
        Ok(if removes { self.0("a member is removed".into()) } else { Advice::Merge })
    }
}

/// A policy that refuses all Commits.
struct Refusal;

impl LocalPolicy for Refusal {
    fn advise(&self, _: &CommitView<'_>, _: Option<u64>) -> Result<Advice, RuleError> {
        Err(RuleError::refused("never"))
    }
}

fn set(member: &mut Member, policy: impl LocalPolicy + Send + 'static) {
    member.session.set_local_policy(Some(Box::new(policy)));
}

fn hold_then_merge(advice: fn(String) -> Advice, expected: &Held, restarts: bool) {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    set(&mut bob, Against(advice));
    let commit = alice.commit(|commit| commit);
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false)]);
    alice.accept();
    carol.apply(&commit);

    let commit = alice.commit(|commit| commit.remove(LeafIndex(2)));
    for _ in 0..3 {
        assert!(matches!(bob.receive(&commit), Received::Held(held) if held == *expected));
        if restarts {
            bob.restart();
            set(&mut bob, Against(advice));
        }
    }
    // Messages of the current epoch can be received in the meantime.
    let message = bob.send("I am not sure");
    assert_eq!(alice.read(&message), "I am not sure");
    let message = carol.send("neither am I");
    assert_eq!(bob.read(&message), "neither am I");

    bob.session.set_local_policy(None);
    let by = crate::fixture::by(0);
    let removed = Event::Removed { leaf: LeafIndex(2), credential: carol.credential(), by };
    assert_eq!(bob.apply(&commit), [epoch(3, 0, false), removed]);
    alice.accept();
    agree([&mut alice, &mut bob]);
}

#[test]
fn commits_are_held() {
    let expected = Held::Advice("a member is removed".into());
    hold_then_merge(Advice::Hold, &expected, false);
    hold_then_merge(Advice::Hold, &expected, true);
}

#[test]
fn members_are_advised_to_leave() {
    let expected = Held::Leave("a member is removed".into());
    hold_then_merge(Advice::Leave, &expected, false);
    hold_then_merge(Advice::Leave, &expected, true);
}

#[test]
fn a_refusal_is_advice_to_wait() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    set(&mut bob, Refusal);
    let commit = alice.commit(|commit| commit);
    assert!(matches!(bob.receive(&commit), Received::Held(Held::Advice(reason)) if reason == "never"));
    // The policy is not asked about our own Commits.
    let own = bob.commit(|commit| commit);
    assert_eq!(bob.apply(&own), [epoch(2, 1, true)]);
    assert_eq!(alice.apply(&own), [epoch(2, 1, false), Event::OwnCommitLost(Vec::new())]);
    agree([&mut alice, &mut bob]);
}

/// A held Commit does not replace our pending Commit.
#[test]
fn a_pending_commit_survives() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    set(&mut bob, Refusal);
    let own = bob.commit(|commit| commit);
    let other = alice.commit(|commit| commit);
    assert!(matches!(bob.receive(&other), Received::Held(Held::Advice(_))));
    bob.restart();
    assert_eq!(bob.group().pending_commit(), Some(&crate::fixture::decode(&own)));
    assert_eq!(bob.apply(&other), [epoch(2, 0, false), Event::OwnCommitLost(Vec::new())]);
    assert_eq!(alice.accept(), [epoch(2, 0, true)]);
    agree([&mut alice, &mut bob]);
}
