//! Revoked certificates.

use crate::fixture::{World, code, feed_key};
use pando_api::{ClientId, ProblemCode, RevocationList, Revocations};
use pando_mls::LeafIndex;
use std::collections::BTreeMap;

fn list(world: &World, number: u64, revoked: &[(&ClientId, u64)]) -> RevocationList {
    let versions: BTreeMap<_, _> =
        revoked.iter().map(|(client, version)| ((*client).clone(), *version)).collect();
    let revocations = Revocations::new(world.domain.clone(), number, world.now, versions).unwrap();
    RevocationList::sign(&revocations, &feed_key()).unwrap()
}

#[tokio::test]
async fn a_revoked_client_is_cut_off_and_removed() {
    let (mut world, mut alice, mut bob, carol) = World::with_three(1).await;
    let domain = world.domain.clone();
    let revoked = list(&world, 1, &[(&carol.caller.client, 1)]);
    world.service.replace_revocations(&domain, revoked.clone(), world.now).await.unwrap();
    assert!(world.service.is_revoked(&carol.caller) && !world.service.is_revoked(&bob.caller));
    world.service.run_due(world.now).await.unwrap();
    let commit = world.build_commit(&mut bob, None, |commit| commit);
    assert_eq!(code(world.submit(&bob.caller, &commit).await), ProblemCode::PendingRemoval);
    world.clear(&mut bob);
    world.follow(&mut alice).await;
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).await.unwrap();
    world.follow(&mut alice).await;
    assert!(alice.group().members().all(|member| member.unwrap().leaf != LeafIndex(2)));

    // The version that is revoked cannot be added again, and a higher one can.
    let mut same = carol;
    let key_packages = world.key_packages(&mut [&mut same]);
    let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    assert_eq!(code(world.submit(&alice.caller, &commit).await), ProblemCode::CertificateRevoked);
    world.clear(&mut alice);
    let mut newer = world.device("carol@example.org/phone", 2);
    world.add(&mut alice, &mut [&mut newer]).await;
    // The same list changes nothing, and another server process learns it from the store.
    world.service.replace_revocations(&domain, revoked, world.now).await.unwrap();
    world.service.run_due(world.now).await.unwrap();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).await.unwrap();
    let other = world.other_server();
    assert!(!other.is_revoked(&same.caller));
    other.load_revocations().await.unwrap();
    assert!(other.is_revoked(&same.caller));
}

/// A client that is added while its certificate is being revoked is found by either of the two.
#[tokio::test]
async fn a_revocation_between_a_commit_and_its_copy_is_found() {
    let (mut world, mut alice, _, _) = World::with_three(1).await;
    let mut dave = world.device("dave@example.org/phone", 1);
    let key_packages = world.key_packages(&mut [&mut dave]);
    let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    world.submit(&alice.caller, &commit).await.unwrap();
    world.follow(&mut alice).await;
    let revoked = list(&world, 1, &[(&dave.caller.client, 1)]);
    world.service.replace_revocations(&world.domain, revoked, world.now).await.unwrap();
    world.service.run_due(world.now).await.unwrap();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    assert_eq!(code(world.submit(&alice.caller, &commit).await), ProblemCode::PendingRemoval);
}

#[tokio::test]
async fn lists_that_do_not_follow_are_refused() {
    let (world, _, bob, carol) = World::with_three(1).await;
    let domain = &world.domain;
    let second = list(&world, 2, &[(&carol.caller.client, 1)]);
    world.service.replace_revocations(domain, second, world.now).await.unwrap();
    let forged = {
        let revocations = Revocations::new(domain.clone(), 3, world.now, BTreeMap::new()).unwrap();
        RevocationList::sign(&revocations, &ed25519_dalek::SigningKey::from_bytes(&[6; 32])).unwrap()
    };
    let older = list(&world, 1, &[(&carol.caller.client, 1), (&bob.caller.client, 1)]);
    let shrunk = list(&world, 3, &[(&bob.caller.client, 1)]);
    for refused in [forged, older, shrunk] {
        let result = world.service.replace_revocations(domain, refused, world.now).await;
        assert_eq!(code(result), ProblemCode::Malformed);
    }
    let other = "other.example".parse().unwrap();
    let result = world.service.replace_revocations(&other, list(&world, 3, &[]), world.now).await;
    assert_eq!(code(result), ProblemCode::Malformed);
    assert!(world.service.is_revoked(&carol.caller) && !world.service.is_revoked(&bob.caller));
}
