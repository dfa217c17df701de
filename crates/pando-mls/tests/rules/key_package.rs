//! Tests of sections 10 and 10.1: the KeyPackages of clients that are added.

use crate::fixture::{RuleFixture, violation};
use crate::group_fixture::{NOW, client, over_the_wire, suite};
use crate::material::{DAY, ForgedKeyPackage, LISTED, Strict, Wrong, add, extension, key_package, template};
use crate::raw_member::RawMember;
use pando_mls::{
    BasicIdentities, Group, KeyPackageBundle, KeyPackageTemplate, Misuse, Violation, check_key_package,
};
use pando_wire::{
    CipherSuite, Credential, Extensions, KeyPackage, LeafNodeSource, Lifetime, ProtocolVersion,
};

#[test]
fn a_key_package_is_for_the_group_and_signed() {
    let mut fixture = RuleFixture::new();
    let suite = fixture.raw_member.suite;
    let wrong: [Wrong<KeyPackage>; 6] = [
        (|key_package| key_package.cipher_suite = CipherSuite(3), Violation::KeyPackageSuite),
        (|key_package| key_package.version = ProtocolVersion(2), Violation::KeyPackageSuite),
        (
            |key_package| key_package.init_key = key_package.leaf_node.encryption_key.clone(),
            Violation::InitKeyIsEncryptionKey,
        ),
        (|key_package| key_package.init_key = vec![1; 33].into(), Violation::InvalidKey),
        (|key_package| key_package.init_key = vec![0; 32].into(), Violation::InvalidKey),
        (
            |key_package| {
                key_package.extensions.0 = vec![extension(LISTED, b"1"), extension(LISTED, b"2")];
            },
            Violation::DuplicateExtension(LISTED),
        ),
    ];
    for (change, violation) in wrong {
        let forgery = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {}).change(suite, change);
        assert_eq!(fixture.forbidden_proposal(add(forgery.key_package)), violation);
    }
    // The owner of the KeyPackage has not signed this extension.
    let mut unsigned = key_package(&mut fixture.raw_member, |_| {});
    unsigned.extensions.0.push(extension(LISTED, b""));
    assert_eq!(fixture.forbidden_proposal(add(unsigned)), Violation::KeyPackageSignature);
    let [mut mixed, other] = [(); 2].map(|()| key_package(&mut fixture.raw_member, |_| {}));
    mixed.signature = other.signature;
    assert_eq!(fixture.forbidden_proposal(add(mixed)), Violation::KeyPackageSignature);
    fixture.check_still_works();
}

#[test]
fn a_key_package_of_another_cipher_suite_does_not_fit() {
    let mut fixture = RuleFixture::new();
    let other = suite(2);
    let signer = other.signer(&other.signature_generate_key(&mut fixture.raw_member.rng).unwrap()).unwrap();
    let bundle = KeyPackageBundle::new(other, template(), &*signer, &mut fixture.raw_member.rng).unwrap();
    assert_eq!(fixture.forbidden_proposal(add(bundle.key_package)), Violation::KeyPackageSuite);
    fixture.check_still_works();
}

/// Shows that the proposer and the committer check the lifetime of a KeyPackage. Observers may
/// check it. Members that follow do not check it, because clocks differ and a KeyPackage may expire
/// in transit.
#[test]
fn nobody_is_added_before_or_after_their_time() {
    let mut fixture = RuleFixture::new();
    for (not_before, not_after) in [(0, NOW - 1), (NOW + 1, u64::MAX), (NOW + 1, NOW + 1)] {
        let lifetime = Lifetime { not_before, not_after };
        let proposal = add(key_package(&mut fixture.raw_member, |template| template.lifetime = lifetime));
        assert_eq!(fixture.not_built(std::slice::from_ref(&proposal)), Violation::Lifetime);
        let proposed = fixture.members[0].propose(proposal.clone(), &mut fixture.raw_member.rng);
        assert_eq!(violation(proposed.unwrap_err()), Violation::Lifetime);

        let (message, _) = fixture.raw_member.propose(proposal);
        let seen = fixture.observer.process(
            over_the_wire(&message),
            &BasicIdentities,
            &pando_mls::AdmitAll,
            Some(NOW),
        );
        assert_eq!(violation(seen.unwrap_err()), Violation::Lifetime);
        fixture.deliver_proposal(&message);
    }
    // A pending Add with an expired KeyPackage is not committed.
    let member = &mut fixture.members[0];
    assert_eq!(member.group.pending_proposals().count(), 3);
    let cx = client(&*member.signer).at(NOW);
    let output = member
        .group
        .commit()
        .build(&cx, &mut fixture.raw_member.rng)
        .unwrap()
        .persist_to(&mut member.rows)
        .unwrap();
    assert!(output.welcome.is_none());
    member.clear_pending();
    // The lifetime includes both of its ends.
    for (not_before, not_after) in [(NOW, u64::MAX), (0, NOW), (NOW, NOW)] {
        let lifetime = Lifetime { not_before, not_after };
        let added = key_package(&mut fixture.raw_member, |template| template.lifetime = lifetime);
        fixture.members[0].build(|builder| builder.add(added), &mut fixture.raw_member.rng).unwrap();
        fixture.members[0].clear_pending();
    }
    fixture.check_still_works();
}

