//! Tests with pending proposals in a group whose parents have keys. New members become unmerged
//! leaves of these parents, whose lists grow with the number of new members.

use crate::counting::{Work, alone, work};
use crate::groups::{Pair, adds, client, newcomers, unchanged};
use crate::grows_with_the_input;
use pando_mls::{CommitBuilder, Encode, Extensions, LeafIndex, Processed, Proposal, Psk};
use pando_wire::{PreSharedKey, PreSharedKeyId, Remove, ResumptionPskUsage};

const SIZES: [u32; 3] = [128, 512, 2_048];

/// Returns the cost of creating a Commit.
fn built(pair: &mut Pair, own: Vec<Proposal>, expected: u32) -> Work {
    let cx = client(&*pair.signers[0]);
    let builder = own.into_iter().fold(pair.groups[0].commit(), CommitBuilder::proposal);
    let (cost, output) = work(|| builder.without_path().build(&cx, &mut pair.rng));
    let _ = output.unwrap();
    assert_eq!(pair.groups[0].pending_epoch().unwrap().public().tree().member_count(), expected);
    cost
}

/// Returns a group whose tree has `leaves` leaves. Only the first member and a few others remain,
/// and all parents above the first member have keys. Also returns proposals that add the removed
/// members again.
fn sparse(leaves: u32) -> (Pair, Vec<Proposal>) {
    let mut pair = Pair::new(Extensions::default(), &unchanged);
    let proposals = adds(&newcomers(leaves as usize - 2, &unchanged));
    commit(&mut pair, proposals.clone());
    let goes = |leaf: &u32| !leaf.is_power_of_two();
    commit(&mut pair, (1..leaves).filter(goes).map(remove).collect());
    let tree = pair.groups[0].public().tree();
    assert_eq!(tree.size().leaf_count(), leaves);
    assert!(tree.size().direct_path(LeafIndex(0)).all(|node| tree.parent(node).unwrap().is_some()));
    let gone = (2..leaves).zip(proposals).filter(|(leaf, _)| goes(leaf)).map(|(_, add)| add).collect();
    (pair, gone)
}

fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

fn commit(pair: &mut Pair, proposals: Vec<Proposal>) {
    let cx = client(&*pair.signers[0]);
    let needs_path = proposals.iter().any(|proposal| matches!(proposal, Proposal::Remove(_)));
    let builder = proposals.into_iter().fold(pair.groups[0].commit(), CommitBuilder::proposal);
    let builder = if needs_path { builder } else { builder.without_path() };
    let _ = builder.without_tree().build(&cx, &mut pair.rng).unwrap();
    let _ = pair.groups[0].merge_pending().unwrap();
}

/// Makes the first member send all these proposals. Returns their total size in bytes.
fn propose(pair: &mut Pair, proposals: Vec<Proposal>) -> usize {
    let cx = client(&*pair.signers[0]);
    let mut propose =
        |proposal| pair.groups[0].propose(proposal, b"", &cx, &mut pair.rng).unwrap().assume_persisted();
    proposals.into_iter().map(|proposal| propose(proposal).encode().unwrap().len()).sum()
}

#[test]
fn many_adds_are_pending() {
    let _alone = alone();
    let costs = SIZES.map(|size| {
        let (mut pair, adds) = sparse(size);
        let len = propose(&mut pair, adds);
        (len, built(&mut pair, Vec::new(), size))
    });
    grows_with_the_input("many pending Adds", &costs);
}

#[test]
fn many_adds_of_ones_own_while_something_is_pending() {
    let _alone = alone();
    let costs = SIZES.map(|size| {
        let (mut pair, mut adds) = sparse(size);
        let one = adds.split_off(1);
        let len = propose(&mut pair, adds);
        let added: usize = one.iter().map(|add| add.encode().unwrap().len()).sum();
        (len + added, built(&mut pair, one, size))
    });
    grows_with_the_input("many own Adds", &costs);
}

#[test]
fn many_adds_and_pre_shared_keys_are_pending() {
    let _alone = alone();
    let costs = SIZES.map(|size| {
        let (mut pair, mut pending) = sparse(size);
        let psk = || {
            let (usage, epoch) = (ResumptionPskUsage::Application, pair.groups[0].epoch());
            let psk_group_id = pair.groups[0].public().context().group_id.clone();
            Psk::Resumption { usage, psk_group_id, psk_epoch: epoch }
        };
        pending.extend((0..size).map(|nonce| {
            let psk_nonce = [&nonce.to_be_bytes()[..], &[0; 28]].concat().into();
            Proposal::PreSharedKey(PreSharedKey { psk: PreSharedKeyId { psk: psk(), psk_nonce } }.into())
        }));
        let len = propose(&mut pair, pending);
        (len, built(&mut pair, Vec::new(), size))
    });
    grows_with_the_input("many pending Adds and PSKs", &costs);
}

#[test]
fn many_removes_are_pending() {
    let _alone = alone();
    let costs = SIZES.map(|size| {
        let (mut pair, adds) = sparse(size);
        commit(&mut pair, adds);
        // All members are unmerged leaves of the parents above them.
        let removes: Vec<_> = (1..size).map(remove).collect();
        let len = propose(&mut pair, removes);
        (len, built(&mut pair, Vec::new(), 1))
    });
    grows_with_the_input("many pending Removes", &costs);
}

/// Shows that the cost stays within the bound if the delivery service returns many proposals to the
/// member that sent them.
#[test]
fn many_own_proposals_come_back() {
    let _alone = alone();
    let costs = SIZES.map(|size| {
        let (mut pair, adds) = sparse(size);
        let cx = client(&*pair.signers[0]);
        let group = &mut pair.groups[0];
        let sent: Vec<_> = adds
            .into_iter()
            .map(|add| group.propose(add, b"", &cx, &mut pair.rng).unwrap().assume_persisted())
            .collect();
        let len = sent.iter().map(|message| message.encode().unwrap().len()).sum();
        let (cost, ()) = work(|| {
            for message in &sent {
                let processed = group.process(message.clone(), &cx).unwrap().assume_persisted();
                assert!(matches!(processed, Processed::OwnProposal(_)));
            }
        });
        (len, cost)
    });
    grows_with_the_input("many own proposals", &costs);
}
