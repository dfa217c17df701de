//! Rule 9: the last client of an admin cannot be removed, except by the server.

use crate::fixture::{Device, Fixture, Verdict, policy, refused};
use crate::proposals::{reinit, remove, set_extensions};
use pando_api::{Permission, Policy, PolicyViolation};
use pando_mls::{AdmitAll, Proposal};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";
const CAROL: &str = "carol@example.org";
const DAVE: &str = "dave@example.org";

/// Returns a group in which all members may remove others: two clients of Alice, who is an admin,
/// two of Bob and one of Carol. Dave has no client in the group.
fn group(admins: &[&str]) -> Fixture {
    let policy = Policy { remove: Permission::Everyone, ..policy(admins) };
    Fixture::new(
        &policy,
        &[
            "alice@example.org/laptop",
            "alice@example.org/phone",
            "bob@example.org/laptop",
            "bob@example.org/phone",
            "carol@example.org/laptop",
        ],
    )
}

fn vanished() -> Verdict {
    refused(PolicyViolation::LastAdmin)
}

fn removes(leaves: &[u32]) -> Vec<Proposal> {
    leaves.iter().copied().map(remove).collect()
}

#[test]
fn the_last_admin_cannot_be_removed() {
    for (admins, removed, expected) in [
        (&[ALICE][..], &[0][..], Ok(())),
        (&[ALICE], &[1], Ok(())),
        (&[ALICE], &[0, 1], vanished()),
        (&[ALICE], &[0, 1, 2], vanished()),
        (&[ALICE], &[2, 3], Ok(())),
        (&[ALICE, BOB], &[0, 1], Ok(())),
        (&[ALICE, BOB], &[0, 1, 2], Ok(())),
        (&[ALICE, BOB], &[0, 1, 2, 3], vanished()),
        (&[ALICE, CAROL], &[0, 1, 2, 3], Ok(())),
        // An admin that is not a member does not count.
        (&[ALICE, DAVE], &[0, 1], vanished()),
    ] {
        let verdict = group(admins).verdict_of(4, &removes(removed));
        assert_eq!(verdict, expected, "{admins:?} {removed:?}");
    }
}

/// A proposal alone is admitted. The Commit that covers the proposals is refused.
#[test]
fn the_last_admin_cannot_leave() {
    let mut fixture = group(&[ALICE]);
    fixture.commit(4, |builder| builder.proposal(remove(1)));
    let message = fixture.propose(0, remove(0));
    let committer = 2;
    assert_eq!(fixture.verdict_by_reference(Some(0), committer, &message), (Ok(()), vanished()));
}

/// A pending proposal that the Commit leaves out does not count.
#[test]
fn a_removal_that_is_not_covered_does_not_count() {
    let mut fixture = group(&[ALICE]);
    let message = fixture.propose(2, remove(0));
    assert_eq!(fixture.hear(Some(2), None, &message), Ok(()));
    let verdict = fixture.verdict(4, |builder| builder.proposal(remove(1)).without_pending());
    assert_eq!(verdict, Ok(()));
    // Together with the pending one, the removal would remove the last admin. The committer leaves
    // the pending one out.
    let message = fixture.build(4, &pando_api::PolicyRules, |builder| builder.proposal(remove(1))).unwrap();
    assert_eq!(fixture.receive(Some(4), &message), Ok(()));
}

/// The removals of the server are exempt: an admin whose last device is revoked comes back by an
/// external Commit.
#[test]
fn the_server_may_remove_the_last_admin() {
    let mut fixture = group(&[ALICE]);
    for leaf in [0, 1] {
        let message = fixture.propose_as_server(remove(leaf));
        assert_eq!(fixture.hear(None, None, &message), Ok(()));
    }
    assert_eq!(fixture.verdict(2, |builder| builder), Ok(()));
    fixture.commit(2, |builder| builder);
    // The group goes on without an admin.
    assert_eq!(fixture.verdict_of(0, &removes(&[4])), Ok(()));
    let new = set_extensions(fixture.extensions_with(&policy(&[BOB])));
    assert_eq!(fixture.verdict_of(0, &[new]), refused(PolicyViolation::Extensions));
    let back = Device::certified("alice@example.org/tablet", 1);
    assert_eq!(fixture.verdict_of_join(&back, None, b"", &[]), Ok(()));
}

/// The exemption is for the server's removals only.
#[test]
fn a_member_cannot_remove_the_last_admin_together_with_the_server() {
    let mut fixture = group(&[ALICE]);
    let message = fixture.propose_as_server(remove(0));
    assert_eq!(fixture.hear(None, None, &message), Ok(()));
    let message = fixture.build(2, &AdmitAll, |builder| builder.proposal(remove(1))).unwrap();
    assert_eq!(fixture.receive(Some(2), &message), vanished());
    fixture.clear(2);
    assert_eq!(fixture.verdict_of(2, &removes(&[4])), Ok(()));
}

/// Admins can hand over the group: the admins after the Commit count.
#[test]
fn the_new_admins_count() {
    for (new_admins, removed, expected) in [
        (&[BOB][..], &[][..], Ok(())),
        (&[BOB], &[0], Ok(())),
        (&[ALICE, BOB], &[0], Ok(())),
        (&[DAVE], &[], vanished()),
        (&[DAVE], &[0], vanished()),
        (&[CAROL], &[4], vanished()),
        (&[ALICE], &[0], Ok(())),
    ] {
        let mut fixture = group(&[ALICE]);
        let mut proposals = removes(removed);
        let new = Policy { remove: Permission::Everyone, ..policy(new_admins) };
        proposals.push(set_extensions(fixture.extensions_with(&new)));
        // Alice's phone commits.
        let verdict = fixture.verdict_of(1, &proposals);
        assert_eq!(verdict, expected, "{new_admins:?} {removed:?}");
    }
    // Alice was the only admin that is a member, and takes herself off the list.
    let mut fixture = group(&[ALICE, DAVE]);
    let new = set_extensions(fixture.extensions_with(&policy(&[DAVE])));
    assert_eq!(fixture.verdict_of(0, &[new]), vanished());
}

/// A resync of the last admin removes and adds its client.
#[test]
fn the_last_admin_may_rejoin() {
    let mut fixture = group(&[ALICE]);
    fixture.commit(0, |builder| builder.proposal(remove(1)));
    let back = Device::certified("alice@example.org/laptop", 2);
    assert_eq!(fixture.verdict_of_join(&back, Some(0), b"", &[]), Ok(()));
}

/// An admin by the policy in a ReInit must be a member, because only an admin can create the
/// successor.
#[test]
fn an_admin_of_the_successor_is_a_member() {
    for (new_admins, expected) in
        [(&[ALICE][..], Ok(())), (&[BOB], Ok(())), (&[CAROL, DAVE], Ok(())), (&[DAVE], vanished())]
    {
        let mut fixture = group(&[ALICE]);
        let proposal = reinit(fixture.extensions_with(&policy(new_admins)));
        assert_eq!(fixture.verdict_of(0, std::slice::from_ref(&proposal)), expected, "{new_admins:?}");
        // The standalone proposal is admitted, and the Commit is refused.
        let message = fixture.propose(0, proposal);
        assert_eq!(fixture.hear(Some(0), None, &message), Ok(()));
        let message = fixture.build(2, &AdmitAll, |builder| builder).unwrap();
        assert_eq!(fixture.receive(Some(2), &message), expected, "{new_admins:?}");
    }
}
