//! Creating a group.

use crate::fixture::{World, code, policy};
use pando_api::{CreateGroup, EntryKind, ProblemCode};
use pando_delivery::group::{CheckedGroup, LargeWrite};
use pando_mls::Extensions;

#[test]
fn a_group_is_created_once() {
    let mut world = World::new();
    let mut alice = world.device("alice@example.org/phone", 1);
    let extensions = world.extensions(&policy());
    let group_info = world.build_group(&mut alice, extensions.clone());
    let receipt = world.create(&alice, group_info.clone()).unwrap();
    assert_eq!((receipt.kind, receipt.head.head.seq), (EntryKind::Creation, 1));
    receipt.verify(&group_info, &world.keys).unwrap();
    // Repeating the request returns the first answer, and another group cannot take the identifier.
    assert_eq!(world.create(&alice, group_info).unwrap(), receipt);
    let other = world.build_group(&mut alice, extensions);
    assert_eq!(code(world.create(&alice, other)), ProblemCode::GroupExists);
}

/// A creation is admitted before its parts are written, also if the same request was faster.
#[test]
fn the_same_creation_is_admitted_again() {
    let mut world = World::new();
    let mut alice = world.device("alice@example.org/phone", 1);
    let extensions = world.extensions(&policy());
    let same = world.build_group(&mut alice, extensions.clone());
    let other = world.build_group(&mut alice, extensions);
    let admit = |world: &World, group_info: &[u8]| {
        let request = CreateGroup { group_info: group_info.into(), first_commit: None };
        let checked = CheckedGroup::check((&world.environment(), &alice.caller), &request).unwrap().0;
        world.write(move |rows, _| checked.admit(rows))
    };
    admit(&world, &same).unwrap();
    admit(&world, &other).unwrap();
    world.create(&alice, same.clone()).unwrap();
    admit(&world, &same).unwrap();
    assert_eq!(code(admit(&world, &other)), ProblemCode::GroupExists);
}

#[test]
fn a_group_that_violates_a_rule_is_not_created() {
    let mut world = World::new();
    let mut alice = world.device("alice@example.org/phone", 1);
    let mut bob = world.device("bob@example.org/phone", 1);
    let good = world.extensions(&policy());
    let without_policy = Extensions(good.0[1..].to_vec());
    let without_remover = Extensions(good.0[..1].to_vec());

    let group_info = world.build_group(&mut alice, without_remover);
    assert_eq!(code(world.create(&alice, group_info)), ProblemCode::InvalidGroup);
    // The members refuse to create these groups, so rules that refuse nothing create them.
    let group_info = world.build_group_without_rules(&mut alice, without_policy);
    assert_eq!(code(world.create(&alice, group_info)), ProblemCode::Policy);
    let group_info = world.build_group_without_rules(&mut bob, good.clone());
    assert_eq!(code(world.create(&bob, group_info)), ProblemCode::Policy, "the creator is not an admin");

    let group_info = world.build_group(&mut alice, good);
    assert_eq!(code(world.create(&bob, group_info.clone())), ProblemCode::SenderMismatch);
    let laptop = world.device("alice@example.org/laptop", 1);
    assert_eq!(code(world.create(&laptop, group_info.clone())), ProblemCode::SenderMismatch);
    let mut altered = group_info.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(code(world.create(&alice, altered)), ProblemCode::InvalidGroup);
    assert_eq!(code(world.create(&alice, group_info[1..].to_vec())), ProblemCode::Malformed);
    world.revoked.insert(&alice.caller.client, 1);
    assert_eq!(code(world.create(&alice, group_info.clone())), ProblemCode::CertificateRevoked);
    // None of the refused requests has created the group.
    world.revoked.insert(&alice.caller.client, 0);
    assert_eq!(world.create(&alice, group_info).unwrap().head.head.seq, 1);
}

#[test]
fn a_group_with_an_expired_certificate_is_not_created() {
    let mut world = World::new();
    let mut alice = world.device("alice@example.org/phone", 1);
    let extensions = world.extensions(&policy());
    let group_info = world.build_group(&mut alice, extensions);
    world.now += 31 * 24 * 60 * 60 * 1_000;
    assert_eq!(code(world.create(&alice, group_info)), ProblemCode::CertificateInvalid);
}
