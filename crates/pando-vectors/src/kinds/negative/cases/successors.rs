//! Negative cases of RFC 9420, sections 11.2, 11.3 and 12.4.3.1: groups that claim to be successors
//! of the client's group, and unrelated groups with the same identifier. Alice invites the client
//! with its second KeyPackage.

use super::super::fixture::{BOB, Fixture, LISTED, extension};
use super::super::forger::{Forger, Forging, Sent};
use super::proposed::reinit;
use super::{CaseTemplate, case};
use pando_wire::{Extensions, GroupId, PreSharedKeyId, Psk, ResumptionPskUsage};
use std::rc::Rc;

pub(super) const CASES: &[CaseTemplate] = &[
    case(
        "Violation::AlreadyInGroup",
        "A Welcome is for another group with the identifier of the client's group.",
        |fixture, valid| {
            let (old, others) = (fixture.forger.context.group_id.clone(), &["bob"]);
            invites(fixture, others, None, |forger| {
                if !valid {
                    forger.context.group_id = old;
                }
            })
        },
    )
    .with_spare(),
    case(
        "Violation::AlreadyInGroup",
        "A branch has the identifier of the group that it comes from.",
        |fixture, valid| {
            let old = fixture.forger.context.group_id.clone();
            branches(fixture, &["bob"], |forger| {
                if !valid {
                    forger.context.group_id = old;
                }
            })
        },
    )
    .with_spare(),
    case("Violation::FirstEpoch", "A branch begins with epoch 2.", |fixture, valid| {
        branches(fixture, &["bob"], |forger| forger.context.epoch = if valid { 1 } else { 2 })
    })
    .with_spare(),
    case("Violation::SeveralResumptionPsks", "A Welcome has two PSKs for branching.", |fixture, valid| {
        branches(fixture, &["bob"], |forger| {
            if let (false, Some((id, value))) = (valid, forger.psks.first().cloned()) {
                let psk_nonce = forger.nonce();
                forger.psks.push((PreSharedKeyId { psk_nonce, ..id }, value));
            }
        })
    })
    .with_spare(),
    case(
        "Violation::NoSuccessor",
        "A group claims to be the reinitialization of a group that is still active.",
        |fixture, valid| {
            let usage = if valid { ResumptionPskUsage::Branch } else { ResumptionPskUsage::ReInit };
            let (epoch, value) =
                (fixture.forger.context.epoch, fixture.forger.secrets.resumption_psk.expose().to_vec());
            let psk = resumption(fixture, usage, epoch, value);
            invites(fixture, &["bob"], Some(psk), |_| {})
        },
    )
    .with_spare(),
    case(
        "Violation::SuccessorParameters",
        "A reinitialized group does not have the extensions of the ReInit.",
        |fixture, valid| {
            reinitializes(fixture, &["bob"], |forger| {
                if !valid {
                    forger.context.extensions.0.clear();
                }
            })
        },
    )
    .with_spare(),
    case(
        "Violation::SuccessorParameters",
        "A reinitialized group does not have the identifier of the ReInit.",
        |fixture, valid| {
            reinitializes(fixture, &["bob"], |forger| {
                if !valid {
                    forger.context.group_id = b"other".as_slice().into();
                }
            })
        },
    )
    .with_spare(),
    case(
        "Violation::SuccessorParameters",
        "The PSK of a reinitialized group is not from the last epoch of the old group.",
        |fixture, valid| {
            let before =
                (fixture.forger.context.epoch, fixture.forger.secrets.resumption_psk.expose().to_vec());
            reinitializes(fixture, &["bob"], |forger| {
                if let (false, Some((PreSharedKeyId { psk: Psk::Resumption { psk_epoch, .. }, .. }, value))) =
                    (valid, forger.psks.first_mut())
                {
                    (*psk_epoch, *value) = before;
                }
            })
        },
    )
    .with_spare(),
    case(
        "Violation::MemberMissing",
        "A member of the old group is not in the reinitialized one.",
        |fixture, valid| reinitializes(fixture, if valid { &["bob"] } else { &[] }, |_| {}),
    )
    .with_spare(),
    case("Violation::NotInOldGroup", "A member of a branch is not in the old group.", |fixture, valid| {
        branches(fixture, if valid { &["bob"] } else { &["bob", "dora"] }, |_| {})
    })
    .with_spare(),
];

/// Returns a resumption PSK of the old group.
fn resumption(
    fixture: &mut Fixture,
    usage: ResumptionPskUsage,
    psk_epoch: u64,
    value: Vec<u8>,
) -> (PreSharedKeyId, Vec<u8>) {
    let psk_group_id: GroupId = fixture.forger.context.group_id.clone();
    let psk_nonce = fixture.forger.nonce();
    (PreSharedKeyId { psk: Psk::Resumption { usage, psk_group_id, psk_epoch }, psk_nonce }, value)
}

/// Alice creates a group with the client and the members `others`, and sends the client the
/// Welcome.
fn invites(
    fixture: &mut Fixture,
    others: &[&str],
    psk: Option<(PreSharedKeyId, Vec<u8>)>,
    change: impl FnOnce(&mut Forger),
) -> Forging<Vec<Sent>> {
    let (suite, alice) = (fixture.suite(), fixture.named("alice")?);
    let rng = fixture.forger.rng.clone();
    let mut forger = Forger::new(suite, 1, Extensions::default(), alice, rng)?;
    for name in others {
        let client = forger.client(name, &fixture.capabilities, |_| {})?;
        let _ = forger.add_member(client)?;
    }
    let _ = forger.add_member(Rc::clone(&fixture.spare))?;
    forger.psks.extend(psk);
    change(&mut forger);
    forger.recompute_tree_hash()?;
    Ok(vec![forger.welcome(&fixture.spare, None)?])
}

/// Alice creates a branch of the group.
fn branches(fixture: &mut Fixture, others: &[&str], change: impl FnOnce(&mut Forger)) -> Forging<Vec<Sent>> {
    let (epoch, value) =
        (fixture.forger.context.epoch, fixture.forger.secrets.resumption_psk.expose().to_vec());
    let psk = resumption(fixture, ResumptionPskUsage::Branch, epoch, value);
    invites(fixture, others, Some(psk), change)
}

/// Alice commits a ReInit from Bob, and then creates the next group.
fn reinitializes(
    fixture: &mut Fixture,
    others: &[&str],
    change: impl FnOnce(&mut Forger),
) -> Forging<Vec<Sent>> {
    let extensions = || Extensions(vec![extension(LISTED, b"")]);
    let reinit = reinit(fixture, |reinit| reinit.extensions = extensions());
    let (sent, sent_proposal) = fixture.forger.propose(BOB, reinit)?;
    let commit = fixture.commits_without_path([sent_proposal])?;
    let value = commit.first().and_then(|commit| commit.resumption.clone()).ok_or("no PSK")?;
    let epoch = fixture.forger.context.epoch.saturating_add(1);
    let psk = resumption(fixture, ResumptionPskUsage::ReInit, epoch, value);
    let welcome = invites(fixture, others, Some(psk), |forger| {
        forger.context.group_id = b"next".as_slice().into();
        forger.context.extensions = extensions();
        change(forger);
    })?;
    Ok(std::iter::once(sent).chain(commit).chain(welcome).collect())
}
