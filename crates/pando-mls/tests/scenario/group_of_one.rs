//! A group of one member works: it commits, derives secrets, grows, and shrinks back to one.

use crate::proposals::custom;
use crate::world::{World, external_psk, suites};
use pando_mls::{GroupError, LeafIndex, Violation};

#[test]
fn a_group_of_one() {
    for suite in suites() {
        let mut world = World::new(suite);
        assert_eq!((world.context().epoch, world.tree().member_count()), (0, 1));
        let mut exported = vec![world.members[0].group.export("label", b"", 32).unwrap()];
        world.commit(0, |builder| builder);
        exported.push(world.members[0].group.export("label", b"", 32).unwrap());
        world.commit(0, |builder| builder.psk(external_psk(1)).without_path());
        exported.push(world.members[0].group.export("label", b"", 32).unwrap());
        world.commit(0, |builder| builder.proposal(custom(0xf001, b"a note to oneself")));
        assert_ne!(exported[0], exported[1]);
        assert_ne!(exported[1], exported[2]);
        world.send(0, b"to nobody");
        // The only member cannot remove itself.
        let refused = world.build(0, |builder| builder.remove(LeafIndex(0))).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::OwnRemove));
        assert_eq!(world.context().epoch, 3);
    }
}

#[test]
fn a_group_grows_from_one_and_shrinks_to_another_one() {
    for suite in suites() {
        let mut world = World::new(suite);
        world.commit(0, |builder| builder);
        world.add(0, 1);
        world.chat(0);
        world.remove(1, 0);
        assert_eq!(world.tree().members().map(Result::unwrap).collect::<Vec<_>>(), [LeafIndex(1)]);
        world.commit(0, |builder| builder);
        world.join_external(None, vec![]);
        assert_eq!(world.leaf(1), LeafIndex(0));
        world.chat(1);
        // The group shrinks again by the removal of the other member.
        world.remove(1, 0);
        assert_eq!(world.tree().members().map(Result::unwrap).collect::<Vec<_>>(), [LeafIndex(0)]);
        assert_eq!(world.tree().size().leaf_count(), 1);
        world.add(0, 2);
        world.chat(2);
    }
}
