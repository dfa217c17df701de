//! Claiming KeyPackages.

use crate::fixture::{DAY, HOUR, NOW, OTHER_SUITE, RARE, Spec, World, claimer, code, request};
use pando_api::{ClaimStatus, ClaimTarget, ProblemCode};
use pando_mls::wire::RequiredCapabilities;
use pando_mls::{CredentialType, ExtensionType, ProposalType};

#[test]
fn a_repeated_claim_returns_the_same_key_packages() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let (bob, carol) = (claimer("bob@example.org/phone"), claimer("carol@example.org/phone"));
    let specs = [1, 2, 3].map(|days| Spec::until(NOW + days * DAY));
    let [first, second, third] = world.publish(&alice, &specs).try_into().unwrap();
    let claim = |world: &World, caller, id| world.claim_one(caller, id, &alice);
    assert_eq!(claim(&world, &bob, 1), ClaimStatus::KeyPackage(first.clone()), "the first to expire");
    assert_eq!(claim(&world, &bob, 1), ClaimStatus::KeyPackage(first.clone()));
    // Other claimers and other identifiers are other claims.
    assert_eq!(claim(&world, &carol, 1), ClaimStatus::KeyPackage(second));
    assert_eq!(claim(&world, &bob, 2), ClaimStatus::KeyPackage(third));
    assert_eq!(claim(&world, &bob, 3), ClaimStatus::None);

    let conflicts = [
        request(1, ClaimTarget::User(alice.caller.user())),
        request(1, ClaimTarget::Client("alice@example.org/laptop".parse().unwrap())),
        {
            let mut other = request(1, ClaimTarget::Client(alice.client().clone()));
            other.cipher_suite = OTHER_SUITE;
            other
        },
        {
            let mut other = request(1, ClaimTarget::Client(alice.client().clone()));
            other.capabilities.extension_types.push(RARE);
            other
        },
    ];
    for conflict in &conflicts {
        assert_eq!(code(world.claim(&bob, conflict)), ProblemCode::IdempotencyConflict);
    }
    // A claim is remembered for a day, even after the client was revoked and the KeyPackage has
    // expired.
    world.revoked.insert(alice.client(), 1);
    world.now = NOW + DAY - 1;
    world.expire(&alice.caller.user(), 100);
    assert_eq!(claim(&world, &bob, 1), ClaimStatus::KeyPackage(first));
    world.now = NOW + DAY;
    world.expire(&alice.caller.user(), 100);
    assert_eq!(claim(&world, &bob, 1), ClaimStatus::None);
}

#[test]
fn a_claim_without_a_key_package_is_not_remembered() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let bob = claimer("bob@example.org/phone");
    let all = request(1, ClaimTarget::User(alice.caller.user()));
    assert_eq!(world.claim(&bob, &all).unwrap(), []);
    assert_eq!(world.claim_one(&bob, 1, &alice), ClaimStatus::None);
    assert!(world.rows(&alice.caller.user()).is_empty());
    let key_package = world.publish(&alice, &[Spec::default()]).remove(0);
    assert_eq!(world.claim_one(&bob, 1, &alice), ClaimStatus::KeyPackage(key_package));
}

#[test]
fn the_last_resort_is_served_when_there_is_no_other_one() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let bob = claimer("bob@example.org/phone");
    let specs = [Spec::last_resort(), Spec::default()];
    let [last_resort, once] = world.publish(&alice, &specs).try_into().unwrap();
    assert_eq!(world.claim_one(&bob, 1, &alice), ClaimStatus::KeyPackage(once));
    for id in 2..5 {
        assert_eq!(world.claim_one(&bob, id, &alice), ClaimStatus::LastResort(last_resort.clone()));
    }
    // A repeated claim returns the last resort of the first time.
    let later = Spec { lifetime: (NOW, NOW + 10 * DAY), ..Spec::last_resort() };
    let replaced = world.publish(&alice, &[later]).remove(0);
    assert_eq!(world.claim_one(&bob, 2, &alice), ClaimStatus::LastResort(last_resort));
    assert_eq!(world.claim_one(&bob, 5, &alice), ClaimStatus::LastResort(replaced));
}

#[test]
fn a_key_package_that_expires_within_an_hour_is_not_served() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let bob = claimer("bob@example.org/phone");
    let specs = [Spec::until(NOW + 2 * HOUR), Spec::until(NOW + 3 * HOUR)];
    let last_resort = Spec { lifetime: (NOW, NOW + 4 * HOUR), ..Spec::last_resort() };
    let [_, second] = world.publish(&alice, &specs).try_into().unwrap();
    let last_resort = world.publish(&alice, &[last_resort]).remove(0);
    world.now = NOW + HOUR;
    assert_eq!(world.claim_one(&bob, 1, &alice), ClaimStatus::KeyPackage(second));
    assert_eq!(world.claim_one(&bob, 2, &alice), ClaimStatus::LastResort(last_resort.clone()));
    world.now = NOW + 3 * HOUR - 1;
    assert_eq!(world.claim_one(&bob, 3, &alice), ClaimStatus::LastResort(last_resort));
    world.now = NOW + 3 * HOUR;
    assert_eq!(world.claim_one(&bob, 4, &alice), ClaimStatus::None);
}

