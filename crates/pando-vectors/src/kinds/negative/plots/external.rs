//! Sections 12.1.8, 12.2 and 12.4.3.2: external proposals and external Commits.

use super::super::forger::{Draft, Forger, Item, Person};
use super::super::scene::{
    ALICE, BOB, LISTED, LISTED_PROPOSAL, Scene, Setting, add, extension, psk, remove, set_extensions,
};
use super::added::NOBODY;
use super::{Forging, Plot, Sent, plot};
use pando_wire::{Extensions, LeafNode, OtherProposal, Proposal, Sender};

pub(super) const PLOTS: &[Plot] = &[
    plot(
        "Violation::UnknownExternalSender",
        "A proposal is from the second external sender of a group that has one.",
        |scene, right| {
            let sender = Sender::External(u32::from(!right));
            server_proposes(scene, sender, remove(BOB))
        },
    )
    .with(with_server),
    plot("Violation::ProposalFromOutside", "An external sender proposes an ExternalInit.", |scene, right| {
        let init = scene.forger.external_init()?;
        server_proposes(scene, Sender::External(0), if right { remove(BOB) } else { init })
    })
    .with(with_server),
    plot(
        "Violation::ProposalFromOutside",
        "An external sender proposes an Update with a valid leaf.",
        |scene, right| {
            let leaf_node = scene.updated_leaf(BOB, |_| {})?;
            let update = super::super::scene::update(leaf_node);
            server_proposes(scene, Sender::External(0), if right { remove(BOB) } else { update })
        },
    )
    .with(with_server),
    plot("Violation::ExternalInitCount", "An external Commit has its ExternalInit twice.", |scene, right| {
        let init = scene.forger.external_init()?;
        let items = if right { vec![init] } else { vec![init.clone(), init] };
        joins(scene, items, |_| {})
    }),
    plot(
        "Violation::ExternalInitCount",
        "An external Commit has no ExternalInit, and uses the init secret of a member's Commit.",
        |scene, right| {
            let init = scene.forger.external_init()?;
            joins(scene, right.then_some(init), |_| {})
        },
    ),
    plot("Violation::SeveralExternalRemoves", "An external Commit removes two members.", |scene, right| {
        let mut items = vec![scene.forger.external_init()?, remove(BOB), remove(ALICE)];
        items.truncate(if right { 2 } else { 3 });
        rejoins(scene, items, |_| {})
    }),
    plot("Violation::RemovedIsNoMember", "An external Commit removes a blank leaf.", |scene, right| {
        let items = [scene.forger.external_init()?, remove(if right { BOB } else { NOBODY })];
        rejoins(scene, items, |_| {})
    }),
    plot(
        "Violation::EncryptionKeyUnchanged",
        "A member that joins again and removes its old leaf keeps the encryption key.",
        |scene, right| {
            let old = scene.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?.encryption_key;
            let items = [scene.forger.external_init()?, remove(BOB)];
            rejoins(scene, items, |leaf_node| {
                if !right {
                    leaf_node.encryption_key = old;
                }
            })
        },
    ),
    plot("Violation::ProposalInExternalCommit", "An external Commit adds another client.", |scene, right| {
        let other = add(scene.named("emil")?.key_package);
        let mut items = vec![scene.forger.external_init()?, other];
        items.truncate(if right { 1 } else { 2 });
        joins(scene, items, |_| {})
    }),
    plot(
        "Violation::ProposalInExternalCommit",
        "An external Commit changes the extensions of the group.",
        |scene, right| {
            let extensions = set_extensions(Extensions(vec![extension(LISTED, b"")]));
            let mut items = vec![scene.forger.external_init()?, extensions];
            items.truncate(if right { 1 } else { 2 });
            joins(scene, items, |_| {})
        },
    ),
    plot(
        "Violation::ProposalInExternalCommit",
        "An external Commit has a proposal of a private type that all members support.",
        |scene, right| {
            let (proposal_type, data) = (LISTED_PROPOSAL, Vec::new().into());
            let other = Proposal::Other(OtherProposal { proposal_type, data });
            let mut items = vec![scene.forger.external_init()?, other];
            items.truncate(if right { 1 } else { 2 });
            joins(scene, items, |_| {})
        },
    ),
    plot(
        "Violation::ReferenceInExternalCommit",
        "An external Commit refers to a PSK proposal of a member.",
        |scene, right| {
            let id = scene.psk();
            let (sent, cited) = scene.forger.propose(BOB, psk(id.clone()))?;
            let second: Item = if right { psk(id).into() } else { cited.into() };
            let items = [scene.forger.external_init()?.into(), second];
            let commit = joins(scene, items, |_| {})?;
            Ok(std::iter::once(sent).chain(commit).collect())
        },
    ),
    plot("Violation::PathRequired", "An external Commit has no path.", |scene, right| {
        let (dora, init) = (scene.newcomer(|_| {})?, scene.forger.external_init()?);
        Ok(vec![Draft::external(&dora, [init]).with_path(right).send(&mut scene.forger)?])
    }),
    plot(
        "Violation::LeafSignature",
        "The leaf of an external Commit is signed for another leaf index.",
        |scene, right| {
            let (dora, init) = (scene.newcomer(|_| {})?, scene.forger.external_init()?);
            let place = if right { NOBODY } else { BOB };
            Ok(vec![Draft::external(&dora, [init]).leaf_signed_for(place).send(&mut scene.forger)?])
        },
    ),
    plot(
        "Violation::SignatureKeyInUse",
        "A member joins by an external Commit and does not remove its old leaf.",
        |scene, right| {
            let bob = scene.forger.member(BOB)?;
            let mut items = vec![scene.forger.external_init()?, remove(BOB)];
            items.truncate(if right { 2 } else { 1 });
            commit(&mut scene.forger, &bob, items, |_| {})
        },
    ),
];

fn with_server(setting: &mut Setting) -> Forging<()> {
    setting.has_server = true;
    Ok(())
}

/// The external sender proposes, and Alice commits the proposal.
fn server_proposes(scene: &mut Scene, sender: Sender, proposal: Proposal) -> Forging<Vec<Sent>> {
    let (sent, cited) = scene.forger.propose_as(sender, proposal, &scene.server)?;
    Ok(vec![sent, Draft::new([cited]).send(&mut scene.forger)?])
}

/// A new member joins by an external Commit.
fn joins(
    scene: &mut Scene,
    items: impl IntoIterator<Item = impl Into<Item>>,
    change: impl FnOnce(&mut LeafNode),
) -> Forging<Vec<Sent>> {
    let dora = scene.newcomer(|_| {})?;
    commit(&mut scene.forger, &dora, items, change)
}

/// Bob rejoins by an external Commit, with new keys.
fn rejoins(
    scene: &mut Scene,
    items: impl IntoIterator<Item = impl Into<Item>>,
    change: impl FnOnce(&mut LeafNode),
) -> Forging<Vec<Sent>> {
    let bob = scene.named("bob")?;
    commit(&mut scene.forger, &bob, items, change)
}

fn commit(
    forger: &mut Forger,
    joiner: &Person,
    items: impl IntoIterator<Item = impl Into<Item>>,
    change: impl FnOnce(&mut LeafNode),
) -> Forging<Vec<Sent>> {
    Ok(vec![Draft::external(joiner, items).leaf(change).send(forger)?])
}
