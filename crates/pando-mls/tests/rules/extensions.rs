//! Tests of sections 5.3.1, 11.1, 12.1.7 and 13.4: the extensions of the group.

use crate::fixture::RuleFixture;
use crate::material::{
    ForgedKeyPackage, LISTED, Strict, UNKNOWN, add, extension, external_senders, key_package, required,
    set_extensions,
};
use pando_mls::{ExtensionType, Extensions, Violation};
use pando_wire::{Capabilities, CredentialType, LeafNode, ProposalType, RequiredCapabilities};

/// Makes a leaf support all extensions, so that it is not the committer's new leaf that lacks one.
fn supports_all(leaf_node: &mut LeafNode) {
    let Capabilities { extensions, proposals, credentials, .. } = &mut leaf_node.capabilities;
    extensions.push(UNKNOWN);
    proposals.push(ProposalType(0xf00d));
    credentials.push(CredentialType::X509);
}

#[test]
fn nothing_is_required_that_a_member_does_not_support() {
    let mut fixture = RuleFixture::new();
    let none = RequiredCapabilities::default;
    let (proposal, credential) = (ProposalType(0xf00d), CredentialType::X509);
    for (nobody, violation) in [
        (
            RequiredCapabilities { extension_types: vec![UNKNOWN], ..none() },
            Violation::RequiredExtension(UNKNOWN),
        ),
        (
            RequiredCapabilities { proposal_types: vec![proposal], ..none() },
            Violation::RequiredProposal(proposal),
        ),
        (
            RequiredCapabilities { credential_types: vec![credential], ..none() },
            Violation::RequiredCredential(credential),
        ),
    ] {
        let proposal = set_extensions(required(&nobody));
        assert_eq!(fixture.forbidden_with_path(proposal.clone(), |_| {}), violation);
        let others = fixture.forbidden_with_path(proposal, supports_all);
        assert_eq!(others, Violation::RequiredUnsupportedByMember);
    }
    fixture.check_still_works();
}

#[test]
fn every_member_supports_the_extensions_of_the_group() {
    let mut fixture = RuleFixture::new();
    let violation = Violation::ExtensionUnsupportedByMember(UNKNOWN);
    let unknown = set_extensions(Extensions(vec![extension(UNKNOWN, b"")]));
    assert_eq!(fixture.forbidden_with_path(unknown.clone(), |_| {}), violation);
    assert_eq!(fixture.forbidden_with_path(unknown, supports_all), violation);

    // A member that is added or that stays must support all extensions of the group, including
    // those that this Commit sets.
    let violation = Violation::ExtensionUnsupportedByMember(LISTED);
    let listed = Extensions(vec![extension(LISTED, b"")]);
    let lacking = add(key_package(&mut fixture.raw_member, |template| {
        template.capabilities.extensions.clear();
    }));
    assert_eq!(fixture.forbidden(&[set_extensions(listed.clone()), lacking.clone()]), violation);
    assert_eq!(fixture.forbidden(&[lacking.clone(), set_extensions(listed.clone())]), violation);
    let mut fixture = RuleFixture::with(|parameters| parameters.extensions = listed);
    assert_eq!(fixture.forbidden_proposal(lacking), violation);
    assert_eq!(fixture.refused_update(|leaf| leaf.capabilities.extensions.clear()), violation);
    assert_eq!(fixture.refused_path(|leaf| leaf.capabilities.extensions.clear()), violation);
    fixture.check_still_works();
}

#[test]
fn extensions_are_well_formed() {
    let mut fixture = RuleFixture::new();
    for (extension_type, data) in [
        (ExtensionType::REQUIRED_CAPABILITIES, b"".as_slice()),
        (ExtensionType::REQUIRED_CAPABILITIES, b"\x00\x00\x00\x00"),
        (ExtensionType::EXTERNAL_SENDERS, b""),
        (ExtensionType::EXTERNAL_SENDERS, b"\x05abc"),
    ] {
        let malformed = set_extensions(Extensions(vec![extension(extension_type, data)]));
        let violation = Violation::MalformedExtension(extension_type);
        assert_eq!(fixture.forbidden_with_path(malformed, |_| {}), violation);
    }
    fixture.check_still_works();
}

#[test]
fn the_policy_decides_which_servers_have_a_say() {
    let mut fixture = RuleFixture::with(|parameters| parameters.policy = &Strict);
    let server = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {}).signer;
    let proposal = set_extensions(external_senders(&[&*server]));
    let violation = Violation::ExternalSenderCredential("no servers".into());
    assert_eq!(fixture.forbidden_with_path(proposal, |_| {}), violation);
    fixture.check_still_works();
}

/// Shows that a GREASE value that all members list is nevertheless not the type of any extension
/// (section 13.5).
#[test]
fn grease_is_not_an_extension_of_the_group() {
    let mut fixture = RuleFixture::new();
    let grease = ExtensionType(0x1a1a);
    for member in fixture.raw_member.tree.members().map(Result::unwrap) {
        assert!(
            fixture.raw_member.tree.leaf(member).unwrap().unwrap().capabilities.extensions.contains(&grease)
        );
    }
    let proposal = set_extensions(Extensions(vec![extension(grease, b"")]));
    let violation = Violation::ExtensionUnsupportedByMember(grease);
    assert_eq!(fixture.forbidden_with_path(proposal, |_| {}), violation);
    fixture.check_still_works();
}
