//! One Commit adds, removes and updates members, by value and by reference.

use crate::proposals::{add, remove};
use crate::world::{World, external_psk, fast_suites, suites};
use pando_mls::LeafIndex;

#[test]
fn a_commit_adds_and_removes_at_once() {
    for suite in suites() {
        let mut world = World::of(suite, 6);
        let newcomer = world.newcomer();
        let (a, b) = (LeafIndex(1), LeafIndex(4));
        let (_, welcome) = world.commit(3, |builder| builder.remove(a).add(newcomer.key_package()).remove(b));
        assert_eq!(world.members.len(), 4);
        world.enter(newcomer, &welcome.unwrap());
        // The newcomer has the leaf of the first member that was removed.
        assert_eq!(world.leaf(4), a);
        world.chat(0);
    }
}

#[test]
fn a_commit_adds_removes_and_updates_at_once() {
    for suite in fast_suites() {
        for committer in [0, 3] {
            let mut world = World::of(suite, 6);
            let (one, other) = (world.newcomer(), world.newcomer());
            let proposer = 3 - committer;
            let key = |world: &World| world.tree().leaf(LeafIndex(2)).unwrap().unwrap().encryption_key;
            let before = key(&world);
            world.propose_update(2);
            world.propose(proposer, remove(1));
            world.propose(proposer, add(one.key_package()));
            let (_, welcome) = world.commit(committer, |builder| {
                builder.remove(LeafIndex(4)).add(other.key_package()).psk(external_psk(1))
            });
            assert_eq!(world.members.len(), 4);
            assert_ne!(key(&world), before);
            let welcome = welcome.unwrap();
            world.enter(one, &welcome);
            world.enter(other, &welcome);
            let leaves: Vec<_> = world.members.iter().map(|member| member.leaf().0).collect();
            assert_eq!(leaves, [0, 2, 3, 5, 1, 4]);
            world.chat(0);
            world.chat(5);
            world.commit(1, |builder| builder);
            world.commit(5, |builder| builder);
        }
    }
}
