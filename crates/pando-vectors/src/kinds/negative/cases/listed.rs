//! Negative cases of RFC 9420, section 12.2: proposals that are not valid together, or not valid in
//! a Commit from this committer.

use super::super::fixture::{
    ALICE, BOB, LISTED, LISTED_PROPOSAL, UNKNOWN_PROPOSAL, add, extension, psk, remove, set_extensions,
    update,
};
use super::super::forger::{Draft, Item};
use super::proposed::reinit;
use super::{CaseTemplate, case};
use pando_wire::{Extensions, OtherProposal, Proposal};

pub(super) const CASES: &[CaseTemplate] = &[
    case("Violation::OwnUpdate", "A member commits its own Update.", |fixture, valid| {
        let leaf_node = fixture.updated_leaf(BOB, |_| {})?;
        let (update, sent_proposal) = fixture.forger.propose(BOB, update(leaf_node))?;
        let committer = if valid { ALICE } else { BOB };
        Ok(vec![update, Draft::new([sent_proposal]).by(committer).send(&mut fixture.forger)?])
    }),
    case(
        "Violation::OwnUpdate",
        "A Commit has an Update by value, which makes the committer its sender.",
        |fixture, valid| {
            let leaf_node = fixture.updated_leaf(BOB, |_| {})?;
            let (sent, sent_proposal) = fixture.forger.propose(BOB, update(leaf_node.clone()))?;
            let (item, committer): (Item, _) =
                if valid { (sent_proposal.into(), ALICE) } else { (update(leaf_node).into(), BOB) };
            Ok(vec![sent, Draft::new([item]).by(committer).send(&mut fixture.forger)?])
        },
    ),
    case("Violation::OwnRemove", "A member removes itself.", |fixture, valid| {
        fixture.commits([remove(if valid { BOB } else { ALICE })])
    }),
    case("Violation::SameLeaf", "A member is removed twice.", |fixture, valid| {
        let mut items = vec![remove(BOB), remove(BOB)];
        items.truncate(if valid { 1 } else { 2 });
        fixture.commits(items)
    }),
    case("Violation::SameLeaf", "A member is updated and removed.", |fixture, valid| {
        let leaf_node = fixture.updated_leaf(BOB, |_| {})?;
        let (sent, sent_proposal) = fixture.forger.propose(BOB, update(leaf_node))?;
        let mut items = vec![Item::from(remove(BOB)), sent_proposal.into()];
        items.truncate(if valid { 1 } else { 2 });
        Ok(vec![sent, Draft::new(items).send(&mut fixture.forger)?])
    }),
    case("Violation::SameClient", "A KeyPackage is added twice.", |fixture, valid| {
        let first = fixture.newcomer(|_| {})?.key_package;
        let second = if valid { fixture.named("emil")?.key_package } else { first.clone() };
        fixture.commits_without_path([add(first), add(second)])
    }),
    case(
        "Violation::DuplicatePsk",
        "A Commit has the same PSK twice, with the same nonce.",
        |fixture, valid| {
            let (first, other) = (fixture.psk(), fixture.psk());
            let second = if valid { other } else { first.clone() };
            fixture.commits_without_path([psk(first), psk(second)])
        },
    ),
    case(
        "Violation::SeveralGroupContextExtensions",
        "The extensions of the group are set twice, to the same list.",
        |fixture, valid| {
            let extensions = || set_extensions(Extensions(vec![extension(LISTED, b"")]));
            let mut items = vec![extensions(), extensions()];
            items.truncate(if valid { 1 } else { 2 });
            fixture.commits(items)
        },
    ),
    case("Violation::ReInitNotAlone", "A Commit has a PSK next to a ReInit.", |fixture, valid| {
        let mut items = vec![reinit(fixture, |_| {}), psk(fixture.psk())];
        items.truncate(if valid { 1 } else { 2 });
        fixture.commits_without_path(items)
    }),
    case(
        "Violation::ProposalTypeUnsupported",
        "A Commit has a proposal of a type that no member supports.",
        |fixture, valid| {
            let proposal_type = if valid { LISTED_PROPOSAL } else { UNKNOWN_PROPOSAL };
            fixture.commits([Proposal::Other(OtherProposal { proposal_type, data: Vec::new().into() })])
        },
    ),
];
