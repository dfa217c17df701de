//! I6: no KeyPackage is served twice, the last resort aside.

use crate::clients::SUITE;
use crate::fixture::{World, on_one_and_eight_files};
use pando_api::{
    ClaimId, ClaimKeyPackages, ClaimStatus, ClaimTarget, LastResort, ProblemCode, UploadKeyPackages,
};
use pando_mls::wire::RequiredCapabilities;
use pando_mls::{Encode, Extension, Extensions};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// The number of clients of the target user, and of the KeyPackages of each.
const CLIENTS: usize = 4;
const KEY_PACKAGES: usize = 200;
/// The number of claims of each client's KeyPackages.
const CLAIMS: usize = 250;

on_one_and_eight_files! {
/// A thousand claims at the same time, each of which is sent twice.
async fn i6_no_key_package_is_served_twice(files: u16) {
    let mut world = World::new(files).await;
    let mut targets = Vec::new();
    for number in 0..CLIENTS {
        let device = world.device(&format!("bob@example.org/device{number}"), 1);
        let mut packages: Vec<_> =
            (0..KEY_PACKAGES).map(|_| world.bundle(&device).key_package.encode().unwrap().into()).collect();
        let last_resort = Extensions(vec![Extension::new(&LastResort).unwrap()]);
        let last_resort = world.bundle_with(&device, SUITE, last_resort).key_package.encode().unwrap();
        let rest = packages.split_off(KEY_PACKAGES / 2);
        for (key_packages, last_resort) in [(packages, last_resort), (rest, Vec::new())] {
            let request = UploadKeyPackages { key_packages, last_resort: last_resort.into() };
            world.service.upload_key_packages(&device.caller, request, world.now).await.unwrap();
        }
        targets.push(device.caller.client.clone());
    }
    let alice = world.device("alice@example.org/phone", 1);
    let mut claims = JoinSet::new();
    for number in 0..CLIENTS * CLAIMS {
        let request = ClaimKeyPackages {
            claim_id: ClaimId(u128::try_from(number).unwrap().to_be_bytes()),
            target: ClaimTarget::Client(targets[number % CLIENTS].clone()),
            cipher_suite: SUITE,
            capabilities: RequiredCapabilities::default(),
        };
        let (service, caller, now) = (world.service.clone(), alice.caller.clone(), world.now);
        claims.spawn(async move {
            // The queue of a partition is bounded, so some claims are refused and sent again.
            let claim = async || loop {
                match service.claim_key_packages(&caller, request.clone(), now).await {
                    Err(refusal) if refusal.is(ProblemCode::Overloaded) => tokio::task::yield_now().await,
                    result => return result.unwrap(),
                }
            };
            let (one, other) = tokio::join!(claim(), claim());
            assert_eq!(one, other, "a repetition returns the same KeyPackages");
            one.clients.into_iter().next().unwrap()
        });
    }
    let (mut served, mut last_resorts) = (BTreeMap::new(), BTreeMap::<_, usize>::new());
    for claimed in claims.join_all().await {
        match claimed.status {
            ClaimStatus::KeyPackage(key_package) => {
                *served.entry(key_package.to_vec()).or_insert(0_usize) += 1;
            }
            ClaimStatus::LastResort(_) => *last_resorts.entry(claimed.client).or_default() += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(served.len(), CLIENTS * KEY_PACKAGES);
    assert!(served.values().all(|count| *count == 1));
    assert!(targets.iter().all(|client| last_resorts[client] == CLAIMS - KEY_PACKAGES));
}
}
