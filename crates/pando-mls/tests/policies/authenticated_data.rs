//! The rules see the authenticated data of a Commit when it is made, received and observed.

use crate::fixture::{Fixture, NEVER, NOW, client, leaf_template, new_signer, refused, remove};
use pando_mls::{AdmitAll, CommitView, DefaultRules, ExternalJoin, GroupRules, RuleError};

const REASON: &[u8] = b"reason";

/// Rules by which every Commit carries a reason, and the creation of a group carries none.
struct Reasoned;

impl GroupRules for Reasoned {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let expected = if commit.before().is_some() { REASON } else { b"" };
        if commit.authenticated_data() == expected { Ok(()) } else { Err(RuleError::refused("no reason")) }
    }
}

/// Returns a group of three members, whose rules and the server's are [`Reasoned`].
fn fixture() -> Fixture {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    fixture.members.iter_mut().for_each(|member| member.rules = &Reasoned);
    fixture.server.rules = &Reasoned;
    fixture
}

/// The rules see the data that the Commit will carry, also while the pending proposals are chosen.
#[test]
fn the_rules_see_the_data_of_a_commit_that_is_made() {
    for pending in [false, true] {
        for by_value in [false, true] {
            let mut fixture = fixture();
            if pending {
                fixture.propose(1, remove(2));
            }
            let own = by_value.then(|| remove(1));
            let made =
                fixture.build(0, |builder| own.iter().cloned().fold(builder, |all, own| all.proposal(own)));
            assert_eq!(made.unwrap_err(), refused("no reason"));
            let output = fixture
                .build(0, |builder| {
                    let builder = own.iter().cloned().fold(builder, |all, own| all.proposal(own));
                    builder.authenticated_data(REASON)
                })
                .unwrap();
            assert_eq!(output.left_out, []);
            let covered = fixture.members[0].group.pending_epoch().unwrap().removed().len();
            assert_eq!(covered, usize::from(pending) + usize::from(by_value));
        }
    }
}

#[test]
fn members_and_the_server_see_the_data_of_a_commit() {
    let mut fixture = fixture();
    fixture.commit(0, |builder| builder.authenticated_data(REASON));
    fixture.lax(1);
    for data in [&b""[..], b"Reason", b"reason "] {
        let commit = fixture.build(1, |builder| builder.authenticated_data(data)).unwrap().message;
        assert_eq!(fixture.refusal(Some(1), &commit), refused("no reason"));
        fixture.members[1].clear_pending();
    }
}

#[test]
fn a_staged_commit_shows_its_data_to_local_policies() {
    let mut fixture = fixture();
    let commit = fixture.build(0, |builder| builder.authenticated_data(REASON)).unwrap().message;
    let staged = fixture.members[1].stage(&commit);
    let before = fixture.members[1].group.public();
    assert_eq!(staged.view(before).unwrap().authenticated_data(), REASON);
}

#[test]
fn the_rules_see_the_data_of_external_commits() {
    let mut fixture = fixture();
    let group_info = fixture.group_info(0);
    for (rules, data, expected) in [
        (&Reasoned as &'static dyn GroupRules, &b""[..], Some("no reason")),
        (&AdmitAll, b"", None),
        (&Reasoned, REASON, None),
    ] {
        let signer = new_signer(&mut fixture.rng);
        let cx = client(&*signer, rules, Some(NOW), fixture.config);
        let join = ExternalJoin::new(&group_info, leaf_template("new", NEVER)).authenticated_data(data);
        let made = join.build(&cx, &mut fixture.rng).map(|made| made.assume_persisted().1);
        match (made, expected) {
            (Err(error), Some(reason)) => assert_eq!(error, refused(reason)),
            (Ok(commit), None) if data.is_empty() => {
                assert_eq!(fixture.refusal(None, &commit), refused("no reason"));
            }
            (Ok(commit), None) => fixture.deliver(&commit),
            (made, expected) => panic!("{made:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn the_creation_of_a_group_has_no_data() {
    Fixture::of(&Reasoned, 1);
}
