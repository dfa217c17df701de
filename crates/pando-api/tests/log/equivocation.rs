//! Two signed heads that contradict each other are evidence against a server.

use crate::fixture::{Server, flip, key, keys};
use pando_api::{Digest, EntryKind, Equivocation, Head, HeadError, LogError, SignedHead};
use pando_wire::{Decode, Encode};

fn head(alter: impl FnOnce(&mut Head)) -> SignedHead {
    let mut head = Server::with_entries(5).unsigned_head(4);
    alter(&mut head);
    head.sign(&key(1)).unwrap()
}

#[test]
fn heads_of_one_place_that_differ_are_evidence() {
    for other in [head(|head| head.hash = Digest::of(b"other")), head(|head| head.time += 1)] {
        let one = head(|_| {});
        for (one, other) in [(&one, &other), (&other, &one)] {
            let evidence = Equivocation::between(one, other).unwrap();
            assert_eq!(evidence.heads(), (one, other));
            let sent = Equivocation::decode(&evidence.encode().unwrap()).unwrap();
            assert_eq!(sent, evidence);
            assert_eq!(sent.verify(&keys()), Ok(true));
        }
    }
}

#[test]
fn heads_that_agree_are_no_evidence() {
    let one = head(|_| {});
    for other in [
        one.clone(),
        head(|head| head.domain = "example.com".parse().unwrap()),
        head(|head| head.group_id = "another of 16 by".into()),
        head(|head| (head.incarnation, head.hash) = (2, Digest::of(b"other"))),
        head(|head| (head.seq, head.hash) = (5, Digest::of(b"other"))),
    ] {
        assert_eq!(Equivocation::between(&one, &other), None);
        // Bytes that claim to be evidence.
        let bytes = [one.encode().unwrap(), other.encode().unwrap()].concat();
        assert_eq!(Equivocation::decode(&bytes).unwrap().verify(&keys()), Ok(false));
    }
    // Two keys of one server may sign the same head.
    let other = one.head.clone().sign(&key(2)).unwrap();
    assert_eq!(Equivocation::between(&one, &other), None);
}

/// Heads that the server has not signed do not accuse the server.
#[test]
fn evidence_needs_two_signatures_of_the_server() {
    let one = head(|_| {});
    let contradicting = head(|head| head.time += 1);
    let by_another_key = contradicting.head.clone().sign(&key(2)).unwrap();
    let forged = SignedHead { signature: flip(&contradicting.signature, 9).into(), ..contradicting };
    for (other, error) in
        [(by_another_key, HeadError::UnknownKey(key(2).public().id())), (forged, HeadError::Signature)]
    {
        for (one, other) in [(&one, &other), (&other, &one)] {
            let evidence = Equivocation::between(one, other).unwrap();
            assert_eq!(evidence.verify(&keys()), Err(error.clone()));
        }
    }
}

/// A reader that meets a fork has its half of the evidence: the head of the last page it has read.
#[test]
fn a_reader_of_a_fork_has_the_evidence() {
    let shared = Server::with_entries(3);
    let (mut ours, mut theirs) = (shared.clone(), shared);
    ours.append(EntryKind::Commit, 1, b"ours");
    theirs.append(EntryKind::Commit, 1, b"theirs");
    theirs.append(EntryKind::Application, 2, b"message");
    let reader = ours.reader_at(4);
    assert_eq!(reader.advance(&theirs.page(4, 1), &keys()), Err(LogError::Chain(4)));
    // Another member has the other head.
    let met = theirs.reader_at(4).signed_head().cloned().unwrap();
    let evidence = Equivocation::between(reader.signed_head().unwrap(), &met).unwrap();
    assert_eq!(evidence.verify(&keys()), Ok(true));
}
