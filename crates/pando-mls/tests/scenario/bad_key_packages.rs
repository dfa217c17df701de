//! Several KeyPackages must not be added, each for a different reason. Finally, a valid KeyPackage
//! is added.

use crate::group_fixture::{GroupFixture, NOW, suite, template};
use crate::proposals::extensions;
use pando_mls::{
    CipherSuite, CommitBuilder, Credential, CredentialType, ExtensionType, GroupError, GroupId, KeyPackage,
    KeyPackageBundle, KeyPackageTemplate, LeafIndex, Lifetime, Misuse, Proposal, ProposalType, Remove,
    Violation,
};

fn with(fixture: &mut GroupFixture, change: impl FnOnce(&mut KeyPackageTemplate)) -> KeyPackage {
    fixture.newcomer_with(change).key_package()
}

/// Returns a modified KeyPackage that its owner has signed, no matter what it contains.
fn forged(fixture: &mut GroupFixture, change: impl FnOnce(&mut KeyPackage)) -> KeyPackage {
    let (suite, newcomer) = (fixture.suite, fixture.newcomer());
    let mut key_package = newcomer.key_package();
    change(&mut key_package);
    let sign = |label, bytes: Vec<u8>| suite.sign_with_label(&*newcomer.signer, label, &bytes).unwrap();
    let leaf = key_package.leaf_node.to_be_signed((&GroupId::default(), LeafIndex(0))).unwrap();
    key_package.leaf_node.signature = sign("LeafNodeTBS", leaf);
    key_package.signature = sign("KeyPackageTBS", key_package.to_be_signed().unwrap());
    key_package
}

#[test]
fn key_packages_are_checked() {
    let mut fixture = GroupFixture::of(suite(1), 2);
    let good = fixture.newcomer().key_package();
    let other_suite = GroupFixture::new(suite(2)).newcomer().key_package();
    let mut unsigned = good.clone();
    unsigned.extensions = extensions(&[0xf0f0]);
    let mut bad_leaf = good.clone();
    bad_leaf.leaf_node.signature = vec![0; 64].into();
    let same_keys = forged(&mut fixture, |key_package| {
        key_package.init_key = key_package.leaf_node.encryption_key.clone();
    });
    let expired =
        with(&mut fixture, |template| template.lifetime = Lifetime { not_before: 0, not_after: NOW - 1 });
    let early = with(&mut fixture, |template| {
        template.lifetime = Lifetime { not_before: NOW + 1, not_after: u64::MAX }
    });
    let no_credentials =
        forged(&mut fixture, |key_package| key_package.leaf_node.capabilities.credentials = vec![]);
    let no_suite = forged(&mut fixture, |key_package| {
        key_package.leaf_node.capabilities.cipher_suites = vec![CipherSuite(0x0a0a)];
    });
    let unlisted =
        forged(&mut fixture, |key_package| key_package.leaf_node.extensions = extensions(&[0xf00d]));
    let x509 = with(&mut fixture, |template| {
        template.credential = Credential::X509 { certificates: vec![] };
        template.capabilities.credentials = vec![CredentialType::X509, CredentialType::BASIC];
    });
    let duplicate =
        forged(&mut fixture, |key_package| key_package.leaf_node.extensions = extensions(&[0xf0f0; 2]));
    for (key_package, violation) in [
        (other_suite, Violation::KeyPackageSuite),
        (unsigned, Violation::KeyPackageSignature),
        (bad_leaf, Violation::LeafSignature),
        (same_keys, Violation::InitKeyIsEncryptionKey),
        (expired, Violation::Lifetime),
        (early, Violation::Lifetime),
        (no_credentials, Violation::OwnCredentialUnsupported),
        (unlisted, Violation::LeafExtensionUnsupported(ExtensionType(0xf00d))),
        (x509, Violation::Credential("no policy for x509".into())),
        (duplicate, Violation::DuplicateExtension(ExtensionType(0xf0f0))),
    ] {
        let refused = fixture.build(0, |builder| builder.add(key_package)).unwrap_err();
        assert_eq!(refused, GroupError::Proposal { index: 0, violation });
    }
    // This rule applies only to senders.
    let refused = fixture.build(0, |builder| builder.add(no_suite)).unwrap_err();
    assert_eq!(refused, GroupError::Misuse(Misuse::SuiteNotListed));
    fixture.commit(0, |builder| builder.add(good));
}

