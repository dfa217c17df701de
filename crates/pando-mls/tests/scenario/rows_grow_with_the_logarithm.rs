//! The number of rows that a Commit writes grows with the logarithm of the group's size. The number
//! of rows that a message writes does not grow in this way, except for a sender's first message in
//! an epoch.

use crate::group_fixture::{GroupFixture, Newcomer, client, over_the_wire, suite, template};
use pando_mls::{Delta, LeafIndex, Processed, Suite};

fn rows(delta: &Delta) -> usize {
    delta.writes().count() + delta.deletes().count()
}

fn bytes(delta: &Delta) -> usize {
    delta.writes().map(|(key, row)| key.to_bytes().len() + row.len()).sum()
}

/// Returns a group with `members` members. Only the clients at leaf 0 and at the last leaf are
/// simulated.
fn large(suite: Suite, members: usize) -> GroupFixture {
    let mut fixture = GroupFixture::new(suite);
    let crowd: Vec<_> = (0..members - 2).map(|_| fixture.newcomer()).collect();
    let last = fixture.newcomer();
    let (_, welcome) = fixture.commit(0, |builder| {
        let all = crowd.iter().chain([&last]);
        all.fold(builder, |builder, newcomer| builder.add(newcomer.bundle.key_package.clone()))
    });
    fixture.members.push(last.join(&welcome.unwrap(), None, fixture.config).unwrap());
    fixture.agree();
    fixture
}

#[test]
fn rows_grow_with_the_logarithm() {
    for (level, number) in (2..=9).flat_map(|level| [1, 3].map(|number| (level, number))) {
        let mut fixture = large(suite(number), 1 << level);
        let newcomer = Newcomer::new(fixture.suite, template(), &mut fixture.rng);
        let victim = LeafIndex(1);
        for what in ["update", "remove", "add"] {
            let (commit, _) = fixture
                .build(0, |builder| match what {
                    "update" => builder,
                    "remove" => builder.remove(victim),
                    _ => builder.add(newcomer.bundle.key_package.clone()),
                })
                .unwrap();
            let receiver = &mut fixture.members[1];
            let cx = client(&*receiver.signer);
            let processed = receiver.group.process(over_the_wire(&commit), &cx).unwrap().assume_persisted();
            let Processed::Commit(staged) = processed else { panic!("not a Commit") };
            let (_, delta) = receiver.group.merge(*staged).unwrap().into_parts();
            // The bound covers the nodes of a path, an old and a new key in the index for each of
            // them, and some private keys. The bound also covers a constant number of other rows,
            // such as the group's state.
            assert!(rows(&delta) <= 4 * level + 19, "{what} at {level}: {} rows", rows(&delta));
            assert!(bytes(&delta) <= 250 * level + 1_800, "{what} at {level}: {} bytes", bytes(&delta));
            delta.apply(&mut receiver.rows).unwrap();
            fixture.members[0].merge_pending();
            fixture.agree();
        }
        // Check the first message of a sender in an epoch, and the next one.
        for (number, limit) in [level + 5, 2].into_iter().enumerate() {
            let message = fixture.send(0, b"hello");
            let receiver = &mut fixture.members[1];
            let cx = client(&*receiver.signer);
            let (_, delta) = receiver.group.process(message, &cx).unwrap().into_parts();
            assert!(rows(&delta) <= limit, "message {number} at {level}: {} rows", rows(&delta));
            delta.apply(&mut receiver.rows).unwrap();
        }
        fixture.agree();
    }
}
