//! KeyPackages that nobody may be added with, each for one reason, and then a good one.

use crate::proposals::extensions;
use crate::world::{NOW, World, suite};
use pando_mls::{
    CipherSuite, Credential, CredentialType, ExtensionType, GroupError, KeyPackage, KeyPackageTemplate,
    Lifetime, Violation,
};

fn with(world: &mut World, change: impl FnOnce(&mut KeyPackageTemplate)) -> KeyPackage {
    world.newcomer_with(change).key_package()
}

#[test]
fn key_packages_are_checked() {
    let mut world = World::of(suite(1), 2);
    let good = world.newcomer().key_package();
    let other_suite = World::new(suite(2)).newcomer().key_package();
    let mut unsigned = good.clone();
    unsigned.extensions = extensions(&[0x1a1a]);
    let mut bad_leaf = good.clone();
    bad_leaf.leaf_node.signature = vec![0; 64].into();
    let same_keys = {
        let newcomer = world.newcomer();
        let mut key_package = newcomer.key_package();
        key_package.init_key = key_package.leaf_node.encryption_key.clone();
        let to_be_signed = key_package.to_be_signed().unwrap();
        let signature = world.suite.sign_with_label(&*newcomer.signer, "KeyPackageTBS", &to_be_signed);
        key_package.signature = signature.unwrap();
        key_package
    };
    let expired =
        with(&mut world, |template| template.lifetime = Lifetime { not_before: 0, not_after: NOW - 1 });
    let early = with(&mut world, |template| {
        template.lifetime = Lifetime { not_before: NOW + 1, not_after: u64::MAX }
    });
    let no_credentials = with(&mut world, |template| template.capabilities.credentials = vec![]);
    let no_suite =
        with(&mut world, |template| template.capabilities.cipher_suites = vec![CipherSuite(0x0a0a)]);
    let unlisted = with(&mut world, |template| template.leaf_extensions = extensions(&[0xf00d]));
    let x509 = with(&mut world, |template| {
        template.credential = Credential::X509 { certificates: vec![] };
        template.capabilities.credentials = vec![CredentialType::X509, CredentialType::BASIC];
    });
    let duplicate = with(&mut world, |template| template.leaf_extensions = extensions(&[0x1a1a; 2]));
    for (key_package, violation) in [
        (other_suite, Violation::KeyPackageSuite),
        (unsigned, Violation::KeyPackageSignature),
        (bad_leaf, Violation::LeafSignature),
        (same_keys, Violation::InitKeyIsEncryptionKey),
        (expired, Violation::Lifetime),
        (early, Violation::Lifetime),
        (no_credentials, Violation::OwnCredentialUnsupported),
        (no_suite, Violation::SuiteUnsupported),
        (unlisted, Violation::LeafExtensionUnsupported(ExtensionType(0xf00d))),
        (x509, Violation::Credential("no policy for x509".into())),
        (duplicate, Violation::DuplicateExtension(ExtensionType(0x1a1a))),
    ] {
        let refused = world.build(0, |builder| builder.add(key_package)).unwrap_err();
        assert_eq!(refused, GroupError::Violation(violation));
    }
    world.commit(0, |builder| builder.add(good));
}

/// Who adds looks at the time, and nobody else: clocks differ.
#[test]
fn a_key_package_that_expires_on_its_way_is_accepted() {
    for suite in crate::world::suites() {
        let mut world = World::of(suite, 2);
        let newcomer =
            world.newcomer_with(|template| template.lifetime = Lifetime { not_before: 0, not_after: NOW });
        let (message, welcome) = world.build(0, |builder| builder.add(newcomer.key_package())).unwrap();
        for index in [0, 1] {
            let processed = world.members[index].operate(|group, client| {
                group.process(message.clone(), &pando_mls::Client { now: Some(NOW + 1), ..client })
            });
            match processed.unwrap() {
                pando_mls::Processed::OwnCommit => world.members[index].merge_pending(),
                pando_mls::Processed::Commit(staged) => drop(world.members[index].merge(*staged)),
                other => panic!("not a Commit: {other:?}"),
            }
        }
        world.enter(newcomer, &welcome.unwrap());
        world.chat(2);
    }
}
