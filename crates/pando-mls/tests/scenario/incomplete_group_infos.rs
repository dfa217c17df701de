//! An external join needs a complete and genuine GroupInfo.

use crate::world::{World, suites};
use pando_mls::{ExtensionType, GroupError, GroupInfo, Missing, Violation};

fn joined(world: &mut World, group_info: &GroupInfo, tree: Option<&[u8]>) -> Result<(), GroupError> {
    let newcomer = world.newcomer();
    world.external(newcomer, group_info, tree, None, vec![]).map(|_| ())
}

#[test]
fn a_description_without_what_is_needed_is_refused() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let without_tree = world.members[0].group_info(false);
        let tree = world.tree().export().unwrap();
        assert_eq!(joined(&mut world, &without_tree, None), Err(GroupError::Missing(Missing::Tree)));
        assert_eq!(joined(&mut world, &without_tree, Some(&tree)), Ok(()));

        let mut without_key = without_tree.clone();
        without_key.extensions.0.retain(|extension| extension.extension_type != ExtensionType::EXTERNAL_PUB);
        // Removing the extension breaks the signature.
        let broken = Err(GroupError::Violation(Violation::GroupInfoSignature));
        assert_eq!(joined(&mut world, &without_key, Some(&tree)), broken);
        // A GroupInfo that is signed without it admits no joiner.
        let to_be_signed = without_key.to_be_signed().unwrap();
        let signer = &*world.members[0].signer;
        without_key.signature = suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed).unwrap();
        let missing = Err(GroupError::Missing(Missing::ExternalPub));
        assert_eq!(joined(&mut world, &without_key, Some(&tree)), missing);
    }
}
