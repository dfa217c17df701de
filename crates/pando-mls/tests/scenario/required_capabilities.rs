//! A group starts to require capabilities, which all members must support. From then on, a client
//! that lacks one of these capabilities cannot join in any way.

use crate::group_fixture::{GroupFixture, client, leaf_template, suites};
use crate::proposals::extensions;
use pando_mls::wire::RequiredCapabilities;
use pando_mls::{
    BasicIdentities, Capabilities, CredentialType, Extension, ExtensionType, Extensions, ExternalJoin,
    GroupError, NewLeaf, ProposalType, Suite, Violation,
};

fn required(body: &RequiredCapabilities) -> Extensions {
    Extensions(vec![Extension::new(body).unwrap()])
}

/// Returns requirements that consist of capabilities that the usual template supports, and of
/// default ones that no leaf must list.
fn all() -> Extensions {
    required(&RequiredCapabilities {
        extension_types: vec![ExtensionType(0xf0f0), ExtensionType::APPLICATION_ID],
        proposal_types: vec![ProposalType(0xf001), ProposalType::ADD],
        credential_types: vec![CredentialType::BASIC],
    })
}

#[test]
fn what_somebody_lacks_cannot_be_required() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let none = RequiredCapabilities::default;
        for (body, violation) in [
            (
                RequiredCapabilities { extension_types: vec![ExtensionType(0xf00d)], ..none() },
                Violation::RequiredExtension(ExtensionType(0xf00d)),
            ),
            (
                RequiredCapabilities { proposal_types: vec![ProposalType(0xf00d)], ..none() },
                Violation::RequiredProposal(ProposalType(0xf00d)),
            ),
            (
                RequiredCapabilities { credential_types: vec![CredentialType::X509], ..none() },
                Violation::RequiredCredential(CredentialType::X509),
            ),
        ] {
            // The committer itself lacks the capability.
            let refused = fixture.build(0, |builder| builder.extensions(required(&body))).unwrap_err();
            assert_eq!(refused, GroupError::Violation(violation));
        }
        let refused = fixture.build(0, |builder| builder.extensions(extensions(&[0xf00d]))).unwrap_err();
        let unsupported = Violation::ExtensionUnsupportedByMember(ExtensionType(0xf00d));
        assert_eq!(refused, GroupError::Violation(unsupported));
        // The same Commit can remove a member that lacks the capability.
        let plain = fixture.newcomer_with(|template| template.capabilities.proposals = vec![]);
        fixture.commit(0, |builder| builder.add(plain.key_package()));
        let refused = fixture.build(0, |builder| builder.extensions(all())).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::RequiredUnsupportedByMember));
        let leaf = pando_mls::LeafIndex(2);
        fixture.commit(0, |builder| builder.extensions(all()).remove(leaf));
        assert_eq!(fixture.context().extensions, all());
    }
}

/// A function that removes capabilities that the group requires.
type Change = fn(&mut Capabilities);

/// Returns changes by which a leaf lacks a required capability, each with the rule that such a leaf
/// violates.
fn lacking() -> [(Change, Violation); 2] {
    [
        (
            |capabilities| capabilities.extensions = vec![],
            Violation::RequiredExtension(ExtensionType(0xf0f0)),
        ),
        (|capabilities| capabilities.proposals = vec![], Violation::RequiredProposal(ProposalType(0xf001))),
    ]
}

fn nobody_gets_in(suite: Suite) {
    let mut fixture = GroupFixture::of(suite, 2);
    fixture.commit(0, |builder| builder.extensions(all()));
    for (change, violation) in lacking() {
        let refused = GroupError::Violation(violation);
        // The client without the capability is added.
        let newcomer = fixture.newcomer_with(|template| change(&mut template.capabilities));
        let added = fixture.build(0, |builder| builder.add(newcomer.key_package()));
        assert_eq!(added.unwrap_err().violation(), refused.violation());
        let proposed =
            fixture.members[0].propose(crate::proposals::add(newcomer.key_package()), &mut fixture.rng);
        assert_eq!(proposed.unwrap_err(), refused);
        // The client without the capability joins by an external Commit.
        let (group_info, mut template) = (fixture.members[0].group_info(true), leaf_template());
        change(&mut template.capabilities);
        let (tree, resync, psks) = (None, None, vec![]);
        let join = ExternalJoin::new(&group_info, template).tree(tree).replace_leaf(resync).psks(psks);
        let joined = join.build(&client(&*newcomer.signer), &mut fixture.rng).map(|_| ());
        assert_eq!(joined.unwrap_err(), refused);
        // A member updates its leaf to one without the capability.
        let mut template = leaf_template();
        change(&mut template.capabilities);
        let (signer, rng) = (fixture.signer(), &mut fixture.rng);
        let leaf = || NewLeaf { template: template.clone(), signer: &*signer };
        let committed = fixture.members[0].build_leaf(leaf(), &BasicIdentities, rng);
        assert_eq!(committed.unwrap_err(), refused);
        let proposed = fixture.members[0].propose_leaf(leaf(), &BasicIdentities, rng);
        assert_eq!(proposed.unwrap_err(), refused);
    }
    fixture.add(0, 1);
    fixture.join_external(None, vec![]);
    fixture.chat(3);
}

#[test]
fn required_capabilities_are_required() {
    suites().for_each(nobody_gets_in);
}
