//! Logs of random entries, cut into random pages.

use crate::fixture::{Server, flip, key, keys};
use pando_api::{EntryKind, LogCursor, LogPage};
use proptest::prelude::*;

/// A message that the server appends, after a pause. The server may be restored before.
#[derive(Debug, Clone)]
struct Appended {
    kind: EntryKind,
    epoch: u64,
    pause: u64,
    message: Vec<u8>,
    is_restored_before: bool,
}

fn appended() -> impl Strategy<Value = Appended> {
    let kind = prop::sample::select(vec![EntryKind::Commit, EntryKind::Proposal, EntryKind::Application]);
    let message = prop::collection::vec(any::<u8>(), 0..70);
    (kind, any::<u64>(), 0..3_u64, message, prop::bool::weighted(0.1)).prop_map(
        |(kind, epoch, pause, message, is_restored_before)| Appended {
            kind,
            epoch,
            pause,
            message,
            is_restored_before,
        },
    )
}

fn server_of(history: &[Appended]) -> Server {
    let mut server = Server::with_entries(1);
    for Appended { kind, epoch, pause, message, is_restored_before } in history {
        if *is_restored_before {
            server.incarnation += 1;
        }
        server.time += pause;
        server.append(*kind, *epoch, message);
    }
    server
}

/// Returns the pages of a log from `start` on, which have these numbers of entries, and the rest.
fn cut(server: &Server, start: u64, sizes: &[usize]) -> Vec<LogPage> {
    let (mut pages, mut after) = (Vec::new(), start);
    for size in sizes.iter().copied().chain([usize::MAX, 0]) {
        let page = server.page(after, size);
        after += page.entries.len() as u64;
        pages.push(page);
    }
    pages
}

fn read(start: u64, server: &Server, pages: &[LogPage]) -> Result<LogCursor, pando_api::LogError> {
    let reader = LogCursor::before(server.log.clone(), start + 1);
    pages.iter().try_fold(reader, |reader, page| reader.advance(page, &keys()))
}

/// Changes one field of a page. The field `end` is left out, because only a server that hides a
/// removal from the reader would change it, and nothing binds the server there.
fn alter(page: &mut LogPage, field: usize, bit: usize) {
    let LogPage { previous, entries, head: signed, .. } = page;
    let entry_count = entries.len();
    let changed = |number: u64| number ^ 1 << (bit % 64);
    if field < 7 || entry_count == 0 {
        let head = &mut signed.head;
        match field % 7 {
            0 if !previous.is_empty() => *previous = flip(previous, bit).into(),
            0 => *previous = (&[7; 32]).into(),
            1 => head.incarnation = changed(head.incarnation),
            2 => head.seq = changed(head.seq),
            3 => head.time = changed(head.time),
            4 => {
                let hash: [u8; 32] = flip(head.hash.as_ref(), bit).try_into().unwrap();
                head.hash = hash.into();
            }
            5 => signed.key_id = key(2).public().id(),
            _ => signed.signature = flip(&signed.signature, bit).into(),
        }
        return;
    }
    let entry = &mut entries[bit % entry_count];
    match field {
        7 => entry.incarnation = changed(entry.incarnation),
        8 => entry.seq = changed(entry.seq),
        9 => entry.time = changed(entry.time),
        10 => entry.epoch = changed(entry.epoch),
        11 => {
            entry.kind = match entry.kind {
                EntryKind::Commit => EntryKind::Proposal,
                _ => EntryKind::Commit,
            };
        }
        12 if !entry.message.is_empty() => entry.message = flip(&entry.message, bit).into(),
        12 => entry.message = b"m".into(),
        _ => drop(entries.remove(bit % entry_count)),
    }
}

proptest! {
    #[test]
    fn any_log_is_accepted_in_any_pages(
        history in prop::collection::vec(appended(), 0..12),
        sizes in prop::collection::vec(0_usize..4, 0..8),
        start in 0_u64..12,
    ) {
        let server = server_of(&history);
        let start = start % (server.entries.len() as u64 + 1);
        // A reader of the whole log always gets an entry, because the log has the creation.
        let sizes: Vec<_> = sizes.into_iter().map(|size| if start == 0 { size.max(1) } else { size }).collect();
        let reached = read(start, &server, &cut(&server, start, &sizes)).unwrap();
        prop_assert_eq!(reached, server.reader_at(server.entries.len() as u64));
    }

    #[test]
    fn any_altered_field_is_refused(
        history in prop::collection::vec(appended(), 0..12),
        sizes in prop::collection::vec(1_usize..4, 0..8),
        start in 0_u64..12,
        page in any::<prop::sample::Index>(),
        field in 0_usize..14,
        bit in any::<u16>(),
    ) {
        let server = server_of(&history);
        let start = start % server.entries.len() as u64;
        let mut pages = cut(&server, start, &sizes);
        let page = page.index(pages.len());
        alter(&mut pages[page], field, bit.into());
        prop_assert!(read(start, &server, &pages).is_err());
        // The pages before are accepted.
        prop_assert!(read(start, &server, &pages[..page]).is_ok());
    }
}
