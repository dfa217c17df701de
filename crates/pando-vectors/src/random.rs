//! Random values of all message types: well-formed, but otherwise meaningless.

use crate::hex_bytes::Hex;
use pando_crypto::SecretBytes;
use pando_wire::{
    Add, Capabilities, Certificate, CipherSuite, Commit, Content, ContentType, Credential, CredentialType,
    EncryptedGroupSecrets, Extension, ExtensionType, Extensions, ExternalInit, FramedContent, GroupContext,
    GroupContextExtensions, GroupInfo, HpkeCiphertext, KeyPackage, LeafIndex, LeafNode, LeafNodeSource,
    Lifetime, Node, OtherProposal, ParentNode, PreSharedKey, PreSharedKeyId, PrivateMessage, Proposal,
    ProposalOrRef, ProposalType, ProtocolVersion, Psk, RatchetTree, ReInit, Remove, ResumptionPskUsage,
    Sender, Update, UpdatePath, UpdatePathNode, Welcome,
};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// Returns the given number of random bytes.
pub(crate) fn bytes(rng: &mut ChaCha20Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Exposes a secret as [`Hex`] so that it can be written to a file.
pub(crate) fn hex(secret: &SecretBytes) -> Hex {
    secret.expose().into()
}

/// Returns a random number below `count`.
fn choice(rng: &mut ChaCha20Rng, count: u32) -> u32 {
    rng.next_u32().checked_rem(count).unwrap_or(0)
}

fn flip(rng: &mut ChaCha20Rng) -> bool {
    choice(rng, 2) == 0
}

/// Returns a list of at least `from` and at most `to` random values.
fn several<T>(
    rng: &mut ChaCha20Rng,
    from: u32,
    to: u32,
    mut value: impl FnMut(&mut ChaCha20Rng) -> T,
) -> Vec<T> {
    let count = from.saturating_add(choice(rng, to.saturating_sub(from).saturating_add(1)));
    (0..count).map(|_| value(rng)).collect()
}

pub(crate) fn leaf_index(rng: &mut ChaCha20Rng) -> LeafIndex {
    LeafIndex(choice(rng, 1_000))
}

fn credential(rng: &mut ChaCha20Rng) -> Credential {
    if flip(rng) {
        Credential::Basic { identity: bytes(rng, 16).into() }
    } else {
        let certificate = |rng: &mut ChaCha20Rng| Certificate { cert_data: bytes(rng, 100).into() };
        Credential::X509 { certificates: several(rng, 1, 3, certificate) }
    }
}

pub(crate) fn extensions(rng: &mut ChaCha20Rng) -> Extensions {
    let mut extensions = vec![Extension {
        extension_type: ExtensionType::APPLICATION_ID,
        extension_data: vec![3, 1, 2, 3].into(),
    }];
    if flip(rng) {
        let extension_data = bytes(rng, 20).into();
        extensions.push(Extension { extension_type: ExtensionType(0x1a1a), extension_data });
    }
    Extensions(extensions)
}

pub(crate) fn leaf_node(rng: &mut ChaCha20Rng) -> LeafNode {
    let credential = credential(rng);
    let leaf_node_source = match choice(rng, 3) {
        0 => LeafNodeSource::KeyPackage { lifetime: lifetime() },
        1 => LeafNodeSource::Update,
        _ => LeafNodeSource::Commit { parent_hash: bytes(rng, 32).into() },
    };
    LeafNode {
        encryption_key: bytes(rng, 32).into(),
        signature_key: bytes(rng, 32).into(),
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: CipherSuite::ALL.into_iter().chain([CipherSuite(0x2a2a)]).collect(),
            extensions: vec![ExtensionType(0x1a1a)],
            proposals: vec![ProposalType(0x3a3a), ProposalType(0xf001)],
            credentials: vec![credential.credential_type(), CredentialType(0x4a4a)],
        },
        credential,
        leaf_node_source,
        extensions: extensions(rng),
        signature: bytes(rng, 64).into(),
    }
}

/// Returns a lifetime from the year 2026 to the year 2126.
const fn lifetime() -> Lifetime {
    Lifetime { not_before: 1_767_225_600, not_after: 4_922_899_200 }
}

pub(crate) fn key_package(rng: &mut ChaCha20Rng) -> KeyPackage {
    let mut leaf_node = leaf_node(rng);
    leaf_node.leaf_node_source = LeafNodeSource::KeyPackage { lifetime: lifetime() };
    KeyPackage {
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[0],
        init_key: bytes(rng, 32).into(),
        leaf_node,
        extensions: Extensions::default(),
        signature: bytes(rng, 64).into(),
    }
}

pub(crate) fn group_info(rng: &mut ChaCha20Rng) -> GroupInfo {
    GroupInfo {
        group_context: GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: CipherSuite::ALL[0],
            group_id: bytes(rng, 16).into(),
            epoch: rng.next_u64(),
            tree_hash: bytes(rng, 32).into(),
            confirmed_transcript_hash: bytes(rng, 32).into(),
            extensions: Extensions::default(),
        },
        extensions: extensions(rng),
        confirmation_tag: bytes(rng, 32).into(),
        signer: leaf_index(rng),
        signature: bytes(rng, 64).into(),
    }
}