/// Shows that every member rejects a lifetime that is empty or too long, because this check needs
/// no clock.
#[test]
fn nobody_lives_for_longer_than_the_policy_accepts() {
    let mut fixture = RuleFixture::with(|parameters| parameters.policy = &Strict);
    for (not_before, not_after) in [(0, DAY + 1), (NOW, NOW + DAY + 1), (0, u64::MAX), (NOW + 1, NOW - 1)] {
        let lifetime = Lifetime { not_before, not_after };
        let added = add(key_package(&mut fixture.raw_member, |template| template.lifetime = lifetime));
        assert_eq!(fixture.forbidden_proposal(added), Violation::LifetimeTooLong);
    }
    let lifetime = Lifetime { not_before: NOW, not_after: NOW + DAY };
    let longest = add(key_package(&mut fixture.raw_member, |template| {
        template.lifetime = lifetime;
        template.credential = Credential::Basic { identity: b"third".as_slice().into() };
    }));
    let (message, _) = fixture.raw_member.propose(longest);
    fixture.deliver_proposal(&message);
    fixture.check_still_works();
}

/// Shows that a client does not create a group with a signer whose key is not in its leaf.
#[test]
fn who_creates_a_group_has_signed_the_key_package() {
    let mut fixture = RuleFixture::new();
    let [owner, other] = [(); 2].map(|()| ForgedKeyPackage::of(&mut fixture.raw_member, |_| {}));
    let id = "new";
    let extensions = Extensions::default();
    let rng = &mut fixture.raw_member.rng;
    let cx = client(&*other.signer);
    let created = Group::builder(id).extensions(extensions).build(owner.bundle(), &cx, rng);
    assert_eq!(created.map(|_| ()).unwrap_err(), Misuse::WrongSigner.into());
}

/// Shows that a KeyPackage outside of a group is checked by the same rules as an Add, including the
/// rule for the sender of an Add.
#[test]
fn a_key_package_is_checked_outside_of_a_group() {
    let (suite, mut raw_member) = (suite(1), RawMember::new(suite(1)));
    let check = |key_package: &KeyPackage| check_key_package(key_package, suite, &Strict, Some(NOW));
    let lasting = |template: &mut KeyPackageTemplate| {
        template.lifetime = Lifetime { not_before: NOW, not_after: NOW + DAY };
    };
    let mut forge = |change: fn(&mut KeyPackage)| {
        ForgedKeyPackage::of(&mut raw_member, lasting).change(suite, change).key_package
    };
    let valid = forge(|_| {});
    assert_eq!(check(&valid), Ok(()));
    for (wrong, violation) in [
        (forge(|key_package| key_package.cipher_suite = CipherSuite(3)), Violation::KeyPackageSuite),
        (forge(|key_package| key_package.version = ProtocolVersion(2)), Violation::KeyPackageSuite),
        (
            forge(|key_package| key_package.init_key = key_package.leaf_node.encryption_key.clone()),
            Violation::InitKeyIsEncryptionKey,
        ),
        (forge(|key_package| key_package.init_key = vec![0; 32].into()), Violation::InvalidKey),
        (
            forge(|key_package| key_package.leaf_node.encryption_key = vec![1; 33].into()),
            Violation::InvalidKey,
        ),
        (
            forge(|key_package| key_package.leaf_node.leaf_node_source = LeafNodeSource::Update),
            Violation::LeafSource,
        ),
        (
            forge(|key_package| key_package.leaf_node.capabilities.credentials.clear()),
            Violation::OwnCredentialUnsupported,
        ),
        (
            forge(|key_package| {
                key_package.extensions.0 = vec![extension(LISTED, b"1"), extension(LISTED, b"2")];
            }),
            Violation::DuplicateExtension(LISTED),
        ),
        (
            forge(|key_package| {
                let lifetime = Lifetime { not_before: NOW, not_after: NOW + DAY + 1 };
                key_package.leaf_node.leaf_node_source = LeafNodeSource::KeyPackage { lifetime };
            }),
            Violation::LifetimeTooLong,
        ),
        (
            forge(|key_package| key_package.leaf_node.credential = Credential::basic("")),
            Violation::Credential("no name".to_owned()),
        ),
    ] {
        assert_eq!(check(&wrong), Err(violation.into()));
    }
    let unlisted = forge(|key_package| key_package.leaf_node.capabilities.cipher_suites.clear());
    assert_eq!(check(&unlisted), Err(Misuse::SuiteNotListed.into()));

    // Changes that the owner has not signed.
    let mut unsigned = valid.clone();
    unsigned.extensions.0.push(extension(LISTED, b""));
    assert_eq!(check(&unsigned), Err(Violation::KeyPackageSignature.into()));
    let mut unsigned = valid.clone();
    unsigned.leaf_node.extensions.0.push(extension(LISTED, b""));
    assert_eq!(check(&unsigned), Err(Violation::LeafSignature.into()));

    // The lifetime includes both of its ends. Without a time, any lifetime is accepted that is not
    // too long.
    for (now, expected) in [
        (Some(NOW - 1), Err(Violation::Lifetime.into())),
        (Some(NOW), Ok(())),
        (Some(NOW + DAY), Ok(())),
        (Some(NOW + DAY + 1), Err(Violation::Lifetime.into())),
        (None, Ok(())),
    ] {
        assert_eq!(check_key_package(&valid, suite, &Strict, now), expected);
    }
}
