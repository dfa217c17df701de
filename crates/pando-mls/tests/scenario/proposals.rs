//! Functions that create proposals for the scenarios, and values in these proposals.

use pando_mls::wire::{
    Add, ExternalSender, ExternalSenders, GroupContextExtensions, OtherProposal, PreSharedKey,
    PreSharedKeyId, Remove,
};
use pando_mls::{
    Credential, Extension, ExtensionType, Extensions, KeyPackage, LeafIndex, Proposal, ProposalType,
    ProtocolVersion, Psk, ReInit, Signer, Suite,
};

pub(crate) fn add(key_package: KeyPackage) -> Proposal {
    Proposal::Add(Box::new(Add { key_package }))
}

pub(crate) fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

/// Returns a PreSharedKey proposal with a constant nonce.
pub(crate) fn psk(psk: Psk, nonce_len: usize) -> Proposal {
    let psk = PreSharedKeyId { psk, psk_nonce: vec![1; nonce_len].into() };
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
}

/// Returns a proposal of an application-defined type.
pub(crate) fn custom(proposal_type: u16, data: &[u8]) -> Proposal {
    Proposal::Other(OtherProposal { proposal_type: ProposalType(proposal_type), data: data.into() })
}

pub(crate) fn reinit(suite: Suite, extensions: Extensions) -> ReInit {
    let (group_id, version) = (b"next".as_slice().into(), ProtocolVersion::MLS_10);
    ReInit { group_id, version, cipher_suite: suite.cipher_suite(), extensions }
}

/// Returns extensions of these types without contents.
pub(crate) fn extensions(types: &[u16]) -> Extensions {
    let extension =
        |kind: &u16| Extension { extension_type: ExtensionType(*kind), extension_data: vec![].into() };
    Extensions(types.iter().map(extension).collect())
}

pub(crate) fn set_extensions(extensions: Extensions) -> Proposal {
    Proposal::GroupContextExtensions(GroupContextExtensions { extensions })
}

/// Returns the `external_senders` extension for servers with these keys.
pub(crate) fn external_senders(signers: &[&dyn Signer]) -> Extensions {
    let senders = signers.iter().map(|signer| ExternalSender {
        signature_key: signer.public_key().clone(),
        credential: Credential::Basic { identity: b"a server".as_slice().into() },
    });
    Extensions(vec![Extension::new(&ExternalSenders(senders.collect())).unwrap()])
}
