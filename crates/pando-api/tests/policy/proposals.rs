//! Proposals of each type.

use crate::fixture::{CUSTOM, suite};
use pando_mls::wire::{Add, GroupContextExtensions, OtherProposal, PreSharedKey, PreSharedKeyId};
use pando_mls::{
    Extensions, KeyPackage, LeafIndex, Proposal, ProposalType, ProtocolVersion, Psk, ReInit, Remove,
};

pub(crate) fn add(key_package: KeyPackage) -> Proposal {
    Proposal::Add(Box::new(Add { key_package }))
}

pub(crate) fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

pub(crate) fn external_psk() -> Psk {
    Psk::External { psk_id: b"psk".into() }
}

pub(crate) fn psk() -> Proposal {
    let psk = PreSharedKeyId { psk: external_psk(), psk_nonce: vec![1; suite().hash_len()].into() };
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
}

pub(crate) fn set_extensions(extensions: Extensions) -> Proposal {
    Proposal::GroupContextExtensions(GroupContextExtensions { extensions })
}

pub(crate) fn reinit(extensions: Extensions) -> Proposal {
    let (group_id, version) = ("the next of 16 b".into(), ProtocolVersion::MLS_10);
    let cipher_suite = suite().cipher_suite();
    Proposal::ReInit(Box::new(ReInit { group_id, version, cipher_suite, extensions }))
}

pub(crate) fn custom() -> Proposal {
    Proposal::Other(OtherProposal { proposal_type: ProposalType(CUSTOM), data: b"data".into() })
}
