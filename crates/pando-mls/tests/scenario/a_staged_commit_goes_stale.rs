//! A member has looked at two Commits of the same epoch, and enters the epoch of one of them. The other cannot be
//! entered any more. A Commit that is only looked at changes nothing.

use crate::world::{World, read, suites};
use pando_mls::{GroupError, LeafIndex, Misuse, Processed, Staged};

fn staged(world: &mut World, index: usize, message: &pando_mls::MlsMessage) -> Box<Staged> {
    match world.members[index].process(message).unwrap() {
        Processed::Commit(staged) => staged,
        other => panic!("not a Commit: {other:?}"),
    }
}

#[test]
fn of_two_staged_commits_one_is_merged() {
    for suite in suites() {
        for reader in [0, 2] {
            let mut world = World::public(suite);
            world.add(0, 3);
            let (a, b) = (1, 3);
            let (first, _) = world.build(a, |builder| builder).unwrap();
            let (second, _) = world.build(b, |builder| builder.remove(LeafIndex(1))).unwrap();
            let epoch = world.context().epoch;
            let [one, other] = [&first, &second].map(|message| staged(&mut world, reader, message));
            assert_eq!(one.public().context().epoch, epoch + 1);
            assert_eq!((one.removed(), other.removed()), (&[][..], &[LeafIndex(1)][..]));
            // Nothing has happened so far.
            let message = world.send(b, b"meanwhile");
            assert_eq!(read(world.members[reader].process(&message)).1, b"meanwhile");
            world.agree();
            world.members[reader].merge(*one);
            let merged = world.members[reader].operate(|group, _| group.merge(*other));
            assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
            for index in (0..4).filter(|index| *index != reader) {
                assert_eq!(world.members[index].follow(&first), index == a);
            }
            world.agree();
            world.chat(reader);
        }
    }
}