#[test]
fn a_claim_is_for_a_cipher_suite_and_capabilities() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let bob = claimer("bob@example.org/phone");
    let rare = Spec { is_rare: true, ..Spec::until(NOW + 2 * DAY) };
    let specs = [Spec::until(NOW + DAY), rare, Spec { suite: OTHER_SUITE, ..rare }, Spec::last_resort()];
    let [common, rare, other, last_resort] = world.publish(&alice, &specs).try_into().unwrap();
    let claim = |id: u8, suite, capabilities: &RequiredCapabilities| {
        let mut claim = request(id, ClaimTarget::Client(alice.client().clone()));
        (claim.cipher_suite, claim.capabilities) = (suite, capabilities.clone());
        world.claim(&bob, &claim).unwrap().remove(0).1
    };
    let required = |extensions: &[u16]| RequiredCapabilities {
        extension_types: extensions.iter().copied().map(ExtensionType).collect(),
        ..RequiredCapabilities::default()
    };
    let first = Spec::default().suite;
    // The default types are supported by every client. The list has a duplicate and is not sorted.
    let mut needs_rare = required(&[RARE.0, 2, 0x000a, RARE.0]);
    needs_rare.proposal_types.push(ProposalType(1));
    needs_rare.credential_types.push(CredentialType::X509);
    assert_eq!(claim(1, first, &needs_rare), ClaimStatus::KeyPackage(rare));
    assert_eq!(claim(2, first, &needs_rare), ClaimStatus::Unsupported);
    for unsupported in [
        required(&[0xf124]),
        RequiredCapabilities { proposal_types: vec![ProposalType(0xf124)], ..required(&[]) },
        RequiredCapabilities { credential_types: vec![CredentialType::BASIC], ..required(&[]) },
    ] {
        assert_eq!(claim(3, first, &unsupported), ClaimStatus::Unsupported);
        assert_eq!(claim(3, OTHER_SUITE, &unsupported), ClaimStatus::Unsupported);
    }
    assert_eq!(claim(4, pando_mls::CipherSuite(2), &required(&[])), ClaimStatus::None);
    assert_eq!(claim(5, OTHER_SUITE, &needs_rare), ClaimStatus::KeyPackage(other));
    assert_eq!(claim(6, OTHER_SUITE, &needs_rare), ClaimStatus::None);
    assert_eq!(claim(7, first, &required(&[])), ClaimStatus::KeyPackage(common));
    assert_eq!(claim(8, first, &required(&[])), ClaimStatus::LastResort(last_resort));
}

#[test]
fn a_claim_is_for_all_clients_of_a_user() {
    let mut world = World::new();
    let phone = world.device("alice@example.org/phone", 1);
    let laptop = world.device("alice@example.org/laptop", 1);
    let tablet = world.device("alice@example.org/tablet", 1);
    let watch = world.device("alice@example.org/watch", 1);
    let bob = claimer("bob@example.org/phone");
    let of_phone = world.publish(&phone, &[Spec::default()]).remove(0);
    let of_laptop = world.publish(&laptop, &[Spec::last_resort()]).remove(0);
    world.login(&tablet.caller, b"nonce").unwrap();
    world.publish(&watch, &[Spec::default(), Spec::last_resort()]);
    world.revoked.insert(watch.client(), 1);
    let all = request(1, ClaimTarget::User(phone.caller.user()));
    let expected = [
        ("alice@example.org/laptop".to_owned(), ClaimStatus::LastResort(of_laptop)),
        ("alice@example.org/phone".to_owned(), ClaimStatus::KeyPackage(of_phone)),
        ("alice@example.org/tablet".to_owned(), ClaimStatus::None),
        ("alice@example.org/watch".to_owned(), ClaimStatus::None),
    ];
    assert_eq!(world.claim(&bob, &all).unwrap(), expected);
    assert_eq!(world.claim(&bob, &all).unwrap(), expected);
    assert_eq!(world.claim_one(&bob, 2, &watch), ClaimStatus::None);
    // A client with a new certificate is served again.
    let renewed = world.device("alice@example.org/watch", 2);
    let of_watch = world.publish(&renewed, &[Spec::default()]).remove(0);
    assert_eq!(world.claim_one(&bob, 3, &watch), ClaimStatus::KeyPackage(of_watch));
}
