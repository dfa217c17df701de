//! Negative cases of RFC 9420, sections 6.1, 8.1, 8.4 and 12.4: invalid Commits of valid proposals.

use super::super::fixture::{BOB, Parameters, psk, remove};
use super::super::forger::{Draft, SentProposal, spoil, zeros};
use super::{CaseTemplate, Forging, case};
use pando_wire::Psk;

pub(super) const CASES: &[CaseTemplate] = &[
    case("Violation::PathRequired", "A Commit that removes a member has no path.", |fixture, valid| {
        Ok(vec![Draft::new([remove(BOB)]).with_path(valid).send(&mut fixture.forger)?])
    })
    .everywhere(),
    case("Violation::PathRequired", "A Commit without proposals has no path.", |fixture, valid| {
        Ok(vec![Draft::empty().with_path(valid).send(&mut fixture.forger)?])
    }),
    case(
        "Violation::ConfirmationTag",
        "The last bit of a Commit's confirmation tag is wrong.",
        |fixture, valid| {
            let draft = Draft::empty().tag(|tag| if valid { tag } else { spoil(&tag).into() });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    )
    .everywhere(),
    case(
        "Violation::ConfirmationTag",
        "The confirmation tag of a Commit lacks its last byte.",
        |fixture, valid| {
            let draft = Draft::empty().tag(|tag| {
                let len = if valid { tag.len() } else { tag.len().saturating_sub(1) };
                tag.iter().copied().take(len).collect::<Vec<_>>().into()
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "Violation::EpochOverflow",
        "A Commit leads from the last epoch, 2^64 - 1, to epoch 0.",
        |fixture, valid| {
            // The accepted message contains application data, because no Commit is valid in this
            // epoch.
            if valid { super::framed::send_message(fixture) } else { fixture.commits([remove(BOB)]) }
        },
    )
    .with(|parameters: &mut Parameters| -> Forging<()> {
        parameters.epoch = u64::MAX;
        Ok(())
    }),
    case("Missing::Proposal", "A Commit refers to a proposal that was not sent.", |fixture, valid| {
        let id = fixture.psk();
        let (sent, mut sent_proposal) = fixture.forger.propose(BOB, psk(id))?;
        if !valid {
            sent_proposal = SentProposal { reference: zeros(fixture.suite()).into(), ..sent_proposal };
        }
        Ok(vec![sent, Draft::new([sent_proposal]).with_path(false).send(&mut fixture.forger)?])
    }),
    case("Missing::Psk", "A Commit has a PSK that the client does not have.", |fixture, valid| {
        let mut id = fixture.psk();
        if !valid {
            id.psk = Psk::External { psk_id: b"unknown".as_slice().into() };
        }
        fixture.commits_without_path([psk(id)])
    }),
];
