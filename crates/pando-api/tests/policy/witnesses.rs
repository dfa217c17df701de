//! A witness changes the work and not the result.

use crate::fixture::{Device, Fixture, Verdict, policy, refused, witness};
use crate::proposals::{remove, set_extensions};
use pando_api::{DeviceCertificate, ExternalCommits, Permission, Policy, PolicyViolation, UserId};
use pando_mls::{LeafIndex, Proposal};
use proptest::prelude::*;

const USERS: [&str; 5] = ["a@b.org", "b@b.org", "c@b.org", "d@b.org", "a@c.org"];

/// Returns authenticated data: a witness, a malformed witness, foreign data, or none.
fn data(kind: u8, leaf: u32) -> Vec<u8> {
    match kind {
        0 => witness(Some(leaf)),
        1 => witness(Some(leaf % 8)),
        2 => witness(Some(u32::MAX - leaf % 8)),
        3 => witness(None),
        4 => {
            let mut data = witness(Some(leaf % 8));
            data.pop();
            data
        }
        5 => b"foreign".to_vec(),
        _ => Vec::new(),
    }
}

/// Returns the names of clients of the given users, who have at most eight clients.
fn clients(users: &[usize]) -> Vec<String> {
    let name = |(number, user): (usize, &usize)| format!("{}/device{number}", USERS[*user]);
    users.iter().enumerate().map(name).collect()
}

/// Returns the users of all leaves by looking at each of them.
fn users_of(fixture: &Fixture) -> Vec<(u32, UserId)> {
    let tree = fixture.server.public().tree();
    let leaves = (0..tree.size().leaf_count()).map(LeafIndex);
    let users = leaves.filter_map(|leaf| {
        let credential = tree.credential(leaf).unwrap()?;
        Some((leaf.0, DeviceCertificate::read(&credential).unwrap().client.user()))
    });
    users.collect()
}

fn group(users: &[usize], admins: &[usize], change: impl FnOnce(&mut Policy)) -> Fixture {
    // The creator is an admin.
    let mut admins: Vec<_> = admins.iter().chain(&users[..1]).map(|user| USERS[*user]).collect();
    admins.sort_unstable();
    admins.dedup();
    let mut policy = policy(&admins);
    change(&mut policy);
    let clients = clients(users);
    Fixture::new(&policy, &clients.iter().map(String::as_str).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn rule_7_agrees_with_looking_at_all_leaves(
        users in prop::collection::vec(0_usize..5, 1..9),
        admins in prop::collection::vec(0_usize..5, 0..3),
        blank in prop::collection::vec(1_u32..8, 0..3),
        joiner in 0_usize..5,
        kinds in prop::collection::vec((0_u8..7, any::<u32>()), 1..4),
    ) {
        let mut fixture = group(&users, &admins, |policy| {
            policy.external_commits = ExternalCommits::UsersOfMembers;
        });
        let mut blank: Vec<_> = blank.into_iter().filter(|leaf| (*leaf as usize) < users.len()).collect();
        blank.sort_unstable();
        blank.dedup();
        fixture.commit(0, |builder| builder.proposals(blank.iter().copied().map(remove)));
        let user: UserId = USERS[joiner].parse().unwrap();
        let is_member = users_of(&fixture).iter().any(|(_, other)| *other == user);
        let is_admin = joiner == users[0] || admins.contains(&joiner);
        let expected =
            if is_member || is_admin { Ok(()) } else { refused(PolicyViolation::ExternalCommit) };
        let device = Device::certified(&format!("{user}/new"), 1);
        for (kind, leaf) in kinds {
            let verdict = fixture.verdict_of_join(&device, None, &data(kind, leaf), &[]);
            prop_assert_eq!(verdict, expected.clone());
        }
    }

    #[test]
    fn rule_9_agrees_with_looking_at_all_leaves(
        users in prop::collection::vec(0_usize..5, 2..9),
        admins in prop::collection::vec(0_usize..5, 0..2),
        committer in any::<prop::sample::Index>(),
        removed in prop::collection::vec(0_u32..8, 0..8),
        new_admins in prop::option::of(prop::collection::vec(0_usize..5, 1..3)),
        kinds in prop::collection::vec((0_u8..7, any::<u32>()), 1..4),
    ) {
        let mut fixture = group(&users, &admins, |policy| policy.remove = Permission::Everyone);
        let committer = committer.index(users.len());
        let mut removed: Vec<_> = removed
            .into_iter()
            .filter(|leaf| (*leaf as usize) < users.len() && *leaf as usize != committer)
            .collect();
        removed.sort_unstable();
        removed.dedup();
        let is_admin = |user: usize| user == users[0] || admins.contains(&user);
        // Only admins change the policy.
        let new_admins = new_admins.filter(|_| is_admin(users[committer]));
        let mut proposals: Vec<Proposal> = removed.iter().copied().map(remove).collect();
        if let Some(new) = &new_admins {
            let mut new: Vec<_> = new.iter().map(|user| USERS[*user]).collect();
            new.dedup();
            new.sort_unstable();
            new.dedup();
            proposals.push(set_extensions(fixture.extensions_with(&policy(&new))));
        }
        let removes_admin = removed.iter().any(|leaf| is_admin(users[*leaf as usize]));
        let is_admin_after = |user: usize| match &new_admins {
            Some(new) => new.contains(&user),
            None => is_admin(user),
        };
        let changes_admins = (0..USERS.len()).any(|user| is_admin(user) != is_admin_after(user));
        let stays = |leaf: &u32| !removed.contains(leaf);
        let members = (0_u32..).zip(&users).filter(|(leaf, _)| stays(leaf));
        let has_admin = members.map(|(_, user)| *user).any(is_admin_after);
        let expected: Verdict = if (removes_admin || changes_admins) && !has_admin {
            refused(PolicyViolation::LastAdmin)
        } else {
            Ok(())
        };
        for (kind, leaf) in kinds {
            let data = data(kind, leaf);
            let verdict = fixture.verdict(committer, |builder| {
                builder.proposals(proposals.iter().cloned()).authenticated_data(&data)
            });
            prop_assert_eq!(verdict, expected.clone());
        }
    }
}
