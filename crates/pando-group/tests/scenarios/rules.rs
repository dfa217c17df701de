//! What nobody may do, tried by those who make Commits and seen by those who receive them.

use crate::world::{World, external_psk, new_client, template};
use pando_crypto::Suite;
use pando_group::{CommitBuilder, GroupError, KeyPackageBundle, KeyPackageTemplate, Violation};
use pando_wire::{
    Add, Capabilities, CipherSuite, Credential, CredentialType, Extension, ExtensionType, Extensions,
    ExternalInit, KeyPackage, LeafIndex, Lifetime, OtherProposal, PreSharedKey, PreSharedKeyId, Proposal,
    ProposalType, Psk, ReInit, RequiredCapabilities, ResumptionPskUsage,
};

/// The rule that keeps a member from making a Commit.
fn refused(world: &mut World, fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> Violation {
    match world.build(0, fill) {
        Err(GroupError::Violation(violation)) => violation,
        other => panic!("not refused: {other:?}"),
    }
}

fn key_package_with(world: &mut World, change: impl FnOnce(&mut KeyPackageTemplate)) -> KeyPackage {
    let mut template = template();
    change(&mut template);
    new_client(world.suite, template, &mut world.rng).0.key_package
}

fn add(key_package: KeyPackage) -> Proposal {
    Proposal::Add(Box::new(Add { key_package }))
}

fn psk(psk: Psk, nonce_len: usize) -> Proposal {
    let psk = PreSharedKeyId { psk, psk_nonce: vec![1; nonce_len].into() };
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
}

#[test]
fn members_are_removed_once_and_not_by_themselves() {
    let mut world = World::of(World::first(), 3);
    let leaves = [0, 1].map(|index| world.leaf(index));
    assert_eq!(refused(&mut world, |builder| builder.remove(leaves[0])), Violation::OwnRemove);
    let twice = refused(&mut world, |builder| builder.remove(leaves[1]).remove(leaves[1]));
    assert_eq!(twice, Violation::SameLeaf(leaves[1]));
    for leaf in [3, 4, 1 << 31, u32::MAX].map(LeafIndex) {
        let nobody = refused(&mut world, |builder| builder.remove(leaf));
        assert_eq!(nobody, Violation::RemovedIsNoMember(leaf));
    }
    world.agree();
}

#[test]
fn clients_are_added_once() {
    let mut world = World::of(World::first(), 2);
    let (bundle, _) = world.newcomer();
    let key_package = bundle.key_package;
    let twice = refused(&mut world, |builder| builder.add(key_package.clone()).add(key_package.clone()));
    assert_eq!(twice, Violation::SameClient);
    world.commit(0, |builder| builder.add(key_package.clone()));
    let again = refused(&mut world, |builder| builder.add(key_package));
    assert_eq!(again, Violation::SignatureKeyInUse(LeafIndex(2)));
}

#[test]
fn key_packages_are_checked() {
    let mut world = World::of(World::first(), 2);
    let good = key_package_with(&mut world, |_| {});
    let suite: Suite = world.suite;
    let other_suite = crate::world::suites().nth(1).unwrap();
    let (other, _): (KeyPackageBundle, _) = new_client(other_suite, template(), &mut world.rng);
    let mut unsigned = good.clone();
    unsigned
        .extensions
        .0
        .push(Extension { extension_type: ExtensionType(0x1a1a), extension_data: vec![].into() });
    let mut bad_leaf = good.clone();
    bad_leaf.leaf_node.signature = vec![0; 64].into();
    let same_keys = {
        let (bundle, signer) = world.newcomer();
        let mut key_package = bundle.key_package;
        key_package.init_key = key_package.leaf_node.encryption_key.clone();
        let to_be_signed = key_package.to_be_signed().unwrap();
        key_package.signature = suite.sign_with_label(&*signer, "KeyPackageTBS", &to_be_signed).unwrap();
        key_package
    };
    let expired = key_package_with(&mut world, |template| {
        template.lifetime = Lifetime { not_before: 0, not_after: crate::world::NOW - 1 };
    });
    let early = key_package_with(&mut world, |template| {
        template.lifetime = Lifetime { not_before: crate::world::NOW + 1, not_after: u64::MAX };
    });
    let no_credentials = key_package_with(&mut world, |template| template.capabilities.credentials = vec![]);
    let no_suite = key_package_with(&mut world, |template| {
        template.capabilities.cipher_suites = vec![CipherSuite(0x0a0a)];
    });
    let unlisted = key_package_with(&mut world, |template| {
        let extension = Extension { extension_type: ExtensionType(0xf00d), extension_data: vec![].into() };
        template.leaf_extensions = Extensions(vec![extension]);
    });
    let x509 = key_package_with(&mut world, |template| {
        template.credential = Credential::X509 { certificates: vec![] };
        template.capabilities.credentials = vec![CredentialType::X509, CredentialType::BASIC];
    });
    let duplicate = key_package_with(&mut world, |template| {
        let extension = Extension { extension_type: ExtensionType(0x1a1a), extension_data: vec![].into() };
        template.leaf_extensions = Extensions(vec![extension.clone(), extension]);
    });
    for (key_package, violation) in [
        (other.key_package, Violation::KeyPackageSuite),
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
        assert_eq!(refused(&mut world, |builder| builder.add(key_package)), violation);
    }
    world.commit(0, |builder| builder.add(good));
}

#[test]
fn pre_shared_keys_are_checked() {
    let mut world = World::of(World::first(), 2);
    let group_id = world.clients[0].group.public().context().group_id.clone();
    assert_eq!(
        refused(&mut world, |builder| builder.proposal(psk(external_psk(1), 31))),
        Violation::PskNonce
    );
    for usage in [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch] {
        let id = Psk::Resumption { usage, psk_group_id: group_id.clone(), psk_epoch: 0 };
        assert_eq!(refused(&mut world, |builder| builder.proposal(psk(id, 32))), Violation::PskUsage);
    }
    let twice = refused(&mut world, |builder| {
        builder.proposal(psk(external_psk(1), 32)).proposal(psk(external_psk(1), 32))
    });
    assert_eq!(twice, Violation::DuplicatePsk);
}

#[test]
fn some_proposals_stand_alone_or_not_at_all() {
    let mut world = World::of(World::first(), 2);
    let reinit = || ReInit {
        group_id: vec![1].into(),
        version: pando_wire::ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[0],
        extensions: Extensions::default(),
    };
    let together = refused(&mut world, |builder| builder.reinit(reinit()).psk(external_psk(1)));
    assert_eq!(together, Violation::ReInitNotAlone);
    let lower = ReInit { version: pando_wire::ProtocolVersion(0), ..reinit() };
    assert_eq!(refused(&mut world, |builder| builder.reinit(lower)), Violation::ReInitVersion);
    let init = Proposal::ExternalInit(ExternalInit { kem_output: vec![1; 32].into() });
    let regular = refused(&mut world, |builder| builder.proposal(init));
    assert_eq!(regular, Violation::ExternalInitInRegularCommit);
    let both = refused(&mut world, |builder| {
        builder.extensions(Extensions::default()).extensions(Extensions::default())
    });
    assert_eq!(both, Violation::SeveralGroupContextExtensions);
}

#[test]
fn proposals_of_types_that_somebody_does_not_know_wait_until_they_have_gone() {
    let mut world = World::of(World::first(), 2);
    let plain = key_package_with(&mut world, |template| template.capabilities.proposals = vec![]);
    world.commit(0, |builder| builder.add(plain));
    let custom =
        || Proposal::Other(OtherProposal { proposal_type: ProposalType(0xf001), data: vec![].into() });
    let unsupported = refused(&mut world, |builder| builder.proposal(custom()));
    assert_eq!(unsupported, Violation::ProposalTypeUnsupported(ProposalType(0xf001)));
    // Whoever is removed by the same Commit need not know it; nor whoever is added.
    let another = key_package_with(&mut world, |template| template.capabilities.proposals = vec![]);
    world.commit(0, |builder| builder.proposal(custom()).remove(LeafIndex(2)).proposal(add(another)));
}

#[test]
fn required_capabilities_are_required() {
    let mut world = World::of(World::first(), 2);
    let required = |body: RequiredCapabilities| Extensions(vec![Extension::new(&body).unwrap()]);
    let nobody = required(RequiredCapabilities {
        extension_types: vec![ExtensionType(0xf00d)],
        ..RequiredCapabilities::default()
    });
    assert_eq!(
        refused(&mut world, |builder| builder.extensions(nobody)),
        Violation::RequiredUnsupportedByMember
    );
    let unknown =
        Extensions(vec![Extension { extension_type: ExtensionType(0xf00d), extension_data: vec![].into() }]);
    assert_eq!(
        refused(&mut world, |builder| builder.extensions(unknown)),
        Violation::ExtensionUnsupportedByMember(ExtensionType(0xf00d))
    );
    let all = required(RequiredCapabilities {
        extension_types: vec![ExtensionType(0x1a1a), ExtensionType::APPLICATION_ID],
        proposal_types: vec![ProposalType(0xf001), ProposalType::ADD],
        credential_types: vec![CredentialType::BASIC],
    });
    world.commit(0, |builder| builder.extensions(all));
    let lacking = |change: fn(&mut Capabilities)| {
        move |template: &mut KeyPackageTemplate| change(&mut template.capabilities)
    };
    let no_extension = key_package_with(&mut world, lacking(|capabilities| capabilities.extensions = vec![]));
    let no_proposal = key_package_with(&mut world, lacking(|capabilities| capabilities.proposals = vec![]));
    for (key_package, violation) in [
        (no_extension, Violation::RequiredExtension(ExtensionType(0x1a1a))),
        (no_proposal, Violation::RequiredProposal(ProposalType(0xf001))),
    ] {
        assert_eq!(refused(&mut world, |builder| builder.add(key_package)), violation);
    }
    let good = key_package_with(&mut world, |_| {});
    world.commit(0, |builder| builder.add(good));
}

#[test]
fn every_violation_knows_its_section() {
    assert_eq!(Violation::OwnRemove.section(), "12.2");
    assert_eq!(Violation::SameLeaf(LeafIndex(0)).section(), "12.2");
    assert_eq!(Violation::ConfirmationTag.section(), "6.1");
}