fn ciphertext(rng: &mut ChaCha20Rng) -> HpkeCiphertext {
    HpkeCiphertext { kem_output: bytes(rng, 32).into(), ciphertext: bytes(rng, 48).into() }
}

pub(crate) fn welcome(rng: &mut ChaCha20Rng) -> Welcome {
    let secrets = |rng: &mut ChaCha20Rng| EncryptedGroupSecrets {
        new_member: bytes(rng, 32).into(),
        encrypted_group_secrets: ciphertext(rng),
    };
    Welcome {
        cipher_suite: CipherSuite::ALL[0],
        secrets: several(rng, 1, 4, secrets),
        encrypted_group_info: bytes(rng, 300).into(),
    }
}

/// Returns a tree of eight leaves in which some nodes are blank, but never the last one.
pub(crate) fn ratchet_tree(rng: &mut ChaCha20Rng) -> RatchetTree {
    let nodes = (0..15).map(|index| {
        let blank = index != 14 && flip(rng);
        (!blank).then(|| {
            if index % 2 == 0 {
                Node::Leaf(Box::new(leaf_node(rng)))
            } else {
                Node::Parent(Box::new(ParentNode {
                    encryption_key: bytes(rng, 32).into(),
                    parent_hash: bytes(rng, 32).into(),
                    unmerged_leaves: several(rng, 0, 2, leaf_index),
                }))
            }
        })
    });
    RatchetTree(nodes.collect())
}

pub(crate) fn external_psk(rng: &mut ChaCha20Rng) -> PreSharedKeyId {
    let psk = Psk::External { psk_id: bytes(rng, 16).into() };
    PreSharedKeyId { psk, psk_nonce: bytes(rng, 32).into() }
}

pub(crate) fn resumption_psk(rng: &mut ChaCha20Rng) -> PreSharedKeyId {
    let usage = match choice(rng, 3) {
        0 => ResumptionPskUsage::Application,
        1 => ResumptionPskUsage::ReInit,
        _ => ResumptionPskUsage::Branch,
    };
    let psk = Psk::Resumption { usage, psk_group_id: bytes(rng, 16).into(), psk_epoch: rng.next_u64() };
    PreSharedKeyId { psk, psk_nonce: bytes(rng, 32).into() }
}

pub(crate) fn re_init(rng: &mut ChaCha20Rng) -> ReInit {
    ReInit {
        group_id: bytes(rng, 16).into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[1],
        extensions: extensions(rng),
    }
}

pub(crate) fn proposal(rng: &mut ChaCha20Rng) -> Proposal {
    match choice(rng, 8) {
        0 => Proposal::Add(Box::new(Add { key_package: key_package(rng) })),
        1 => Proposal::Update(Box::new(Update { leaf_node: leaf_node(rng) })),
        2 => Proposal::Remove(Remove { removed: leaf_index(rng) }),
        3 => Proposal::PreSharedKey(Box::new(PreSharedKey { psk: resumption_psk(rng) })),
        4 => Proposal::ReInit(Box::new(re_init(rng))),
        5 => Proposal::ExternalInit(ExternalInit { kem_output: bytes(rng, 32).into() }),
        6 => Proposal::GroupContextExtensions(GroupContextExtensions { extensions: extensions(rng) }),
        _ => {
            let data = bytes(rng, 20).into();
            Proposal::Other(OtherProposal { proposal_type: ProposalType(0xf001), data })
        }
    }
}

pub(crate) fn commit(rng: &mut ChaCha20Rng) -> Commit {
    let proposals = several(rng, 1, 4, |rng| {
        if flip(rng) {
            ProposalOrRef::Proposal(proposal(rng))
        } else {
            ProposalOrRef::Reference(bytes(rng, 32).into())
        }
    });
    let node = |rng: &mut ChaCha20Rng| UpdatePathNode {
        encryption_key: bytes(rng, 32).into(),
        encrypted_path_secret: several(rng, 1, 3, ciphertext),
    };
    let path = UpdatePath { leaf_node: leaf_node(rng), nodes: several(rng, 1, 4, node) };
    Commit { proposals, path: Some(path) }
}

/// Returns a `FramedContent` from a member with the given content.
pub(crate) fn framed_content(rng: &mut ChaCha20Rng, content: Content) -> FramedContent {
    FramedContent {
        group_id: bytes(rng, 16).into(),
        epoch: rng.next_u64(),
        sender: Sender::Member(leaf_index(rng)),
        authenticated_data: bytes(rng, 8).into(),
        content,
    }
}

pub(crate) fn private_message(rng: &mut ChaCha20Rng) -> PrivateMessage {
    PrivateMessage {
        group_id: bytes(rng, 16).into(),
        epoch: rng.next_u64(),
        content_type: ContentType::Application,
        authenticated_data: bytes(rng, 8).into(),
        encrypted_sender_data: bytes(rng, 28).into(),
        ciphertext: bytes(rng, 120).into(),
    }
}
