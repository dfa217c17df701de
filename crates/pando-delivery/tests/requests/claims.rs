//! Claims of KeyPackages (docs/protocol.md, section 12).

use crate::story::claim;
use crate::world::{Member, World};
use pando_api::{
    ClaimKeyPackages, ClaimStatus, ClaimTarget, ClaimedKeyPackages, KeyPackageCounts, ProblemCode,
    UploadKeyPackages,
};
use pando_mls::{CipherSuite, Encode, ExtensionType};

async fn upload(world: &mut World, member: &Member, count: usize, last_resort: Vec<u8>) -> Vec<Vec<u8>> {
    let encoded: Vec<_> =
        (0..count).map(|_| world.clients.bundle(&member.device).key_package.encode().unwrap()).collect();
    let key_packages = encoded.iter().map(|bytes| bytes.as_slice().into()).collect();
    let upload = UploadKeyPackages { key_packages, last_resort: last_resort.into() };
    let answer = world.post(member, "/v1/key-packages", upload).await;
    assert_eq!(answer.status, 204, "{answer}");
    encoded
}

/// Sends a claim, twice. Both answers are the same.
async fn claimed(world: &mut World, member: &Member, claim: ClaimKeyPackages) -> Vec<ClaimStatus> {
    let first = world.post(member, "/v1/key-packages/claims", claim.clone()).await;
    let changes = world.server().store().changes();
    let again = world.post(member, "/v1/key-packages/claims", claim).await;
    assert_eq!(first.body, again.body);
    assert_eq!(world.server().store().changes(), changes, "a repeated claim has an effect");
    let claimed: ClaimedKeyPackages = first.decode(200);
    claimed.clients.into_iter().map(|client| client.status).collect()
}

async fn count(world: &mut World, member: &Member) -> u32 {
    let counts: KeyPackageCounts = world.get(member, "/v1/key-packages").await.decode(200);
    counts.counts.iter().map(|count| count.count).sum()
}

/// Each KeyPackage is served to one claim, then the last resort to all, and nothing without one.
#[tokio::test]
async fn pools_are_exhausted_down_to_the_last_resort() {
    let mut world = World::new(false);
    let alice = world.log_in("alice@example.org/laptop", 1).await;
    let bob = world.log_in("bob@example.org/phone", 1).await;
    let tablet = world.log_in("bob@example.org/tablet", 1).await;
    let last_resort = world.last_resort(&bob);
    let bobs = upload(&mut world, &bob, 2, last_resort.clone()).await;
    let tablets = upload(&mut world, &tablet, 1, Vec::new()).await;
    let user = ClaimTarget::User(bob.device.caller.client.user());
    let (mut served, mut statuses) = (Vec::new(), Vec::new());
    for id in 1..=4 {
        let claimed = claimed(&mut world, &alice, claim(id, user.clone())).await;
        for status in claimed {
            match status {
                ClaimStatus::KeyPackage(bytes) => served.push(bytes.to_vec()),
                other => statuses.push((id, other)),
            }
        }
    }
    served.sort();
    let mut all = [bobs, tablets].concat();
    all.sort();
    assert_eq!(served, all, "each KeyPackage once");
    let resort = || ClaimStatus::LastResort(last_resort.as_slice().into());
    let none = || ClaimStatus::None;
    let expected = [(2, none()), (3, resort()), (3, none()), (4, resort()), (4, none())];
    assert_eq!(statuses, expected);
    assert_eq!((count(&mut world, &bob).await, count(&mut world, &tablet).await), (0, 0));
}

/// The identifier of a claim is for one request, of one claimer.
#[tokio::test]
async fn an_identifier_is_for_one_claim() {
    let mut world = World::new(false);
    let alice = world.log_in("alice@example.org/laptop", 1).await;
    let carol = world.log_in("carol@example.org/phone", 1).await;
    let bob = world.log_in("bob@example.org/phone", 1).await;
    upload(&mut world, &bob, 3, Vec::new()).await;
    let target = ClaimTarget::Client(bob.device.caller.client.clone());
    let first = claimed(&mut world, &alice, claim(1, target.clone())).await;
    let other = claimed(&mut world, &carol, claim(1, target.clone())).await;
    assert_ne!(first, other);
    let user = claim(1, ClaimTarget::User(bob.device.caller.client.user()));
    let answer = world.post(&alice, "/v1/key-packages/claims", user).await;
    assert_eq!(answer.code(), ProblemCode::IdempotencyConflict);
    assert_eq!(count(&mut world, &bob).await, 1);
}

/// Claims that no KeyPackage satisfies consume none.
#[tokio::test]
async fn claims_without_a_key_package_have_no_effect() {
    let mut world = World::new(false);
    let alice = world.log_in("alice@example.org/laptop", 1).await;
    let bob = world.log_in("bob@example.org/phone", 1).await;
    upload(&mut world, &bob, 1, Vec::new()).await;
    let server = world.server();
    let before = server.store().changes();
    let target = ClaimTarget::Client(bob.device.caller.client.clone());
    let mut rare = claim(1, target.clone());
    rare.capabilities.extension_types.push(ExtensionType(0xfa77));
    assert_eq!(claimed(&mut world, &alice, rare).await, [ClaimStatus::Unsupported]);
    let cipher_suite = CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256;
    let other = ClaimKeyPackages { cipher_suite, ..claim(1, target) };
    assert_eq!(claimed(&mut world, &alice, other).await, [ClaimStatus::None]);
    let unknown = claim(1, ClaimTarget::User("zoe@example.org".parse().unwrap()));
    assert_eq!(claimed(&mut world, &alice, unknown).await, []);
    let unknown = claim(1, ClaimTarget::Client("zoe@example.org/phone".parse().unwrap()));
    assert_eq!(claimed(&mut world, &alice, unknown).await, [ClaimStatus::None]);
    assert_eq!(server.store().changes(), before);
    assert_eq!(count(&mut world, &bob).await, 1);
}
