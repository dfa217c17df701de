//! Readers accept only pages that continue the log from the place that they have reached.

use crate::fixture::{Server, keys, log_id};
use pando_api::{Digest, EntryKind, LogCursor, LogError, LogPage};
use pando_mls::Opaque;

/// Returns the error of a page with the entries 4 to 6, which was altered, for a reader that has
/// read the entries 1 to 3.
fn refused(alter: impl FnOnce(&mut LogPage)) -> LogError {
    let server = Server::with_entries(8);
    let mut page = server.page(3, 3);
    alter(&mut page);
    let reader = server.reader_at(3);
    let before = reader.clone();
    let error = reader.advance(&page, &keys()).unwrap_err();
    assert_eq!(reader, before);
    error
}

#[test]
fn pages_that_continue_the_log_are_accepted() {
    let server = Server::with_entries(8);
    let mut reader = LogCursor::before(log_id(), 1);
    assert_eq!((reader.seq(), reader.incarnation(), reader.hash()), (0, 0, None));
    assert_eq!(reader.signed_head(), None);
    for (after, count, reached) in [(0, 1, 1), (1, 4, 5), (5, 3, 8), (8, 3, 8)] {
        reader = reader.advance(&server.page(after, count), &keys()).unwrap();
        let hash = server.hashes[reached as usize - 1];
        assert_eq!((reader.seq(), reader.incarnation(), reader.hash()), (reached, 1, Some(hash)));
        assert_eq!(reader.signed_head(), Some(&server.head(reached)));
    }
    assert_eq!(reader.log(), &log_id());
}

#[test]
fn an_altered_entry_is_refused() {
    for at in 0..3 {
        assert_eq!(refused(|page| page.entries[at].message = b"other".into()), LogError::Head(6));
        assert_eq!(refused(|page| page.entries[at].message = Opaque::default()), LogError::Head(6));
        assert_eq!(refused(|page| page.entries[at].kind = EntryKind::Proposal), LogError::Head(6));
        assert_eq!(refused(|page| page.entries[at].epoch += 1), LogError::Head(6));
        // Within the times of the entries around.
        assert_eq!(refused(|page| page.entries[at].time += 1), LogError::Head(6));
        assert_eq!(refused(|page| page.entries[at].time -= 1), LogError::Head(6));
    }
    let raise = |page: &mut LogPage| page.entries.iter_mut().for_each(|entry| entry.incarnation += 1);
    assert_eq!(refused(raise), LogError::Head(6));
}

#[test]
fn gaps_and_another_order_are_refused() {
    let gap = |after, found| LogError::Gap { after, found };
    assert_eq!(refused(|page| drop(page.entries.remove(0))), gap(3, 5));
    assert_eq!(refused(|page| drop(page.entries.remove(1))), gap(4, 6));
    // The last entry is withheld, and the head still covers it.
    assert_eq!(refused(|page| drop(page.entries.pop())), LogError::Head(6));
    assert_eq!(refused(|page| page.entries.swap(0, 1)), gap(3, 5));
    assert_eq!(refused(|page| page.entries.insert(1, page.entries[0].clone())), gap(4, 4));
    assert_eq!(refused(|page| page.entries[1].seq = u64::MAX), gap(4, u64::MAX));
    assert_eq!(refused(|page| page.entries[1].seq = 0), gap(4, 0));
    // Renumbered entries are other entries.
    let renumber = |page: &mut LogPage| {
        page.entries.remove(0);
        page.entries.iter_mut().for_each(|entry| entry.seq -= 1);
    };
    assert_eq!(refused(renumber), LogError::Head(6));
}

#[test]
fn a_page_for_another_place_is_refused() {
    let server = Server::with_entries(8);
    for (after, error) in
        [(1, LogError::Chain(3)), (2, LogError::Chain(3)), (4, LogError::Chain(3)), (0, LogError::Chain(3))]
    {
        assert_eq!(server.reader_at(3).advance(&server.page(after, 3), &keys()), Err(error));
    }
    let first = server.reader_at(0).advance(&server.page(3, 3), &keys());
    assert_eq!(first, Err(LogError::Chain(0)));
    assert_eq!(refused(|page| page.previous = Opaque::default()), LogError::Chain(3));
    assert_eq!(refused(|page| page.previous = page.previous[1..].into()), LogError::Chain(3));
    assert_eq!(refused(|page| page.previous = Digest::of(b"").as_ref().into()), LogError::Chain(3));
}

/// Times and incarnations never decrease, even if the server signs such a log.
#[test]
fn a_log_that_goes_back_is_refused() {
    let mut server = Server::with_entries(4);
    server.restore(4);
    server.append(EntryKind::Application, 1, b"later");
    let mut earlier = server.clone();
    earlier.time -= 11;
    earlier.append(EntryKind::Application, 1, b"earlier");
    assert_eq!(earlier.reader_at(5).advance(&earlier.page(5, 1), &keys()), Err(LogError::Time(6)));
    server.incarnation = 1;
    server.append(EntryKind::Application, 1, b"in the incarnation before");
    assert_eq!(server.reader_at(5).advance(&server.page(5, 1), &keys()), Err(LogError::Incarnation(6)));
    // Within one page, too.
    let reader = LogCursor::before(log_id(), 1);
    assert_eq!(reader.advance(&server.page(0, 6), &keys()), Err(LogError::Incarnation(6)));
    assert_eq!(reader.advance(&earlier.page(0, 6), &keys()), Err(LogError::Time(6)));
    // The same time is allowed.
    let mut same = Server::with_entries(4);
    same.time -= 10;
    same.append(EntryKind::Application, 1, b"at the same time");
    assert_eq!(same.reader_at(5).seq(), 5);
}

