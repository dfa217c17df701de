//! Sections 12.1 and 13.4: proposals that are invalid by themselves.

use super::super::forger::Draft;
use super::super::scene::{
    BOB, LISTED, Scene, UNKNOWN, extension, psk, remove, set_extensions, two_extensions,
};
use super::added::NOBODY;
use super::{Forging, Plot, Sent, plot};
use pando_wire::{
    Extension, ExtensionType, Extensions, PreSharedKeyId, Proposal, ProtocolVersion, Psk, ReInit,
    RequiredCapabilities, ResumptionPskUsage,
};

pub(super) const PLOTS: &[Plot] = &[
    plot("Violation::RemovedIsNoMember", "A blank leaf is removed.", |scene, right| {
        scene.commits([remove(if right { BOB } else { NOBODY })])
    }),
    plot("Violation::PskNonce", "The nonce of a PSK is a byte shorter than a hash.", |scene, right| {
        let mut id = scene.psk();
        shorten(&mut id, right);
        scene.commits_without_path([psk(id)])
    })
    .everywhere(),
    plot("Violation::PskUsage", "A PSK for reinitialization is proposed.", |scene, right| {
        resumption(scene, right, ResumptionPskUsage::ReInit)
    }),
    plot("Violation::PskUsage", "A PSK for branching is proposed.", |scene, right| {
        resumption(scene, right, ResumptionPskUsage::Branch)
    }),
    plot("Violation::ReInitVersion", "A ReInit lowers the version.", |scene, right| {
        let version = ProtocolVersion(u16::from(right));
        let reinit = reinit(scene, |reinit| reinit.version = version);
        scene.commits_without_path([reinit])
    }),
    plot("Violation::DuplicateExtension", "The group gets two extensions of one type.", |scene, right| {
        scene.commits([set_extensions(two_extensions(right))])
    }),
    plot("Violation::ExternalInitInRegularCommit", "A member commits an ExternalInit.", |scene, right| {
        let init = scene.forger.external_init()?;
        scene.commits((!right).then_some(init))
    }),
    plot(
        "Violation::RequiredUnsupportedByMember",
        "The group gets a required extension type that a member lacks and the committer supports.",
        |scene, right| {
            let of_type = if right { LISTED } else { UNKNOWN };
            let required =
                RequiredCapabilities { extension_types: vec![of_type], ..RequiredCapabilities::default() };
            let extensions = Extensions(vec![Extension::new(&required)?]);
            changes_extensions(scene, extensions)
        },
    ),
    plot(
        "Violation::ExtensionUnsupportedByMember",
        "The group gets an extension that a member lacks and the committer supports.",
        |scene, right| {
            let of_type = if right { LISTED } else { UNKNOWN };
            changes_extensions(scene, Extensions(vec![extension(of_type, b"")]))
        },
    ),
    plot(
        "Violation::MalformedExtension",
        "The group gets required capabilities with a byte after their end.",
        |scene, right| {
            let data: &[u8] = if right { &[0, 0, 0] } else { &[0, 0, 0, 0] };
            changes_extensions(scene, Extensions(vec![extension(ExtensionType::REQUIRED_CAPABILITIES, data)]))
        },
    ),
    plot("Violation::MalformedExtension", "The group gets truncated external senders.", |scene, right| {
        let data: &[u8] = if right { &[0] } else { &[5, 1] };
        changes_extensions(scene, Extensions(vec![extension(ExtensionType::EXTERNAL_SENDERS, data)]))
    }),
];

/// Alice commits the resumption PSK of this epoch.
fn resumption(scene: &mut Scene, right: bool, usage: ResumptionPskUsage) -> Forging<Vec<Sent>> {
    let usage = if right { ResumptionPskUsage::Application } else { usage };
    let (psk_group_id, psk_epoch) = (scene.forger.context.group_id.clone(), scene.forger.context.epoch);
    let id = Psk::Resumption { usage, psk_group_id, psk_epoch };
    let psk_nonce = scene.forger.nonce();
    scene.commits_without_path([psk(PreSharedKeyId { psk: id, psk_nonce })])
}

/// Alice changes the group's extensions. Her new leaf supports all of them.
fn changes_extensions(scene: &mut Scene, extensions: Extensions) -> Forging<Vec<Sent>> {
    let draft = Draft::new([set_extensions(extensions)]);
    let draft = draft.leaf(|leaf_node| leaf_node.capabilities.extensions.push(UNKNOWN));
    Ok(vec![draft.send(&mut scene.forger)?])
}

pub(super) fn shorten(id: &mut PreSharedKeyId, right: bool) {
    if !right {
        let shorter: Vec<u8> = id.psk_nonce.iter().skip(1).copied().collect();
        id.psk_nonce = shorter.into();
    }
}

/// Returns a ReInit to a group like this one.
pub(super) fn reinit(scene: &Scene, change: impl FnOnce(&mut ReInit)) -> Proposal {
    let mut reinit = ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: scene.suite().cipher_suite(),
        extensions: Extensions::default(),
    };
    change(&mut reinit);
    Proposal::ReInit(Box::new(reinit))
}
