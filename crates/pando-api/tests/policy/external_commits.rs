//! Rule 7: clients that may join by an external Commit, and the leaves that they may remove.

use crate::fixture::{Device, Fixture, policy, refused};
use crate::proposals::{external_psk, remove};
use pando_api::{ExternalCommits, PolicyViolation};

const CLIENTS: [&str; 4] = [
    "alice@example.org/laptop",
    "alice@example.org/phone",
    "bob@example.org/laptop",
    "bob@example.org/phone",
];

/// Returns a group with an admin in the group, and an admin that is not.
fn group(external_commits: ExternalCommits) -> Fixture {
    let mut policy = policy(&["alice@example.org", "dave@example.org"]);
    policy.external_commits = external_commits;
    Fixture::new(&policy, &CLIENTS)
}

#[test]
fn the_policy_names_the_clients_that_may_join() {
    use ExternalCommits::{Everyone, Nobody, UsersOfMembers};
    let violation = refused(PolicyViolation::ExternalCommit);
    for (name, allowed) in [
        ("eve@example.org/laptop", &[Everyone][..]),
        ("bob@example.com/laptop", &[Everyone]),
        ("bob@example.org/tablet", &[Everyone, UsersOfMembers]),
        ("alice@example.org/tablet", &[Everyone, UsersOfMembers]),
        ("dave@example.org/laptop", &[Everyone, UsersOfMembers]),
    ] {
        for policy in [Nobody, UsersOfMembers, Everyone] {
            let expected = if allowed.contains(&policy) { Ok(()) } else { violation.clone() };
            let device = Device::certified(name, 1);
            let mut fixture = group(policy);
            assert_eq!(fixture.verdict_of_join(&device, None, b"", &[]), expected, "{name} {policy:?}");
            assert_eq!(fixture.verdict_of_join(&device, None, b"", &[external_psk()]), expected);
        }
    }
}

/// A client that has lost its state replaces its own leaf.
#[test]
fn a_joiner_may_replace_its_own_leaf() {
    use ExternalCommits::{Everyone, Nobody, UsersOfMembers};
    let back = Device::certified("bob@example.org/phone", 2);
    for (policy, expected) in
        [(Everyone, Ok(())), (UsersOfMembers, Ok(())), (Nobody, refused(PolicyViolation::ExternalCommit))]
    {
        assert_eq!(group(policy).verdict_of_join(&back, Some(3), b"", &[]), expected);
    }
    let only_member = Device::certified("alice@example.org/laptop", 2);
    let mut alone = Fixture::new(&policy(&["alice@example.org"]), &CLIENTS[..1]);
    assert_eq!(alone.verdict_of_join(&only_member, Some(0), b"", &[]), Ok(()));
}

#[test]
fn a_joiner_may_not_remove_another_client() {
    let violation = refused(PolicyViolation::ExternalRemove);
    for (name, removed) in [
        ("bob@example.org/tablet", 3),
        ("alice@example.org/tablet", 1),
        ("alice@example.org/tablet", 3),
        ("dave@example.org/laptop", 2),
    ] {
        for policy in [ExternalCommits::UsersOfMembers, ExternalCommits::Everyone] {
            let device = Device::certified(name, 1);
            let verdict = group(policy).verdict_of_join(&device, Some(removed), b"", &[]);
            assert_eq!(verdict, violation, "{name} removes {removed}");
        }
    }
}

/// If no client of an admin is a member, then admins may join although the policy lets nobody join.
#[test]
fn an_admin_may_return_to_a_group_without_admins() {
    let violation = refused(PolicyViolation::ExternalCommit);
    let mut fixture = group(ExternalCommits::Nobody);
    let admins =
        ["alice@example.org/tablet", "dave@example.org/laptop"].map(|name| Device::certified(name, 1));
    let others = ["bob@example.org/tablet", "eve@example.org/laptop"].map(|name| Device::certified(name, 1));
    for (leaf, expected) in [(0, violation.clone()), (1, Ok(()))] {
        let message = fixture.propose_as_server(remove(leaf));
        assert_eq!(fixture.hear(None, None, &message), Ok(()));
        let committer = fixture.members.len() - 1;
        fixture.commit(committer, |builder| builder);
        for device in &admins {
            assert_eq!(fixture.verdict_of_join(device, None, b"", &[]), expected, "{}", device.name);
        }
        for device in &others {
            assert_eq!(fixture.verdict_of_join(device, None, b"", &[]), violation, "{}", device.name);
        }
    }
    let back = Device::certified("bob@example.org/phone", 2);
    assert_eq!(fixture.verdict_of_join(&back, Some(3), b"", &[]), violation);
}

/// An admin's own leaf is the leaf of an admin.
#[test]
fn an_admin_cannot_replace_its_leaf_if_nobody_may_join() {
    let back = Device::certified("alice@example.org/laptop", 2);
    let mut policy = policy(&["alice@example.org"]);
    policy.external_commits = ExternalCommits::Nobody;
    let verdict = Fixture::new(&policy, &CLIENTS[..1]).verdict_of_join(&back, Some(0), b"", &[]);
    assert_eq!(verdict, refused(PolicyViolation::ExternalCommit));
}
