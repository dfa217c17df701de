//! A server whose data is restored from a backup: readers go on if the backup has their last entry.

use crate::fixture::{Server, key, keys};
use pando_api::{EntryKind, Equivocation, LogError};

/// Returns a server with five entries, and the same server after a restore of the first `kept` ones
/// and three other messages.
fn restored(kept: usize) -> (Server, Server) {
    let before = Server::with_entries(5);
    let mut after = before.clone();
    after.restore(kept);
    for message in ["a", "b", "c"] {
        after.append(EntryKind::Application, 9, message.as_bytes());
    }
    (before, after)
}

#[test]
fn a_reader_whose_last_entry_is_in_the_backup_goes_on() {
    for kept in 1..=5 {
        let (before, after) = restored(kept);
        for read in 0..=kept as u64 {
            let reader = before.reader_at(read);
            let reached = reader.advance(&after.page(read, 100), &keys()).unwrap();
            assert_eq!((reached.seq(), reached.incarnation()), (kept as u64 + 3, 2));
            assert_eq!(reached, after.reader_at(kept as u64 + 3));
        }
        // Before there is a new entry, the head is that of the old incarnation.
        let mut quiet = before.clone();
        quiet.restore(kept);
        let reader = before.reader_at(kept as u64);
        assert_eq!(reader.advance(&quiet.page(kept as u64, 1), &keys()), Ok(reader.clone()));
    }
}

#[test]
fn a_reader_whose_last_entry_is_lost_gets_no_page() {
    for kept in 1..5 {
        let (before, after) = restored(kept);
        for read in kept as u64 + 1..=5 {
            if read > after.entries.len() as u64 {
                continue;
            }
            let reader = before.reader_at(read);
            let lost = reader.advance(&after.page(read, 100), &keys());
            assert_eq!(lost, Err(LogError::Chain(read)));
        }
    }
}

/// An honest server that was restored does not look like a server that shows two logs, because the
/// incarnation has risen. A server that keeps the incarnation does.
#[test]
fn a_restore_is_no_equivocation_if_the_incarnation_rises() {
    let (before, after) = restored(3);
    for seq in 1..=5 {
        assert_eq!(Equivocation::between(&before.head(seq), &after.head(seq)), None);
    }
    let mut dishonest = before.clone();
    dishonest.restore(3);
    dishonest.incarnation = 1;
    dishonest.append(EntryKind::Application, 9, b"other");
    let evidence = Equivocation::between(&before.head(4), &dishonest.head(4)).unwrap();
    assert_eq!(evidence.verify(&[key(1).public()].into_iter().collect()), Ok(true));
}
