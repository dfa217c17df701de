//! A committer gives the server a GroupInfo of the next epoch, and a client joins with it as soon
//! as the Commit is accepted.

use crate::world::{World, client, fast_suites};

#[test]
fn the_next_epoch_is_published() {
    for suite in fast_suites() {
        let mut world = World::public(suite);
        world.add(0, 2);
        for by in [0, 1] {
            let newcomer = world.newcomer();
            let member = &mut world.members[by];
            let output = member
                .group
                .commit()
                .with_group_info()
                .build(&client(&*member.signer), &mut world.rng)
                .unwrap()
                .persist_to(&mut member.rows)
                .unwrap();
            let group_info = output.group_info.unwrap();
            world.deliver_commit(by, &output.message);
            assert_eq!(group_info.group_context, *world.members[0].group.public().context());
            // The tree comes from the server.
            let tree = world.members[2].group.public().tree().export().unwrap();
            let (joined, message) = world.external(newcomer, &group_info, Some(&tree), None, vec![]).unwrap();
            world.deliver_commit(usize::MAX, &message);
            world.members.push(joined);
            world.agree();
            world.chat(by);
        }
    }
}
