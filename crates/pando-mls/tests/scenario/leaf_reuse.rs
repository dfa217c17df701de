//! A member is removed, another takes its leaf, and then a message of the first one arrives. It is
//! attributed to the first one, because it is verified with the key of the epoch in which it was
//! sent.

use crate::proposals::custom;
use crate::world::{World, read, suites};
use pando_mls::{Credential, KeyPackageTemplate, LeafIndex, Processed, Suite};

fn named(name: &'static [u8]) -> impl FnOnce(&mut KeyPackageTemplate) {
    move |template| template.credential = Credential::Basic { identity: name.into() }
}

fn reuse(suite: Suite, leaf: u32) {
    let mut world = World::of(suite, 4);
    let (leaf, owner) = (LeafIndex(leaf), world.at(leaf));
    let old_key = world.tree().signature_key(leaf).unwrap();
    let epoch = world.context().epoch;
    let (late, later) = (world.send(owner, b"late"), world.send(owner, b"later"));
    let remover = (owner + 1) % 4;
    world.remove(remover, owner);
    // Another client takes the same leaf, and has already sent a message.
    let newcomer = world.newcomer_with(named(b"somebody else"));
    let (_, welcome) = world.commit(0, |builder| builder.add(newcomer.key_package()));
    world.enter(newcomer, &welcome.unwrap());
    assert_eq!(world.leaf(3), leaf);
    assert_ne!(world.tree().signature_key(leaf).unwrap(), old_key);
    let new = world.send(3, b"new");

    let (first, second) = (&b"somebody"[..], &b"somebody else"[..]);
    for (message, expected, who, sent_in) in
        [(&late, b"late", first, epoch), (&new, b"new\0", second, epoch + 2)]
    {
        match world.members[0].process(message).unwrap() {
            Processed::Application { sender, credential, epoch, data, .. } => {
                assert_eq!((sender, epoch), (leaf, sent_in));
                assert_eq!(credential, Credential::Basic { identity: who.into() });
                assert!(expected.starts_with(&data));
            }
            other => panic!("not a message: {other:?}"),
        }
    }
    // The result is the same in the other order.
    assert_eq!(read(world.members[1].process(&new)), (leaf, b"new".to_vec()));
    assert_eq!(read(world.members[1].process(&later)), (leaf, b"later".to_vec()));
    // The newcomer itself has no keys of that epoch.
    assert!(world.members[3].process(&late).is_err());
    world.propose(3, custom(0xf001, b""));
    world.commit(3, |builder| builder);
    world.chat(3);
}

#[test]
fn the_former_owner_of_a_leaf_is_still_known_by_its_late_message() {
    for suite in suites() {
        for leaf in [0, 2] {
            reuse(suite, leaf);
        }
    }
}