#[test]
fn a_page_of_another_log_is_refused() {
    for other in [
        pando_api::LogId { domain: "example.com".parse().unwrap(), ..log_id() },
        pando_api::LogId { group_id: "another of 16 by".into(), ..log_id() },
    ] {
        let mut server = Server::new();
        server.log = other;
        server.append(EntryKind::Creation, 0, b"group");
        let refused = LogCursor::before(log_id(), 1).advance(&server.page(0, 1), &keys());
        assert_eq!(refused, Err(LogError::OtherLog));
    }
    // The entries are of another log, and the head is of this one.
    let (server, mut other) = (Server::with_entries(3), Server::new());
    other.log.group_id = "another of 16 by".into();
    other.append(EntryKind::Creation, 0, b"group");
    let page = LogPage { entries: other.page(0, 1).entries, ..server.page(0, 1) };
    assert_eq!(server.reader_at(0).advance(&page, &keys()), Err(LogError::Head(1)));
}

#[test]
fn a_head_of_another_entry_is_refused() {
    let server = Server::with_entries(8);
    for seq in [1, 3, 5, 7, 8] {
        assert_eq!(refused(|page| page.head = server.head(seq)), LogError::Head(seq));
    }
    // The server signs another time, incarnation or hash than that of the last entry.
    let sign = |alter: fn(&mut pando_api::Head)| {
        let mut head = server.unsigned_head(6);
        alter(&mut head);
        refused(|page| page.head = head.sign(&crate::fixture::key(1)).unwrap())
    };
    assert_eq!(sign(|head| head.time += 1), LogError::Head(6));
    assert_eq!(sign(|head| head.incarnation += 1), LogError::Head(6));
    assert_eq!(sign(|head| head.hash = Digest::of(b"other")), LogError::Head(6));
    assert_eq!(sign(|head| head.seq += 1), LogError::Head(7));
}

#[test]
fn an_empty_page_is_about_the_place_of_the_reader() {
    let server = Server::with_entries(5);
    let reader = server.reader_at(5);
    assert_eq!(reader.advance(&server.page(5, 9), &keys()), Ok(reader.clone()));
    for seq in 1..5 {
        let page = LogPage { head: server.head(seq), ..server.page(5, 9) };
        assert_eq!(reader.advance(&page, &keys()), Err(LogError::Head(seq)));
    }
    let mut later = server.unsigned_head(5);
    later.time += 1;
    let page = LogPage { head: later.sign(&crate::fixture::key(1)).unwrap(), ..server.page(5, 9) };
    assert_eq!(reader.advance(&page, &keys()), Err(LogError::Head(5)));
    // A log without entries does not exist, so a reader of the whole log gets no empty page.
    let page = LogPage { previous: Opaque::default(), entries: vec![], head: server.head(1), end: 0 };
    assert_eq!(server.reader_at(0).advance(&page, &keys()), Err(LogError::Head(1)));
}

/// A joiner reads from the Commit that added it. It takes the hash of the entry before from the
/// server, and from then on the chain binds the server.
#[test]
fn a_joiner_begins_in_the_middle() {
    let server = Server::with_entries(8);
    let joiner = LogCursor::before(log_id(), 5);
    assert_eq!((joiner.seq(), joiner.hash()), (4, None));
    let empty = joiner.advance(&server.page(4, 0), &keys()).unwrap();
    let expected = (4, 1, Some(server.hashes[3]));
    assert_eq!((empty.seq(), empty.incarnation(), empty.hash()), expected);
    for reader in [&joiner, &empty] {
        let reached = reader.advance(&server.page(4, 2), &keys()).unwrap();
        assert_eq!(reached, server.reader_at(6));
        assert_eq!(reached.advance(&server.page(6, 2), &keys()), Ok(server.reader_at(8)));
    }
    // The first page of another place.
    let gap = joiner.advance(&server.page(5, 2), &keys());
    assert_eq!(gap, Err(LogError::Gap { after: 4, found: 6 }));
    assert_eq!(joiner.advance(&server.page(3, 0), &keys()), Err(LogError::Head(3)));
    assert_eq!(joiner.advance(&server.page(0, 2), &keys()), Err(LogError::Chain(4)));
    // Another hash of the entry before, which does not lead to the signed head.
    let other = LogPage { previous: server.previous(3), ..server.page(4, 2) };
    assert_eq!(joiner.advance(&other, &keys()), Err(LogError::Head(6)));
    let other = LogPage { previous: server.previous(3), ..server.page(4, 0) };
    assert_eq!(joiner.advance(&other, &keys()), Err(LogError::Head(4)));
    for bytes in [&[7; 31][..], &[7; 33], &[7]] {
        let malformed = LogPage { previous: bytes.into(), ..server.page(4, 2) };
        assert_eq!(joiner.advance(&malformed, &keys()), Err(LogError::Chain(4)));
    }
    // A log that changes behind the joiner.
    let mut forked = server.clone();
    forked.entries.truncate(4);
    forked.hashes.truncate(4);
    forked.append(EntryKind::Commit, 2, b"another Commit");
    forked.append(EntryKind::Commit, 3, b"and a further one");
    let reached = joiner.advance(&server.page(4, 1), &keys()).unwrap();
    assert_eq!(reached.advance(&forked.page(5, 1), &keys()), Err(LogError::Chain(5)));
}

/// The places 0 and 1 are the same: before the first entry.
#[test]
fn a_reader_of_the_whole_log_begins_before_the_first_entry() {
    assert_eq!(LogCursor::before(log_id(), 0), LogCursor::before(log_id(), 1));
    // The last sequence number cannot be followed by another.
    let server = Server::with_entries(1);
    let last = LogCursor::before(log_id(), u64::MAX);
    assert!(last.advance(&LogPage { previous: server.previous(1), ..server.page(0, 1) }, &keys()).is_err());
}
