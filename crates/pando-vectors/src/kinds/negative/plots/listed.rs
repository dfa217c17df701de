//! Section 12.2: proposals that are not valid together, or not in a Commit from this member.

use super::super::forger::{Draft, Item};
use super::super::scene::{
    ALICE, BOB, LISTED, LISTED_PROPOSAL, UNKNOWN_PROPOSAL, add, extension, psk, remove, set_extensions,
    update,
};
use super::proposed::reinit;
use super::{Plot, plot};
use pando_wire::{Extensions, OtherProposal, Proposal};

pub(super) const PLOTS: &[Plot] = &[
    plot("Violation::OwnUpdate", "A member commits its own Update.", |scene, right| {
        let leaf_node = scene.updated_leaf(BOB, |_| {})?;
        let (update, cited) = scene.forger.propose(BOB, update(leaf_node))?;
        let committer = if right { ALICE } else { BOB };
        Ok(vec![update, Draft::new([cited]).by(committer).send(&mut scene.forger)?])
    }),
    plot(
        "Violation::OwnUpdate",
        "A Commit has an Update by value, which makes the committer its sender.",
        |scene, right| {
            let leaf_node = scene.updated_leaf(BOB, |_| {})?;
            let (sent, cited) = scene.forger.propose(BOB, update(leaf_node.clone()))?;
            let (item, committer): (Item, _) =
                if right { (cited.into(), ALICE) } else { (update(leaf_node).into(), BOB) };
            Ok(vec![sent, Draft::new([item]).by(committer).send(&mut scene.forger)?])
        },
    ),
    plot("Violation::OwnRemove", "A member removes itself.", |scene, right| {
        scene.commits([remove(if right { BOB } else { ALICE })])
    }),
    plot("Violation::SameLeaf", "A member is removed twice.", |scene, right| {
        let mut items = vec![remove(BOB), remove(BOB)];
        items.truncate(if right { 1 } else { 2 });
        scene.commits(items)
    }),
    plot("Violation::SameLeaf", "A member is updated and removed.", |scene, right| {
        let leaf_node = scene.updated_leaf(BOB, |_| {})?;
        let (sent, cited) = scene.forger.propose(BOB, update(leaf_node))?;
        let mut items = vec![Item::from(remove(BOB)), cited.into()];
        items.truncate(if right { 1 } else { 2 });
        Ok(vec![sent, Draft::new(items).send(&mut scene.forger)?])
    }),
    plot("Violation::SameClient", "A KeyPackage is added twice.", |scene, right| {
        let first = scene.newcomer(|_| {})?.key_package;
        let second = if right { scene.named("emil")?.key_package } else { first.clone() };
        scene.commits_without_path([add(first), add(second)])
    }),
    plot(
        "Violation::DuplicatePsk",
        "A Commit has the same PSK twice, with the same nonce.",
        |scene, right| {
            let (first, other) = (scene.psk(), scene.psk());
            let second = if right { other } else { first.clone() };
            scene.commits_without_path([psk(first), psk(second)])
        },
    ),
    plot(
        "Violation::SeveralGroupContextExtensions",
        "The extensions of the group are set twice, to the same list.",
        |scene, right| {
            let extensions = || set_extensions(Extensions(vec![extension(LISTED, b"")]));
            let mut items = vec![extensions(), extensions()];
            items.truncate(if right { 1 } else { 2 });
            scene.commits(items)
        },
    ),
    plot("Violation::ReInitNotAlone", "A Commit has a PSK next to a ReInit.", |scene, right| {
        let mut items = vec![reinit(scene, |_| {}), psk(scene.psk())];
        items.truncate(if right { 1 } else { 2 });
        scene.commits_without_path(items)
    }),
    plot(
        "Violation::ProposalTypeUnsupported",
        "A Commit has a proposal of a type that no member supports.",
        |scene, right| {
            let proposal_type = if right { LISTED_PROPOSAL } else { UNKNOWN_PROPOSAL };
            scene.commits([Proposal::Other(OtherProposal { proposal_type, data: Vec::new().into() })])
        },
    ),
];