/// Shows that building a KeyPackage that no member would accept fails immediately.
#[test]
fn bad_key_packages_are_not_made() {
    type Change = fn(&mut KeyPackageTemplate);
    let violation = GroupError::Violation;
    let default = GroupError::Misuse(Misuse::DefaultCapability);
    let changes: [(Change, GroupError); 7] = [
        (
            |template| template.capabilities.credentials = vec![],
            violation(Violation::OwnCredentialUnsupported),
        ),
        (|template| template.capabilities.versions = vec![], GroupError::Misuse(Misuse::SuiteNotListed)),
        (
            |template| template.leaf_extensions = extensions(&[0xf00d]),
            violation(Violation::LeafExtensionUnsupported(ExtensionType(0xf00d))),
        ),
        (
            |template| template.extensions = extensions(&[0xf00d]),
            violation(Violation::LeafExtensionUnsupported(ExtensionType(0xf00d))),
        ),
        (
            |template| template.extensions = extensions(&[0xf0f0; 2]),
            violation(Violation::DuplicateExtension(ExtensionType(0xf0f0))),
        ),
        (|template| template.capabilities.extensions.push(ExtensionType::RATCHET_TREE), default.clone()),
        (|template| template.capabilities.proposals.push(ProposalType::ADD), default),
    ];
    let fixture = GroupFixture::new(suite(1));
    for (change, error) in changes {
        let (mut template, mut rng) = (template(), fixture.rng.clone());
        change(&mut template);
        let signer = &*fixture.members[0].signer;
        let made = KeyPackageBundle::new(fixture.suite, template, signer, &mut rng);
        assert_eq!(made.err(), Some(error));
    }
}

/// Shows that the committer checks the lifetime while receivers do not, because clocks differ.
#[test]
fn a_key_package_that_expires_on_its_way_is_accepted() {
    for suite in crate::group_fixture::suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let newcomer =
            fixture.newcomer_with(|template| template.lifetime = Lifetime { not_before: 0, not_after: NOW });
        let (message, welcome) = fixture.build(0, |builder| builder.add(newcomer.key_package())).unwrap();
        for index in [0, 1] {
            let processed =
                fixture.members[index].operate(|group, cx| group.process(message.clone(), &cx.at(NOW + 1)));
            match processed.unwrap() {
                pando_mls::Processed::OwnCommit => fixture.members[index].merge_pending(),
                pando_mls::Processed::Commit(staged) => drop(fixture.members[index].merge(*staged)),
                other => panic!("not a Commit: {other:?}"),
            }
        }
        fixture.enter(newcomer, &welcome.unwrap());
        fixture.chat(2);
    }
}

/// Shows that the error names the invalid one of thirty KeyPackages, even if the Commit also covers
/// a pending proposal, which comes first.
#[test]
fn the_bad_key_package_is_named() {
    let mut fixture = GroupFixture::of(suite(1), 3);
    for is_pending in [false, true] {
        if is_pending {
            fixture.propose(1, Proposal::Remove(Remove { removed: LeafIndex(2) }));
        }
        let expired =
            with(&mut fixture, |template| template.lifetime = Lifetime { not_before: 0, not_after: NOW - 1 });
        let mut unsigned = fixture.newcomer().key_package();
        unsigned.extensions = extensions(&[0xf0f0]);
        for (bad, violation) in [(expired, Violation::Lifetime), (unsigned, Violation::KeyPackageSignature)] {
            let mut key_packages: Vec<_> = (0..30).map(|_| fixture.newcomer().key_package()).collect();
            key_packages[17] = bad;
            let refused =
                fixture.build(0, |builder| key_packages.into_iter().fold(builder, CommitBuilder::add));
            let refused = refused.unwrap_err();
            assert_eq!(refused, GroupError::Proposal { index: 17, violation: violation.clone() });
            assert!(refused.to_string().starts_with("proposal 17: "), "{refused}");
            assert!(refused.to_string().contains(violation.section()), "{refused}");
        }
    }
}
