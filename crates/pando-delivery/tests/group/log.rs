//! Reading the log.

use crate::fixture::{Device, World, code};
use pando_api::{LogCursor, ProblemCode};
use pando_mls::{CommitBuilder, LeafIndex};
use std::collections::BTreeMap;

#[test]
fn a_member_reads_from_its_join_to_its_removal() {
    let (mut world, mut alice, mut bob, mut carol) = World::with_three();
    let stranger = world.device("mallory@example.org/phone", 1);
    for text in ["one", "two"] {
        let message = world.encrypt(&mut bob, text);
        world.send(&bob.caller, &message).unwrap();
    }
    let commit = world.build_commit(&mut alice, None, |commit| commit.remove(LeafIndex(2)));
    world.submit(&alice.caller, &commit).unwrap();
    for member in [&mut alice, &mut bob, &mut carol] {
        world.follow(member, 2);
    }
    assert!(!carol.group().is_active());
    let message = world.encrypt(&mut bob, "without Carol");
    world.send(&bob.caller, &message).unwrap();

    let seqs = |world: &World, caller, after| {
        let page = world.page(caller, after, usize::MAX)?;
        Ok::<_, pando_delivery::Refusal>((
            page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
            page.end,
        ))
    };
    assert_eq!(seqs(&world, &alice.caller, 0).unwrap(), ([1, 2, 3, 4, 5, 6].into(), 0));
    assert_eq!(seqs(&world, &bob.caller, 0).unwrap(), ([2, 3, 4, 5, 6].into(), 0), "from the join");
    assert_eq!(seqs(&world, &carol.caller, 0).unwrap(), ([2, 3, 4, 5].into(), 5), "to the removal");
    assert_eq!(seqs(&world, &carol.caller, 4).unwrap(), ([5].into(), 5));
    assert_eq!(code(seqs(&world, &carol.caller, 5)), ProblemCode::NotFound);
    assert_eq!(code(seqs(&world, &stranger.caller, 0)), ProblemCode::NotFound);
    let message = world.encrypt(&mut bob, "again");
    assert_eq!(code(world.send(&carol.caller, &message)), ProblemCode::NotFound);
    assert_eq!(code(world.send(&stranger.caller, &message)), ProblemCode::NotFound);
}

#[test]
fn pages_of_any_size_chain() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    for round in 0..5 {
        let message = world.encrypt(&mut bob, &"x".repeat(round * 100));
        world.send(&bob.caller, &message).unwrap();
        world.now += 10;
    }
    // A clock that is set back does not set the times of the log back.
    world.now -= 40;
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).unwrap();
    for bytes in [1, 300, 1_000, usize::MAX] {
        let mut cursor = LogCursor::before(world.log(), 2);
        let mut rounds = 0;
        loop {
            let page = world.page(&bob.caller, cursor.seq(), bytes).unwrap();
            let is_end = page.entries.is_empty();
            cursor = cursor.advance(&page, &world.keys).unwrap();
            if is_end {
                break;
            }
            rounds += 1;
        }
        assert_eq!(cursor.seq(), 8, "{rounds} pages of {bytes} bytes");
        assert!(bytes != 1 || rounds == 7, "{rounds} pages of one entry");
    }
}

#[test]
fn a_reader_ahead_of_the_log_notices() {
    let (world, _, bob, _) = World::with_three();
    let mut cursor = LogCursor::before(world.log(), 2);
    cursor = cursor.advance(&world.page(&bob.caller, 1, usize::MAX).unwrap(), &world.keys).unwrap();
    // The server answers with the end of its log, which is not what the reader has.
    let page = world.page(&bob.caller, cursor.seq() + 5, usize::MAX).unwrap();
    assert!(page.entries.is_empty());
    let ahead = LogCursor::before(world.log(), cursor.seq() + 6);
    assert!(ahead.advance(&page, &world.keys).is_err());
}

/// A message adds two rows and rewrites one, however many members the group has.
#[test]
fn a_message_writes_the_same_rows_in_a_larger_group() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let growth = |world: &mut World, sender: &mut Device| {
        let before = world.rows();
        let message = world.encrypt(sender, "hello");
        world.send(&sender.caller, &message).unwrap();
        let after = world.rows();
        let added = after.keys().filter(|key| !before.contains_key(*key)).count();
        let rewritten = before.iter().filter(|(key, row)| after[*key] != **row).count();
        assert!(before.keys().all(|key| after.contains_key(key)), "no row is deleted");
        let bytes = |rows: &BTreeMap<Vec<u8>, Vec<u8>>| {
            rows.iter().map(|(key, row)| key.len() + row.len()).sum::<usize>()
        };
        (added, rewritten, bytes(&after) - bytes(&before))
    };
    let small = growth(&mut world, &mut bob);
    assert_eq!((small.0, small.1), (2, 1));
    let mut others: Vec<_> =
        (0..20).map(|number| world.device(&format!("user{number}@example.org/phone"), 1)).collect();
    let key_packages = world.key_packages(&mut others.iter_mut().collect::<Vec<_>>());
    let commit = world
        .build_commit(&mut alice, None, |commit| key_packages.into_iter().fold(commit, CommitBuilder::add));
    world.submit(&alice.caller, &commit).unwrap();
    world.follow(&mut bob, 3);
    assert_eq!(growth(&mut world, &mut bob), small);
}
