//! Sections 11.2, 11.3 and 12.4.3.1: groups that claim to be successors of the client's group, and
//! other groups with its identifier. Alice invites the client by its second KeyPackage.

use super::super::forger::{Forger, Forging, Sent};
use super::super::scene::{BOB, LISTED, Scene, extension};
use super::proposed::reinit;
use super::{Plot, plot};
use pando_wire::{Extensions, GroupId, PreSharedKeyId, Psk, ResumptionPskUsage};
use std::rc::Rc;

pub(super) const PLOTS: &[Plot] = &[
    plot(
        "Violation::AlreadyInGroup",
        "A Welcome is for another group with the identifier of the client's group.",
        |scene, right| {
            let (old, others) = (scene.forger.context.group_id.clone(), &["bob"]);
            invites(scene, others, None, |forger| {
                if !right {
                    forger.context.group_id = old;
                }
            })
        },
    )
    .with_spare(),
    plot(
        "Violation::AlreadyInGroup",
        "A branch has the identifier of the group that it comes from.",
        |scene, right| {
            let old = scene.forger.context.group_id.clone();
            branches(scene, &["bob"], |forger| {
                if !right {
                    forger.context.group_id = old;
                }
            })
        },
    )
    .with_spare(),
    plot("Violation::FirstEpoch", "A branch begins with epoch 2.", |scene, right| {
        branches(scene, &["bob"], |forger| forger.context.epoch = if right { 1 } else { 2 })
    })
    .with_spare(),
    plot("Violation::SeveralResumptionPsks", "A Welcome has two PSKs for branching.", |scene, right| {
        branches(scene, &["bob"], |forger| {
            if let (false, Some((id, value))) = (right, forger.psks.first().cloned()) {
                let psk_nonce = forger.nonce();
                forger.psks.push((PreSharedKeyId { psk_nonce, ..id }, value));
            }
        })
    })
    .with_spare(),
    plot(
        "Violation::NoSuccessor",
        "A group claims to be the reinitialization of a group that is still active.",
        |scene, right| {
            let usage = if right { ResumptionPskUsage::Branch } else { ResumptionPskUsage::ReInit };
            let (epoch, value) =
                (scene.forger.context.epoch, scene.forger.secrets.resumption_psk.expose().to_vec());
            let psk = resumption(scene, usage, epoch, value);
            invites(scene, &["bob"], Some(psk), |_| {})
        },
    )
    .with_spare(),
    plot(
        "Violation::SuccessorParameters",
        "A reinitialized group does not have the extensions of the ReInit.",
        |scene, right| {
            reinitializes(scene, &["bob"], |forger| {
                if !right {
                    forger.context.extensions.0.clear();
                }
            })
        },
    )
    .with_spare(),
    plot(
        "Violation::SuccessorParameters",
        "A reinitialized group does not have the identifier of the ReInit.",
        |scene, right| {
            reinitializes(scene, &["bob"], |forger| {
                if !right {
                    forger.context.group_id = b"other".as_slice().into();
                }
            })
        },
    )
    .with_spare(),
    plot(
        "Violation::SuccessorParameters",
        "The PSK of a reinitialized group is not from the last epoch of the old group.",
        |scene, right| {
            let before = (scene.forger.context.epoch, scene.forger.secrets.resumption_psk.expose().to_vec());
            reinitializes(scene, &["bob"], |forger| {
                if let (false, Some((PreSharedKeyId { psk: Psk::Resumption { psk_epoch, .. }, .. }, value))) =
                    (right, forger.psks.first_mut())
                {
                    (*psk_epoch, *value) = before;
                }
            })
        },
    )
    .with_spare(),
    plot(
        "Violation::MemberMissing",
        "A member of the old group is not in the reinitialized one.",
        |scene, right| reinitializes(scene, if right { &["bob"] } else { &[] }, |_| {}),
    )
    .with_spare(),
    plot("Violation::NotInOldGroup", "A member of a branch is not in the old group.", |scene, right| {
        branches(scene, if right { &["bob"] } else { &["bob", "dora"] }, |_| {})
    })
    .with_spare(),
];

/// Returns a resumption PSK of the old group.
fn resumption(
    scene: &mut Scene,
    usage: ResumptionPskUsage,
    psk_epoch: u64,
    value: Vec<u8>,
) -> (PreSharedKeyId, Vec<u8>) {
    let psk_group_id: GroupId = scene.forger.context.group_id.clone();
    let psk_nonce = scene.forger.nonce();
    (PreSharedKeyId { psk: Psk::Resumption { usage, psk_group_id, psk_epoch }, psk_nonce }, value)
}

/// Alice creates a group with the client and others, and sends the client the Welcome.
fn invites(
    scene: &mut Scene,
    others: &[&str],
    psk: Option<(PreSharedKeyId, Vec<u8>)>,
    change: impl FnOnce(&mut Forger),
) -> Forging<Vec<Sent>> {
    let (suite, alice) = (scene.suite(), scene.named("alice")?);
    let rng = scene.forger.rng.clone();
    let mut forger = Forger::new(suite, 1, Extensions::default(), alice, rng)?;
    for name in others {
        let person = forger.person(name, &scene.capabilities, |_| {})?;
        let _ = forger.seat(person)?;
    }
    let _ = forger.seat(Rc::clone(&scene.spare))?;
    forger.psks.extend(psk);
    change(&mut forger);
    forger.settle()?;
    Ok(vec![forger.welcome(&scene.spare, None)?])
}

/// Alice creates a branch.
fn branches(scene: &mut Scene, others: &[&str], change: impl FnOnce(&mut Forger)) -> Forging<Vec<Sent>> {
    let (epoch, value) = (scene.forger.context.epoch, scene.forger.secrets.resumption_psk.expose().to_vec());
    let psk = resumption(scene, ResumptionPskUsage::Branch, epoch, value);
    invites(scene, others, Some(psk), change)
}

/// Alice commits a ReInit from Bob, and creates the next group.
fn reinitializes(scene: &mut Scene, others: &[&str], change: impl FnOnce(&mut Forger)) -> Forging<Vec<Sent>> {
    let extensions = || Extensions(vec![extension(LISTED, b"")]);
    let reinit = reinit(scene, |reinit| reinit.extensions = extensions());
    let (sent, cited) = scene.forger.propose(BOB, reinit)?;
    let commit = scene.commits_without_path([cited])?;
    let value = commit.first().and_then(|commit| commit.resumption.clone()).ok_or("no PSK")?;
    let epoch = scene.forger.context.epoch.saturating_add(1);
    let psk = resumption(scene, ResumptionPskUsage::ReInit, epoch, value);
    let welcome = invites(scene, others, Some(psk), |forger| {
        forger.context.group_id = b"next".as_slice().into();
        forger.context.extensions = extensions();
        change(forger);
    })?;
    Ok(std::iter::once(sent).chain(commit).chain(welcome).collect())
}
