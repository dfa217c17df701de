//! Negative cases of RFC 9420, sections 12.1.8, 12.2 and 12.4.3.2: invalid external proposals and
//! external Commits.

use super::super::fixture::{
    ALICE, BOB, Fixture, LISTED, LISTED_PROPOSAL, Parameters, add, extension, psk, remove, set_extensions,
};
use super::super::forger::{Draft, Forger, Item, TestClient};
use super::added::BLANK_LEAF;
use super::{CaseTemplate, Forging, Sent, case};
use pando_wire::{Extensions, LeafNode, OtherProposal, Proposal, Sender};

pub(super) const CASES: &[CaseTemplate] = &[
    case(
        "Violation::UnknownExternalSender",
        "A proposal is from the second external sender of a group that has one.",
        |fixture, valid| {
            let sender = Sender::External(u32::from(!valid));
            server_proposes(fixture, sender, remove(BOB))
        },
    )
    .with(with_server),
    case(
        "Violation::ProposalFromOutside",
        "An external sender proposes an ExternalInit.",
        |fixture, valid| {
            let init = fixture.forger.external_init()?;
            server_proposes(fixture, Sender::External(0), if valid { remove(BOB) } else { init })
        },
    )
    .with(with_server),
    case(
        "Violation::ProposalFromOutside",
        "An external sender proposes an Update with a valid leaf.",
        |fixture, valid| {
            let leaf_node = fixture.updated_leaf(BOB, |_| {})?;
            let update = super::super::fixture::update(leaf_node);
            server_proposes(fixture, Sender::External(0), if valid { remove(BOB) } else { update })
        },
    )
    .with(with_server),
    case(
        "Violation::ExternalInitCount",
        "An external Commit has its ExternalInit twice.",
        |fixture, valid| {
            let init = fixture.forger.external_init()?;
            let items = if valid { vec![init] } else { vec![init.clone(), init] };
            joins(fixture, items, |_| {})
        },
    ),
    case(
        "Violation::ExternalInitCount",
        "An external Commit has no ExternalInit, and uses the init secret of a member's Commit.",
        |fixture, valid| {
            let init = fixture.forger.external_init()?;
            joins(fixture, valid.then_some(init), |_| {})
        },
    ),
    case("Violation::SeveralExternalRemoves", "An external Commit removes two members.", |fixture, valid| {
        let mut items = vec![fixture.forger.external_init()?, remove(BOB), remove(ALICE)];
        items.truncate(if valid { 2 } else { 3 });
        rejoins(fixture, items, |_| {})
    }),
    case("Violation::RemovedIsNoMember", "An external Commit removes a blank leaf.", |fixture, valid| {
        let items = [fixture.forger.external_init()?, remove(if valid { BOB } else { BLANK_LEAF })];
        rejoins(fixture, items, |_| {})
    }),
    case(
        "Violation::EncryptionKeyUnchanged",
        "A member that joins again and removes its old leaf keeps the encryption key.",
        |fixture, valid| {
            let old = fixture.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?.encryption_key;
            let items = [fixture.forger.external_init()?, remove(BOB)];
            rejoins(fixture, items, |leaf_node| {
                if !valid {
                    leaf_node.encryption_key = old;
                }
            })
        },
    ),
    case(
        "Violation::ProposalInExternalCommit",
        "An external Commit adds another client.",
        |fixture, valid| {
            let other = add(fixture.named("emil")?.key_package);
            let mut items = vec![fixture.forger.external_init()?, other];
            items.truncate(if valid { 1 } else { 2 });
            joins(fixture, items, |_| {})
        },
    ),
    case(
        "Violation::ProposalInExternalCommit",
        "An external Commit changes the extensions of the group.",
        |fixture, valid| {
            let extensions = set_extensions(Extensions(vec![extension(LISTED, b"")]));
            let mut items = vec![fixture.forger.external_init()?, extensions];
            items.truncate(if valid { 1 } else { 2 });
            joins(fixture, items, |_| {})
        },
    ),
    case(
        "Violation::ProposalInExternalCommit",
        "An external Commit has a proposal of a private type that all members support.",
        |fixture, valid| {
            let (proposal_type, data) = (LISTED_PROPOSAL, Vec::new().into());
            let other = Proposal::Other(OtherProposal { proposal_type, data });
            let mut items = vec![fixture.forger.external_init()?, other];
            items.truncate(if valid { 1 } else { 2 });
            joins(fixture, items, |_| {})
        },
    ),
    case(
        "Violation::ReferenceInExternalCommit",
        "An external Commit refers to a PSK proposal of a member.",
        |fixture, valid| {
            let id = fixture.psk();
            let (sent, sent_proposal) = fixture.forger.propose(BOB, psk(id.clone()))?;
            let second: Item = if valid { psk(id).into() } else { sent_proposal.into() };
            let items = [fixture.forger.external_init()?.into(), second];
            let commit = joins(fixture, items, |_| {})?;
            Ok(std::iter::once(sent).chain(commit).collect())
        },
    ),
    case("Violation::PathRequired", "An external Commit has no path.", |fixture, valid| {
        let (dora, init) = (fixture.newcomer(|_| {})?, fixture.forger.external_init()?);
        Ok(vec![Draft::external(&dora, [init]).with_path(valid).send(&mut fixture.forger)?])
    }),
    case(
        "Violation::LeafSignature",
        "The leaf of an external Commit is signed for another leaf index.",
        |fixture, valid| {
            let (dora, init) = (fixture.newcomer(|_| {})?, fixture.forger.external_init()?);
            let place = if valid { BLANK_LEAF } else { BOB };
            Ok(vec![Draft::external(&dora, [init]).leaf_signed_for(place).send(&mut fixture.forger)?])
        },
    ),
    case(
        "Violation::SignatureKeyInUse",
        "A member joins by an external Commit and does not remove its old leaf.",
        |fixture, valid| {
            let bob = fixture.forger.member(BOB)?;
            let mut items = vec![fixture.forger.external_init()?, remove(BOB)];
            items.truncate(if valid { 2 } else { 1 });
            commit(&mut fixture.forger, &bob, items, |_| {})
        },
    ),
];

