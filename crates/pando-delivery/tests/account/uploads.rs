//! Uploading and counting KeyPackages.

use crate::fixture::{DAY, Device, HOUR, NOW, OTHER_SUITE, SUITE, Spec, World, claimer, code, suite};
use pando_api::{ClaimStatus, KeyPackageCount, ProblemCode};
use pando_delivery::Refusal;
use pando_delivery::account::{MAX_KEY_PACKAGE_BYTES, MAX_STORED, MAX_UPLOADED};
use pando_mls::{CipherSuite, Credential, Encode, GroupId, KeyPackage, LeafIndex, Opaque};

/// Returns the number of KeyPackages of the first cipher suite, and whether there is one of last
/// resort.
fn count(world: &World, device: &Device) -> (u32, bool) {
    let counts = world.count(device).counts;
    counts.first().map_or((0, false), |count| (count.count, count.has_last_resort))
}

/// Changes a KeyPackage and signs it again.
fn forge(device: &Device, mut key_package: KeyPackage, change: impl FnOnce(&mut KeyPackage)) -> Opaque {
    change(&mut key_package);
    let leaf = key_package.leaf_node.to_be_signed((&GroupId::default(), LeafIndex(0))).unwrap();
    let sign = |label, message: &[u8]| suite(SUITE).sign_with_label(&*device.signer, label, message).unwrap();
    key_package.leaf_node.signature = sign("LeafNodeTBS", &leaf);
    key_package.signature = sign("KeyPackageTBS", &key_package.to_be_signed().unwrap());
    key_package.encode().unwrap().into()
}

/// Checks that an upload is refused because of the KeyPackage with this index.
fn check_refused(result: Result<(), Refusal>, index: u64, why: &str) {
    let refusal = result.unwrap_err();
    let problem = refusal.problem();
    assert_eq!(problem.known_code(), Some(ProblemCode::InvalidKeyPackage), "{why}");
    assert_eq!(problem.index, Some(index), "{why}");
    assert!(!problem.detail.contains("alice") && !problem.detail.contains("example"), "{problem}");
    assert!(problem.detail.contains(why), "{} instead of {why}", problem.detail);
}

#[test]
fn key_packages_are_counted_by_cipher_suite() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let laptop = world.device("alice@example.org/laptop", 1);
    assert_eq!(world.count(&alice).counts, []);
    let other = Spec { suite: OTHER_SUITE, ..Spec::default() };
    world.publish(&alice, &[Spec::default(), other, Spec::default(), Spec::last_resort()]);
    world.publish(&laptop, &[Spec::last_resort()]);
    assert_eq!(
        world.count(&alice).counts,
        [
            KeyPackageCount { cipher_suite: SUITE, count: 2, has_last_resort: true },
            KeyPackageCount { cipher_suite: OTHER_SUITE, count: 1, has_last_resort: false },
        ]
    );
    let last_resort = KeyPackageCount { cipher_suite: SUITE, count: 0, has_last_resort: true };
    assert_eq!(world.count(&laptop).counts, [last_resort]);
    // A KeyPackage that is about to expire is not served, so it is not counted.
    world.now = NOW + 10 * DAY - HOUR - 1;
    assert_eq!(count(&world, &alice), (2, true));
    world.now += 1;
    assert_eq!(world.count(&alice).counts, []);
}

