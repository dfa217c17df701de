//! The rows that a Commit writes grow with the logarithm of the group's size. The rows that a
//! message writes do not grow.

use crate::world::{Newcomer, World, client, over_the_wire, suite, template};
use pando_mls::{Delta, LeafIndex, Processed, Suite};

fn rows(delta: &Delta) -> usize {
    delta.writes().count() + delta.deletes().count()
}

fn bytes(delta: &Delta) -> usize {
    delta.writes().map(|(key, row)| key.to_bytes().len() + row.len()).sum()
}

/// Returns a group of `members`. Only the clients at leaf 0 and at the last leaf are run.
fn large(suite: Suite, members: usize) -> World {
    let mut world = World::new(suite);
    let crowd: Vec<_> = (0..members - 2).map(|_| world.newcomer()).collect();
    let last = world.newcomer();
    let (_, welcome) = world.commit(0, |builder| {
        let all = crowd.iter().chain([&last]);
        all.fold(builder, |builder, newcomer| builder.add(newcomer.bundle.key_package.clone()))
    });
    world.members.push(last.join(&welcome.unwrap(), None, world.config).unwrap());
    world.agree();
    world
}

#[test]
fn rows_grow_with_the_logarithm() {
    for (level, number) in (2..=9).flat_map(|level| [1, 3].map(|number| (level, number))) {
        let mut world = large(suite(number), 1 << level);
        let newcomer = Newcomer::new(world.suite, template(), &mut world.rng);
        let victim = LeafIndex(1);
        for what in ["update", "remove", "add"] {
            let (commit, _) = world
                .build(0, |builder| match what {
                    "update" => builder,
                    "remove" => builder.remove(victim),
                    _ => builder.add(newcomer.bundle.key_package.clone()),
                })
                .unwrap();
            let receiver = &mut world.members[1];
            let client = client(&*receiver.signer);
            let processed =
                receiver.group.process(over_the_wire(&commit), &client).unwrap().assume_persisted();
            let Processed::Commit(staged) = processed else { panic!("not a Commit") };
            let (_, delta) = receiver.group.merge(*staged).unwrap().into_parts();
            // The bound covers the nodes of a path, an old and a new key of each in the index, some
            // private keys, and a constant number of rows such as the group's state.
            assert!(rows(&delta) <= 4 * level + 19, "{what} at {level}: {} rows", rows(&delta));
            assert!(bytes(&delta) <= 250 * level + 1_800, "{what} at {level}: {} bytes", bytes(&delta));
            delta.apply(&mut receiver.rows).unwrap();
            world.members[0].merge_pending();
            world.agree();
        }
        // The first message of a sender in an epoch, and the next one.
        for (number, limit) in [level + 5, 2].into_iter().enumerate() {
            let message = world.send(0, b"hello");
            let receiver = &mut world.members[1];
            let client = client(&*receiver.signer);
            let (_, delta) = receiver.group.process(message, &client).unwrap().into_parts();
            assert!(rows(&delta) <= limit, "message {number} at {level}: {} rows", rows(&delta));
            delta.apply(&mut receiver.rows).unwrap();
        }
        world.agree();
    }
}
