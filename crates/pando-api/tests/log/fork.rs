//! A signed head, and the entries up to a later head of another log, are evidence against a server.

use crate::fixture::{Server, flip, key, keys};
use pando_api::{Digest, EntryKind, EntrySummary, ForkEvidence, Head, HeadError, LogEntry, SignedHead};
use pando_mls::Opaque;
use pando_wire::{Decode, Encode};

fn summary(entry: &LogEntry) -> EntrySummary {
    let LogEntry { incarnation, seq, time, kind, epoch, .. } = *entry;
    EntrySummary { incarnation, seq, time, kind, epoch, digest: Digest::of(&entry.message) }
}

/// Returns what a reader of `other` states about a head: the entries from the place of the head to
/// `later`.
fn statement(head: SignedHead, other: &Server, later: u64) -> ForkEvidence {
    let first = head.head.seq;
    let entries = other.entries.iter().filter(|entry| (first..=later).contains(&entry.seq));
    ForkEvidence {
        previous: other.previous(first - 1),
        entries: entries.map(summary).collect(),
        later: other.head(later),
        head,
    }
}

/// Returns two logs that differ from the entry 4 on.
fn fork() -> (Server, Server) {
    let shared = Server::with_entries(3);
    let (mut ours, mut theirs) = (shared.clone(), shared);
    for number in 0..4 {
        ours.append(EntryKind::Application, 1, format!("ours {number}").as_bytes());
        theirs.append(EntryKind::Application, 1, format!("theirs {number}").as_bytes());
    }
    (ours, theirs)
}

fn evidence() -> ForkEvidence {
    let (ours, theirs) = fork();
    statement(theirs.head(4), &ours, 7)
}

#[test]
fn a_head_of_another_log_is_evidence() {
    let (ours, theirs) = fork();
    for later in 4..=7 {
        for seq in 4..=later {
            for (head, log) in [(theirs.head(seq), &ours), (ours.head(seq), &theirs)] {
                let evidence = statement(head, log, later);
                let sent = ForkEvidence::decode(&evidence.encode().unwrap()).unwrap();
                assert_eq!(sent, evidence);
                assert_eq!(sent.verify(&keys()), Ok(true), "{seq} to {later}");
            }
        }
    }
}

#[test]
fn a_log_that_differs_from_the_beginning_is_evidence() {
    let (mut ours, mut theirs) = (Server::new(), Server::new());
    ours.append(EntryKind::Creation, 0, b"ours");
    theirs.append(EntryKind::Creation, 0, b"theirs");
    ours.append(EntryKind::Application, 0, b"message");
    assert_eq!(statement(theirs.head(1), &ours, 2).verify(&keys()), Ok(true));
}

/// The time is in the head besides the hash.
#[test]
fn a_head_with_another_time_is_evidence() {
    let server = Server::with_entries(5);
    let mut head = server.unsigned_head(3);
    head.time += 1;
    let evidence = statement(head.sign(&key(1)).unwrap(), &server, 5);
    assert_eq!(evidence.verify(&keys()), Ok(true));
}

#[test]
fn an_honest_log_proves_nothing() {
    let mut server = Server::with_entries(4);
    server.restore(4);
    server.append(EntryKind::Application, 2, b"after the restore");
    server.append(EntryKind::Application, 2, b"later");
    for seq in 1..=6 {
        for later in seq..=6 {
            let evidence = statement(server.head(seq), &server, later);
            assert_eq!(evidence.verify(&keys()), Ok(false), "{seq} to {later}");
        }
    }
}

/// A server that has lost entries gives their numbers to other entries, with a higher incarnation.
#[test]
fn a_restored_log_proves_nothing() {
    let lost = Server::with_entries(6);
    let mut restored = lost.clone();
    restored.restore(4);
    restored.append(EntryKind::Application, 2, b"five");
    restored.append(EntryKind::Application, 2, b"six");
    assert_eq!(statement(lost.head(5), &restored, 6).verify(&keys()), Ok(false));
    assert_eq!(statement(restored.head(5), &lost, 6).verify(&keys()), Ok(false));
}

