//! Negative cases of RFC 9420, sections 12.1 and 13.4: proposals that are invalid on their own.

use super::super::fixture::{
    BOB, Fixture, LISTED, UNKNOWN, extension, psk, remove, set_extensions, two_extensions,
};
use super::super::forger::Draft;
use super::added::BLANK_LEAF;
use super::{CaseTemplate, Forging, Sent, case};
use pando_wire::{
    Extension, ExtensionType, Extensions, PreSharedKeyId, Proposal, ProtocolVersion, Psk, ReInit,
    RequiredCapabilities, ResumptionPskUsage,
};

pub(super) const CASES: &[CaseTemplate] = &[
    case("Violation::RemovedIsNoMember", "A blank leaf is removed.", |fixture, valid| {
        fixture.commits([remove(if valid { BOB } else { BLANK_LEAF })])
    }),
    case("Violation::PskNonce", "The nonce of a PSK is a byte shorter than a hash.", |fixture, valid| {
        let mut id = fixture.psk();
        shorten(&mut id, valid);
        fixture.commits_without_path([psk(id)])
    })
    .everywhere(),
    case("Violation::PskUsage", "A PSK for reinitialization is proposed.", |fixture, valid| {
        resumption(fixture, valid, ResumptionPskUsage::ReInit)
    }),
    case("Violation::PskUsage", "A PSK for branching is proposed.", |fixture, valid| {
        resumption(fixture, valid, ResumptionPskUsage::Branch)
    }),
    case("Violation::ReInitVersion", "A ReInit lowers the version.", |fixture, valid| {
        let version = ProtocolVersion(u16::from(valid));
        let reinit = reinit(fixture, |reinit| reinit.version = version);
        fixture.commits_without_path([reinit])
    }),
    case("Violation::DuplicateExtension", "The group gets two extensions of one type.", |fixture, valid| {
        fixture.commits([set_extensions(two_extensions(valid))])
    }),
    case("Violation::ExternalInitInRegularCommit", "A member commits an ExternalInit.", |fixture, valid| {
        let init = fixture.forger.external_init()?;
        fixture.commits((!valid).then_some(init))
    }),
    case(
        "Violation::RequiredUnsupportedByMember",
        "The group gets a required extension type that a member lacks and the committer supports.",
        |fixture, valid| {
            let of_type = if valid { LISTED } else { UNKNOWN };
            let required =
                RequiredCapabilities { extension_types: vec![of_type], ..RequiredCapabilities::default() };
            let extensions = Extensions(vec![Extension::new(&required)?]);
            changes_extensions(fixture, extensions)
        },
    ),
    case(
        "Violation::ExtensionUnsupportedByMember",
        "The group gets an extension that a member lacks and the committer supports.",
        |fixture, valid| {
            let of_type = if valid { LISTED } else { UNKNOWN };
            changes_extensions(fixture, Extensions(vec![extension(of_type, b"")]))
        },
    ),
    case(
        "Violation::MalformedExtension",
        "The group gets required capabilities with a byte after their end.",
        |fixture, valid| {
            let data: &[u8] = if valid { &[0, 0, 0] } else { &[0, 0, 0, 0] };
            changes_extensions(
                fixture,
                Extensions(vec![extension(ExtensionType::REQUIRED_CAPABILITIES, data)]),
            )
        },
    ),
    case("Violation::MalformedExtension", "The group gets truncated external senders.", |fixture, valid| {
        let data: &[u8] = if valid { &[0] } else { &[5, 1] };
        changes_extensions(fixture, Extensions(vec![extension(ExtensionType::EXTERNAL_SENDERS, data)]))
    }),
];

/// Alice commits a proposal of the current epoch's resumption PSK.
fn resumption(fixture: &mut Fixture, valid: bool, usage: ResumptionPskUsage) -> Forging<Vec<Sent>> {
    let usage = if valid { ResumptionPskUsage::Application } else { usage };
    let (psk_group_id, psk_epoch) = (fixture.forger.context.group_id.clone(), fixture.forger.context.epoch);
    let id = Psk::Resumption { usage, psk_group_id, psk_epoch };
    let psk_nonce = fixture.forger.nonce();
    fixture.commits_without_path([psk(PreSharedKeyId { psk: id, psk_nonce })])
}

/// Alice changes the group's extensions. Her new leaf node supports all of them.
fn changes_extensions(fixture: &mut Fixture, extensions: Extensions) -> Forging<Vec<Sent>> {
    let draft = Draft::new([set_extensions(extensions)]);
    let draft = draft.leaf(|leaf_node| leaf_node.capabilities.extensions.push(UNKNOWN));
    Ok(vec![draft.send(&mut fixture.forger)?])
}

pub(super) fn shorten(id: &mut PreSharedKeyId, valid: bool) {
    if !valid {
        let shorter: Vec<u8> = id.psk_nonce.iter().skip(1).copied().collect();
        id.psk_nonce = shorter.into();
    }
}

/// Returns a ReInit proposal whose parameters match this group, before `change` is applied to it.
pub(super) fn reinit(fixture: &Fixture, change: impl FnOnce(&mut ReInit)) -> Proposal {
    let mut reinit = ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: fixture.suite().cipher_suite(),
        extensions: Extensions::default(),
    };
    change(&mut reinit);
    Proposal::ReInit(Box::new(reinit))
}
