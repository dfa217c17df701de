//! Sections 6.1, 8.1, 8.4 and 12.4: invalid Commits of valid proposals.

use super::super::forger::{Cited, Draft, spoil, zeros};
use super::super::scene::{BOB, Setting, psk, remove};
use super::{Forging, Plot, plot};
use pando_wire::Psk;

pub(super) const PLOTS: &[Plot] = &[
    plot("Violation::PathRequired", "A Commit that removes a member has no path.", |scene, right| {
        Ok(vec![Draft::new([remove(BOB)]).with_path(right).send(&mut scene.forger)?])
    })
    .everywhere(),
    plot("Violation::PathRequired", "A Commit without proposals has no path.", |scene, right| {
        Ok(vec![Draft::empty().with_path(right).send(&mut scene.forger)?])
    }),
    plot(
        "Violation::ConfirmationTag",
        "The last bit of a Commit's confirmation tag is wrong.",
        |scene, right| {
            let draft = Draft::empty().tag(|tag| if right { tag } else { spoil(&tag).into() });
            Ok(vec![draft.send(&mut scene.forger)?])
        },
    )
    .everywhere(),
    plot(
        "Violation::ConfirmationTag",
        "The confirmation tag of a Commit lacks its last byte.",
        |scene, right| {
            let draft = Draft::empty().tag(|tag| {
                let len = if right { tag.len() } else { tag.len().saturating_sub(1) };
                tag.iter().copied().take(len).collect::<Vec<_>>().into()
            });
            Ok(vec![draft.send(&mut scene.forger)?])
        },
    ),
    plot(
        "Violation::EpochOverflow",
        "A Commit leads from the last epoch, 2^64 - 1, to epoch 0.",
        |scene, right| {
            // The accepted message is application data, because no Commit is valid in this epoch.
            if right { super::framed::says_hello(scene) } else { scene.commits([remove(BOB)]) }
        },
    )
    .with(|setting: &mut Setting| -> Forging<()> {
        setting.epoch = u64::MAX;
        Ok(())
    }),
    plot("Missing::Proposal", "A Commit refers to a proposal that was not sent.", |scene, right| {
        let id = scene.psk();
        let (sent, mut cited) = scene.forger.propose(BOB, psk(id))?;
        if !right {
            cited = Cited { reference: zeros(scene.suite()).into(), ..cited };
        }
        Ok(vec![sent, Draft::new([cited]).with_path(false).send(&mut scene.forger)?])
    }),
    plot("Missing::Psk", "A Commit has a PSK that the client does not have.", |scene, right| {
        let mut id = scene.psk();
        if !right {
            id.psk = Psk::External { psk_id: b"unknown".as_slice().into() };
        }
        scene.commits_without_path([psk(id)])
    }),
];