#[test]
fn a_key_package_that_violates_a_rule_is_refused_with_its_index() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 2);
    let laptop = world.device("alice@example.org/laptop", 2);
    let (none, good) = (Opaque::default(), world.encoded(&alice, Spec::default()));
    let valid = world.key_package(&alice, Spec::default());
    let mut unsigned = valid.clone();
    unsigned.init_key = world.key_package(&alice, Spec::default()).init_key;
    let renewed = {
        let renewed = world.device("alice@example.org/phone", 3);
        world.encoded(&renewed, Spec::default())
    };
    let large = vec![7; MAX_KEY_PACKAGE_BYTES + 1].into();
    let cases: [(Opaque, &str); 13] = [
        (good[1..].into(), ""),
        ([&*good, &[0]].concat().into(), "bytes"),
        (large, "too large"),
        (unsigned.encode().unwrap().into(), "signature of the KeyPackage"),
        (forge(&alice, valid.clone(), |wrong| wrong.cipher_suite = CipherSuite(0xf001)), "cipher suite"),
        (
            forge(&alice, valid.clone(), |wrong| wrong.leaf_node.credential = Credential::basic("alice")),
            "not a device certificate",
        ),
        (
            forge(&laptop, valid.clone(), |wrong| {
                wrong.leaf_node.signature_key = laptop.signer.public_key().clone();
            }),
            "the credential is not valid",
        ),
        (world.encoded(&laptop, Spec::default()), "another client"),
        (renewed, "another version"),
        (world.encoded(&alice, Spec::last_resort()), "has the extension"),
        (world.encoded(&alice, Spec::until(NOW + HOUR)), "within an hour"),
        (world.encoded(&alice, Spec { lifetime: (NOW + HOUR, NOW + DAY), ..Spec::default() }), "lifetime"),
        (
            forge(&alice, valid, |wrong| wrong.leaf_node.capabilities.cipher_suites.clear()),
            "capabilities do not list",
        ),
    ];
    for (wrong, why) in cases {
        check_refused(world.upload(&alice, &[good.clone(), wrong], &none), 1, why);
    }
    let missing = world.encoded(&alice, Spec::default());
    check_refused(world.upload(&alice, std::slice::from_ref(&good), &missing), 1, "last_resort is missing");
    // None of the refused requests has stored anything.
    assert!(world.rows(&alice.caller.user()).is_empty());
    let soon = world.encoded(&alice, Spec::until(NOW + HOUR + 1_000));
    world.upload(&alice, &[good, soon], &none).unwrap();
    assert_eq!(count(&world, &alice), (2, false));
}

#[test]
fn a_key_package_expires_with_its_certificate() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let key_package = world.publish(&alice, &[Spec::until(NOW + 90 * DAY)]).remove(0);
    world.now = NOW + 30 * DAY - HOUR;
    assert_eq!(count(&world, &alice), (0, false));
    let refused = world.upload(&alice, &[key_package], &Opaque::default());
    check_refused(refused, 0, "within an hour");
}

#[test]
fn a_revoked_client_uploads_nothing() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let key_package = world.encoded(&alice, Spec::default());
    world.revoked.insert(alice.client(), 1);
    let refused = world.upload(&alice, &[key_package], &Opaque::default()).unwrap_err();
    assert_eq!(refused.problem().known_code(), Some(ProblemCode::CertificateRevoked));
    assert_eq!(refused.problem().index, None);
}

#[test]
fn a_key_package_is_stored_once() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let none = Opaque::default();
    let key_package = world.encoded(&alice, Spec::default());
    let twice = [key_package.clone(), key_package.clone()];
    world.upload(&alice, &twice, &none).unwrap();
    world.upload(&alice, &twice, &none).unwrap();
    assert_eq!(count(&world, &alice), (1, false));
    // The server remembers it after it was claimed.
    let bob = claimer("bob@example.org/phone");
    assert_eq!(world.claim_one(&bob, 1, &alice), ClaimStatus::KeyPackage(key_package));
    world.upload(&alice, &twice, &none).unwrap();
    assert_eq!(count(&world, &alice), (0, false));
    world.now = NOW + 10 * DAY - HOUR - 1;
    world.expire(&alice.caller.user(), 100);
    world.upload(&alice, &twice, &none).unwrap();
    assert_eq!(count(&world, &alice), (0, false));
}

#[test]
fn the_number_of_key_packages_is_limited() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let none = Opaque::default();
    let all: Vec<_> = (0..=MAX_STORED).map(|_| world.encoded(&alice, Spec::default())).collect();
    let refused = world.upload(&alice, &all[..=MAX_UPLOADED], &none).unwrap_err();
    assert_eq!(refused.problem().known_code(), Some(ProblemCode::TooLarge));
    assert_eq!(refused.problem().limit, Some(100));
    let (first, second) = all[..MAX_STORED].split_at(MAX_STORED - MAX_UPLOADED + 1);
    for part in first.chunks(MAX_UPLOADED) {
        world.upload(&alice, part, &none).unwrap();
    }
    // An upload is refused as a whole, although some of its KeyPackages have room.
    let too_many: Vec<_> = second.iter().chain(&all[MAX_STORED..]).cloned().collect();
    assert_eq!(code(world.upload(&alice, &too_many, &none)), ProblemCode::Limit);
    assert_eq!(count(&world, &alice), (101, false));
    world.upload(&alice, second, &none).unwrap();
    let last = &all[MAX_STORED..];
    let refused = world.upload(&alice, last, &none).unwrap_err();
    assert_eq!(refused.problem().known_code(), Some(ProblemCode::Limit));
    assert_eq!(refused.problem().limit, Some(200));
    // Other cipher suites, repetitions and the last resort do not count.
    let other = world.encoded(&alice, Spec { suite: OTHER_SUITE, ..Spec::default() });
    let last_resort = world.encoded(&alice, Spec::last_resort());
    world.upload(&alice, &[other, all[0].clone()], &last_resort).unwrap();
    assert_eq!(count(&world, &alice), (200, true));
    // A KeyPackage that was claimed makes room.
    world.claim_one(&claimer("bob@example.org/phone"), 1, &alice);
    world.upload(&alice, last, &none).unwrap();
    assert_eq!(count(&world, &alice), (200, true));
}

