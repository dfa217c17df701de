//! Clients list GREASE values in their capabilities and extensions, so that no implementation
//! relies on a closed list. Every client accepts such values, and they have no effect on the group.

use crate::group_fixture::{GroupFixture, Newcomer, fast_suites, suites, template};
use crate::proposals::{custom, extensions, set_extensions};
use crate::server::Server;
use pando_mls::{
    CipherSuite, CredentialType, ExtensionType, GroupError, KeyPackageBundle, KeyPackageTemplate, LeafIndex,
    ProposalType, ProtocolVersion, Violation,
};

/// Adds GREASE values to all lists that allow them.
fn greased(template: &mut KeyPackageTemplate) {
    let capabilities = &mut template.capabilities;
    capabilities.versions.push(ProtocolVersion(0xdada));
    capabilities.cipher_suites.insert(0, CipherSuite(0x3a3a));
    capabilities.extensions.extend([0x0a0a, 0x4a4a, 0x6a6a].map(ExtensionType));
    capabilities.proposals.push(ProposalType(0xeaea));
    capabilities.credentials.insert(0, CredentialType(0x8a8a));
    template.leaf_extensions = extensions(&[0x4a4a]);
    template.extensions = extensions(&[0x6a6a]);
}

#[test]
fn grease_is_nobodys_business() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        for by in [0, 1] {
            let newcomer = fixture.newcomer_with(greased);
            let key_package = newcomer.key_package();
            let (_, welcome) = fixture.commit(by, |builder| builder.add(key_package.clone()));
            fixture.enter(newcomer, &welcome.unwrap());
            let last = fixture.members.len() - 1;
            let leaf = fixture.tree().leaf(fixture.leaf(last)).unwrap().unwrap();
            assert_eq!(leaf.capabilities, key_package.leaf_node.capabilities);
            fixture.chat(last);
            fixture.propose_update(last);
            fixture.commit(by, |builder| builder);
            // The leaf contains the same values after an Update.
            let leaf = fixture.tree().leaf(fixture.leaf(last)).unwrap().unwrap();
            assert_eq!(leaf.capabilities, key_package.leaf_node.capabilities);
            assert_eq!(leaf.extensions, extensions(&[0x4a4a]));
            fixture.commit(last, |builder| builder);
        }
        // The values are also accepted from the group's creator, and by an observer.
        let mut rng = fixture.rng.clone();
        let creator = fixture.newcomer_with(greased).create(fixture.config, &mut rng);
        let mut fixture = GroupFixture { suite, rng, config: fixture.config, members: vec![creator] };
        fixture.add(0, 2);
        Server::of(&fixture).agrees_with(&fixture);
        // The values are also accepted in a GroupInfo.
        let mut group_info = fixture.members[0].group_info(true);
        group_info.extensions.0.extend(extensions(&[0xbaba]).0);
        let to_be_signed = group_info.to_be_signed().unwrap();
        let signer = &*fixture.members[0].signer;
        group_info.signature = suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed).unwrap();
        let newcomer = fixture.newcomer_with(greased);
        let (member, message) = fixture.external(newcomer, &group_info, None, None, vec![]).unwrap();
        fixture.deliver_commit(usize::MAX, &message);
        fixture.members.push(member);
        fixture.agree();
        assert!(fixture.context().extensions.0.is_empty());
        fixture.chat(0);
    }
}

#[test]
fn nothing_is_made_of_grease_that_somebody_does_not_list() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let newcomer: Newcomer = fixture.newcomer_with(greased);
        fixture.commit(0, |builder| builder.add(newcomer.key_package()));
        for (proposal, violation) in [
            (
                set_extensions(extensions(&[0x0a0a])),
                Violation::ExtensionUnsupportedByMember(ExtensionType(0x0a0a)),
            ),
            (custom(0xeaea, b""), Violation::ProposalTypeUnsupported(ProposalType(0xeaea))),
        ] {
            let refused = fixture.build(0, |builder| builder.proposal(proposal)).unwrap_err();
            assert_eq!(refused, GroupError::Violation(violation));
        }
        // A leaf extension must be listed in the capabilities, whether or not it is GREASE.
        // Otherwise no KeyPackage is built.
        let mut unlisted = template();
        unlisted.leaf_extensions = extensions(&[0x4a4a]);
        let made = KeyPackageBundle::new(suite, unlisted, &*newcomer.signer, &mut fixture.rng);
        let violation = Violation::LeafExtensionUnsupported(ExtensionType(0x4a4a));
        assert_eq!(made.err(), Some(GroupError::Violation(violation)));
        assert!(fixture.tree().is_member(LeafIndex(2)).unwrap());
        fixture.commit(1, |builder| builder);
    }
}