fn with_server(parameters: &mut Parameters) -> Forging<()> {
    parameters.has_server = true;
    Ok(())
}

/// An external sender sends a proposal, and Alice commits it.
fn server_proposes(fixture: &mut Fixture, sender: Sender, proposal: Proposal) -> Forging<Vec<Sent>> {
    let (sent, sent_proposal) = fixture.forger.propose_as(sender, proposal, &fixture.server)?;
    Ok(vec![sent, Draft::new([sent_proposal]).send(&mut fixture.forger)?])
}

/// A new member joins by an external Commit.
fn joins(
    fixture: &mut Fixture,
    items: impl IntoIterator<Item = impl Into<Item>>,
    change: impl FnOnce(&mut LeafNode),
) -> Forging<Vec<Sent>> {
    let dora = fixture.newcomer(|_| {})?;
    commit(&mut fixture.forger, &dora, items, change)
}

/// Bob rejoins by an external Commit, using new keys.
fn rejoins(
    fixture: &mut Fixture,
    items: impl IntoIterator<Item = impl Into<Item>>,
    change: impl FnOnce(&mut LeafNode),
) -> Forging<Vec<Sent>> {
    let bob = fixture.named("bob")?;
    commit(&mut fixture.forger, &bob, items, change)
}

fn commit(
    forger: &mut Forger,
    joiner: &TestClient,
    items: impl IntoIterator<Item = impl Into<Item>>,
    change: impl FnOnce(&mut LeafNode),
) -> Forging<Vec<Sent>> {
    Ok(vec![Draft::external(joiner, items).leaf(change).send(forger)?])
}
