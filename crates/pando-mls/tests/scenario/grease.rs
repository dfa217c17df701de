//! Clients list GREASE values in their capabilities and extensions, so that no implementation
//! relies on a closed list. Every client accepts them, and they have no effect on the group.

use crate::proposals::{custom, extensions, set_extensions};
use crate::server::Server;
use crate::world::{Newcomer, World, fast_suites, suites, template};
use pando_mls::{
    CipherSuite, CredentialType, ExtensionType, GroupError, KeyPackageBundle, KeyPackageTemplate, LeafIndex,
    ProposalType, ProtocolVersion, Violation,
};

/// Adds GREASE wherever there is room for it.
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
        let mut world = World::public(suite);
        world.add(0, 1);
        for by in [0, 1] {
            let newcomer = world.newcomer_with(greased);
            let key_package = newcomer.key_package();
            let (_, welcome) = world.commit(by, |builder| builder.add(key_package.clone()));
            world.enter(newcomer, &welcome.unwrap());
            let last = world.members.len() - 1;
            let leaf = world.tree().leaf(world.leaf(last)).unwrap().unwrap();
            assert_eq!(leaf.capabilities, key_package.leaf_node.capabilities);
            world.chat(last);
            world.propose_update(last);
            world.commit(by, |builder| builder);
            // Its updated leaf has the same values.
            let leaf = world.tree().leaf(world.leaf(last)).unwrap().unwrap();
            assert_eq!(leaf.capabilities, key_package.leaf_node.capabilities);
            assert_eq!(leaf.extensions, extensions(&[0x4a4a]));
            world.commit(last, |builder| builder);
        }
        // It also works for the group's creator, and for an observer.
        let mut rng = world.rng.clone();
        let creator = world.newcomer_with(greased).create(world.config, &mut rng);
        let mut world = World { suite, rng, config: world.config, members: vec![creator] };
        world.add(0, 2);
        Server::of(&world).agrees_with(&world);
        // It works in a GroupInfo, too.
        let mut group_info = world.members[0].group_info(true);
        group_info.extensions.0.extend(extensions(&[0xbaba]).0);
        let to_be_signed = group_info.to_be_signed().unwrap();
        let signer = &*world.members[0].signer;
        group_info.signature = suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed).unwrap();
        let newcomer = world.newcomer_with(greased);
        let (member, message) = world.external(newcomer, &group_info, None, None, vec![]).unwrap();
        world.deliver_commit(usize::MAX, &message);
        world.members.push(member);
        world.agree();
        assert!(world.context().extensions.0.is_empty());
        world.chat(0);
    }
}

#[test]
fn nothing_is_made_of_grease_that_somebody_does_not_list() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let newcomer: Newcomer = world.newcomer_with(greased);
        world.commit(0, |builder| builder.add(newcomer.key_package()));
        for (proposal, violation) in [
            (
                set_extensions(extensions(&[0x0a0a])),
                Violation::ExtensionUnsupportedByMember(ExtensionType(0x0a0a)),
            ),
            (custom(0xeaea, b""), Violation::ProposalTypeUnsupported(ProposalType(0xeaea))),
        ] {
            let refused = world.build(0, |builder| builder.proposal(proposal)).unwrap_err();
            assert_eq!(refused, GroupError::Violation(violation));
        }
        // A leaf extension must be listed in the capabilities, GREASE or not: no KeyPackage is
        // built without that.
        let mut unlisted = template();
        unlisted.leaf_extensions = extensions(&[0x4a4a]);
        let made = KeyPackageBundle::new(suite, unlisted, &*newcomer.signer, &mut world.rng);
        let violation = Violation::LeafExtensionUnsupported(ExtensionType(0x4a4a));
        assert_eq!(made.err(), Some(GroupError::Violation(violation)));
        assert!(world.tree().is_member(LeafIndex(2)).unwrap());
        world.commit(1, |builder| builder);
    }
}