#[test]
fn an_earlier_last_resort_does_not_replace_a_later_one() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let bob = claimer("bob@example.org/phone");
    let lasting = |not_before| Spec { lifetime: (not_before, NOW + 10 * DAY), ..Spec::last_resort() };
    let [early, middle, late] = [3, 2, 1].map(|hours| world.encoded(&alice, lasting(NOW - hours * HOUR)));
    world.upload(&alice, &[], &early).unwrap();
    world.upload(&alice, &[], &late).unwrap();
    // A repetition of the first upload does nothing.
    world.upload(&alice, &[], &early).unwrap();
    assert_eq!(world.claim_one(&bob, 1, &alice), ClaimStatus::LastResort(late.clone()));
    // A delayed upload is refused as a whole.
    let key_package = world.encoded(&alice, Spec::default());
    let delayed = world.upload(&alice, std::slice::from_ref(&key_package), &middle);
    check_refused(delayed, 1, "is later");
    assert_eq!(world.claim_one(&bob, 2, &alice), ClaimStatus::LastResort(late.clone()));
    // The last resort of another cipher suite is another one.
    let other = Spec { suite: OTHER_SUITE, ..lasting(NOW - 3 * HOUR) };
    world.publish(&alice, &[other]);
    assert_eq!(world.claim_one(&bob, 3, &alice), ClaimStatus::LastResort(late));
    let last = world.encoded(&alice, lasting(NOW));
    world.upload(&alice, &[key_package], &last).unwrap();
    assert_eq!(count(&world, &alice), (1, true));
    // A last resort that has expired is replaced, whether or not its row is deleted already.
    let short = Spec { lifetime: (NOW, NOW + 2 * HOUR), ..Spec::last_resort() };
    let laptop = world.device("alice@example.org/laptop", 1);
    world.publish(&laptop, &[short]);
    world.now = NOW + 2 * HOUR;
    world.publish(&laptop, &[lasting(NOW - HOUR)]);
    assert_eq!(count(&world, &laptop), (0, true));
    // An upload without a last resort leaves the stored one as it is.
    world.publish(&alice, &[Spec::default()]);
    assert_eq!(count(&world, &alice), (2, true));
}

#[test]
fn a_higher_version_deletes_the_key_packages_of_a_lower_one() {
    let mut world = World::new();
    let old = world.device("alice@example.org/phone", 1);
    let laptop = world.device("alice@example.org/laptop", 1);
    let bob = claimer("bob@example.org/phone");
    let other = Spec { suite: OTHER_SUITE, ..Spec::default() };
    let uploaded = world.publish(&old, &[Spec::default(), other, Spec::last_resort()]);
    world.publish(&laptop, &[Spec::default()]);
    let new = world.device("alice@example.org/phone", 2);
    // After the login, a member that adds the client by an old KeyPackage would be refused.
    world.login(&new.caller, b"nonce").unwrap();
    assert_eq!(world.count(&new).counts, []);
    assert_eq!(world.claim_one(&bob, 1, &new), ClaimStatus::None);
    let refused = world.upload(&old, &uploaded[..1], &Opaque::default());
    assert_eq!(code(refused), ProblemCode::CertificateSuperseded);

    let newer = world.publish(&new, &[Spec::default()]).remove(0);
    assert_eq!(world.count(&new).counts.len(), 1);
    assert_eq!(count(&world, &new), (1, false));
    assert_eq!(count(&world, &laptop), (1, false));
    assert_eq!(world.claim_one(&bob, 2, &new), ClaimStatus::KeyPackage(newer));
    assert_eq!(world.claim_one(&bob, 3, &new), ClaimStatus::None);
}

#[test]
fn an_upload_of_a_higher_version_supersedes_the_lower_one() {
    // The server that was restored from a backup does not know the login of the client.
    let mut world = World::new();
    let old = world.device("alice@example.org/phone", 1);
    let new = world.device("alice@example.org/phone", 2);
    world.publish(&new, &[Spec::default()]);
    assert_eq!(code(world.login(&old.caller, b"nonce")), ProblemCode::CertificateSuperseded);
}
