//! A Welcome without the tree is smaller; the new member gets the tree from elsewhere, and it must be the right one.

use crate::world::{World, suites};
use pando_mls::{Group, GroupError, Missing, TreeError};

#[test]
fn a_tree_can_come_another_way() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let (newcomer, old) = (world.newcomer(), world.tree().export().unwrap());
        let (_, welcome) = world.commit(0, |builder| builder.add(newcomer.key_package()).without_tree());
        let (welcome, tree) = (welcome.unwrap(), world.tree().export().unwrap());
        let join = |tree: Option<&[u8]>| {
            let client = crate::world::client(&*newcomer.signer);
            Group::join(&welcome, &newcomer.bundle, tree, &client).map(|_| ()).unwrap_err()
        };
        assert_eq!(join(None), GroupError::Missing(Missing::Tree));
        assert!(matches!(join(Some(&old)), GroupError::Tree(TreeError::TreeHash)));
        world.members.push(newcomer.join(&welcome, Some(&tree), world.config).unwrap());
        world.agree();
        world.chat(3);
    }
}
