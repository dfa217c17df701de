//! Sections 5.3.1, 11.1, 12.1.7 and 13.4: the extensions of the group.

use crate::forge::{
    Forgery, LISTED, Strict, UNKNOWN, add, extension, external_senders, key_package, required, set_extensions,
};
use crate::stage::Stage;
use pando_mls::{ExtensionType, Extensions, Violation};
use pando_wire::{Capabilities, CredentialType, LeafNode, ProposalType, RequiredCapabilities};

/// Makes a leaf support everything, so that the committer's new leaf is not the one that lacks
/// something.
fn supports_all(leaf_node: &mut LeafNode) {
    let Capabilities { extensions, proposals, credentials, .. } = &mut leaf_node.capabilities;
    extensions.push(UNKNOWN);
    proposals.push(ProposalType(0xf00d));
    credentials.push(CredentialType::X509);
}

#[test]
fn nothing_is_required_that_a_member_does_not_support() {
    let mut stage = Stage::new();
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
        assert_eq!(stage.forbidden_with_path(proposal.clone(), |_| {}), violation);
        let others = stage.forbidden_with_path(proposal, supports_all);
        assert_eq!(others, Violation::RequiredUnsupportedByMember);
    }
    stage.lives_on();
}

#[test]
fn every_member_supports_the_extensions_of_the_group() {
    let mut stage = Stage::new();
    let violation = Violation::ExtensionUnsupportedByMember(UNKNOWN);
    let unknown = set_extensions(Extensions(vec![extension(UNKNOWN, b"")]));
    assert_eq!(stage.forbidden_with_path(unknown.clone(), |_| {}), violation);
    assert_eq!(stage.forbidden_with_path(unknown, supports_all), violation);

    // A member that is added or stays supports the extensions of the group, including those that
    // this Commit sets.
    let violation = Violation::ExtensionUnsupportedByMember(LISTED);
    let listed = Extensions(vec![extension(LISTED, b"")]);
    let lacking = add(key_package(&mut stage.puppet, |template| {
        template.capabilities.extensions.clear();
    }));
    assert_eq!(stage.forbidden(&[set_extensions(listed.clone()), lacking.clone()]), violation);
    assert_eq!(stage.forbidden(&[lacking.clone(), set_extensions(listed.clone())]), violation);
    let mut stage = Stage::with(|setting| setting.extensions = listed);
    assert_eq!(stage.forbidden_proposal(lacking), violation);
    assert_eq!(stage.refused_update(|leaf| leaf.capabilities.extensions.clear()), violation);
    assert_eq!(stage.refused_path(|leaf| leaf.capabilities.extensions.clear()), violation);
    stage.lives_on();
}

#[test]
fn extensions_are_well_formed() {
    let mut stage = Stage::new();
    for (extension_type, data) in [
        (ExtensionType::REQUIRED_CAPABILITIES, b"".as_slice()),
        (ExtensionType::REQUIRED_CAPABILITIES, b"\x00\x00\x00\x00"),
        (ExtensionType::EXTERNAL_SENDERS, b""),
        (ExtensionType::EXTERNAL_SENDERS, b"\x05abc"),
    ] {
        let malformed = set_extensions(Extensions(vec![extension(extension_type, data)]));
        let violation = Violation::MalformedExtension(extension_type);
        assert_eq!(stage.forbidden_with_path(malformed, |_| {}), violation);
    }
    stage.lives_on();
}

#[test]
fn the_policy_decides_which_servers_have_a_say() {
    let mut stage = Stage::with(|setting| setting.policy = &Strict);
    let server = Forgery::of(&mut stage.puppet, |_| {}).signer;
    let proposal = set_extensions(external_senders(&[&*server]));
    let violation = Violation::ExternalSenderCredential("no servers".into());
    assert_eq!(stage.forbidden_with_path(proposal, |_| {}), violation);
    stage.lives_on();
}

/// All members list this GREASE value, but it is not the type of any extension (section 13.5).
#[test]
fn grease_is_not_an_extension_of_the_group() {
    let mut stage = Stage::new();
    let grease = ExtensionType(0x1a1a);
    for member in stage.puppet.tree.members().map(Result::unwrap) {
        assert!(stage.puppet.tree.leaf(member).unwrap().unwrap().capabilities.extensions.contains(&grease));
    }
    let proposal = set_extensions(Extensions(vec![extension(grease, b"")]));
    let violation = Violation::ExtensionUnsupportedByMember(grease);
    assert_eq!(stage.forbidden_with_path(proposal, |_| {}), violation);
    stage.lives_on();
}