/// The server has signed neither an altered entry nor another place of it.
#[test]
fn altered_entries_prove_nothing() {
    let (ours, _) = fork();
    let honest = statement(ours.head(4), &ours, 7);
    let alterations: [fn(&mut EntrySummary); 6] = [
        |entry| entry.incarnation += 1,
        |entry| entry.seq += 1,
        |entry| entry.time += 1,
        |entry| entry.kind = EntryKind::Proposal,
        |entry| entry.epoch += 1,
        |entry| entry.digest = Digest::of(b"other"),
    ];
    for alter in alterations {
        for at in 0..honest.entries.len() {
            for evidence in [&honest, &evidence()] {
                let mut altered = evidence.clone();
                alter(&mut altered.entries[at]);
                assert_eq!(altered.verify(&keys()), Ok(false), "{:?}", altered.entries[at]);
            }
        }
    }
    let mut altered = honest.clone();
    altered.previous = flip(&altered.previous, 3).into();
    assert_eq!(altered.verify(&keys()), Ok(false));
    let altered = ForkEvidence { previous: Opaque::default(), ..honest };
    assert_eq!(altered.verify(&keys()), Ok(false));
}

#[test]
fn truncated_entries_prove_nothing() {
    let evidence = evidence();
    for count in 0..evidence.entries.len() {
        let entries = evidence.entries[..count].to_vec();
        let truncated = ForkEvidence { entries, ..evidence.clone() };
        assert_eq!(truncated.verify(&keys()), Ok(false), "the first {count}");
        let entries = evidence.entries[count + 1..].to_vec();
        let truncated = ForkEvidence { entries, ..evidence.clone() };
        assert_eq!(truncated.verify(&keys()), Ok(false), "all after the first {}", count + 1);
    }
    for at in 0..evidence.entries.len() {
        let mut without = evidence.clone();
        without.entries.remove(at);
        assert_eq!(without.verify(&keys()), Ok(false), "without {at}");
        let mut repeated = evidence.clone();
        repeated.entries.insert(at, repeated.entries[at].clone());
        assert_eq!(repeated.verify(&keys()), Ok(false), "{at} repeated");
        let mut swapped = evidence.clone();
        swapped.entries.swap(at, 0);
        assert_eq!(swapped.verify(&keys()), Ok(at == 0), "{at} swapped");
    }
}

#[test]
fn heads_of_other_logs_and_incarnations_prove_nothing() {
    let (ours, theirs) = fork();
    let alterations: [fn(&mut Head); 5] = [
        |head| head.domain = "example.com".parse().unwrap(),
        |head| head.group_id = "another of 16 by".into(),
        |head| head.incarnation += 1,
        |head| head.seq += 1,
        |head| head.seq -= 1,
    ];
    for alter in alterations {
        let mut head = theirs.unsigned_head(4);
        alter(&mut head);
        let mut altered = statement(theirs.head(4), &ours, 7);
        altered.head = head.sign(&key(1)).unwrap();
        assert_eq!(altered.verify(&keys()), Ok(false), "{:?}", altered.head);
    }
    let alterations: [fn(&mut Head); 4] = [
        |head| head.domain = "example.com".parse().unwrap(),
        |head| head.group_id = "another of 16 by".into(),
        |head| head.seq += 1,
        |head| head.hash = Digest::of(b"other"),
    ];
    for alter in alterations {
        let mut later = ours.unsigned_head(7);
        alter(&mut later);
        let later = later.sign(&key(1)).unwrap();
        let altered = ForkEvidence { later, ..statement(theirs.head(4), &ours, 7) };
        assert_eq!(altered.verify(&keys()), Ok(false), "{:?}", altered.later);
    }
}

/// Heads that the server has not signed do not accuse the server.
#[test]
fn evidence_needs_two_signatures_of_the_server() {
    let evidence = evidence();
    let unknown = HeadError::UnknownKey(key(2).public().id());
    for (alter, error) in [
        ((|head| head.head.sign(&key(2)).unwrap()) as fn(SignedHead) -> SignedHead, unknown),
        (|head| SignedHead { signature: flip(&head.signature, 9).into(), ..head }, HeadError::Signature),
    ] {
        let altered = ForkEvidence { head: alter(evidence.head.clone()), ..evidence.clone() };
        assert_eq!(altered.verify(&keys()), Err(error.clone()));
        let altered = ForkEvidence { later: alter(evidence.later.clone()), ..evidence.clone() };
        assert_eq!(altered.verify(&keys()), Err(error));
    }
    let others = [key(2).public()].into_iter().collect();
    assert!(evidence.verify(&others).is_err());
}
