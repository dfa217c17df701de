//! Sample pre-shared keys, proposals, update paths and commits.

use super::leaves::{key_package, key_packages, leaf_node, leaf_nodes, smallest_leaf_node};
use super::values::{extensions, some_extensions, string};
use pando_wire::*;

pub(crate) fn resumption_psk_usages() -> Vec<ResumptionPskUsage> {
    vec![ResumptionPskUsage::Application, ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch]
}

pub(crate) fn psks() -> Vec<Psk> {
    let resumption = resumption_psk_usages().into_iter().map(|usage| Psk::Resumption {
        usage,
        psk_group_id: string(3),
        psk_epoch: u64::MAX - 1,
    });
    let external = [0, 3, 64].map(|len| Psk::External { psk_id: string(len) });
    external.into_iter().chain(resumption).collect()
}

pub(crate) fn pre_shared_key_ids() -> Vec<PreSharedKeyId> {
    let nonces = [0, 4].into_iter().cycle();
    psks().into_iter().zip(nonces).map(|(psk, len)| PreSharedKeyId { psk, psk_nonce: string(len) }).collect()
}

pub(crate) fn adds() -> Vec<Add> {
    key_packages().into_iter().map(|key_package| Add { key_package }).collect()
}

pub(crate) fn updates() -> Vec<Update> {
    leaf_nodes().into_iter().map(|leaf_node| Update { leaf_node }).collect()
}

pub(crate) fn removes() -> Vec<Remove> {
    [0, 1 << 31, u32::MAX].map(|leaf| Remove { removed: LeafIndex(leaf) }).into()
}

pub(crate) fn pre_shared_keys() -> Vec<PreSharedKey> {
    pre_shared_key_ids().into_iter().map(|psk| PreSharedKey { psk }).collect()
}

pub(crate) fn re_inits() -> Vec<ReInit> {
    vec![
        ReInit {
            group_id: string(3),
            version: ProtocolVersion::MLS_10,
            cipher_suite: CipherSuite(2),
            extensions: some_extensions(),
        },
        ReInit {
            group_id: string(64),
            version: ProtocolVersion(0xffff),
            cipher_suite: CipherSuite(0x6a6a),
            extensions: Extensions::default(),
        },
    ]
}

pub(crate) fn external_inits() -> Vec<ExternalInit> {
    [0, 5, 64].map(|len| ExternalInit { kem_output: string(len) }).into()
}

pub(crate) fn group_context_extensions() -> Vec<GroupContextExtensions> {
    extensions().into_iter().map(|extensions| GroupContextExtensions { extensions }).collect()
}

pub(crate) fn proposals() -> Vec<Proposal> {
    let mut proposals = vec![
        Proposal::Update(Update { leaf_node: leaf_node() }.into()),
        Proposal::Update(Update { leaf_node: smallest_leaf_node() }.into()),
        other(0, 1),
        other(8, 0),
        other(0xbaba, 3),
        other(0xffff, 64),
    ];
    proposals.extend(adds().into_iter().map(|add| Proposal::Add(add.into())));
    proposals.extend(removes().into_iter().map(Proposal::Remove));
    proposals.extend(pre_shared_keys().into_iter().map(|body| Proposal::PreSharedKey(body.into())));
    proposals.extend(re_inits().into_iter().map(|body| Proposal::ReInit(body.into())));
    proposals.extend(external_inits().into_iter().map(Proposal::ExternalInit));
    proposals.extend(group_context_extensions().into_iter().map(Proposal::GroupContextExtensions));
    proposals
}

fn other(proposal_type: u16, len: usize) -> Proposal {
    Proposal::Other(OtherProposal { proposal_type: ProposalType(proposal_type), data: string(len) })
}

pub(crate) fn proposals_or_refs() -> Vec<ProposalOrRef> {
    let references = [0, 4, 64].map(|len| ProposalOrRef::Reference(string(len)));
    proposals().into_iter().map(ProposalOrRef::Proposal).chain(references).collect()
}

pub(crate) fn hpke_ciphertexts() -> Vec<HpkeCiphertext> {
    [(0, 0), (3, 4), (2, 64), (65, 0)]
        .map(|(kem_output, ciphertext)| HpkeCiphertext {
            kem_output: string(kem_output),
            ciphertext: string(ciphertext),
        })
        .into()
}

pub(crate) fn hpke_ciphertext() -> HpkeCiphertext {
    HpkeCiphertext { kem_output: string(2), ciphertext: string(3) }
}

pub(crate) fn update_path_nodes() -> Vec<UpdatePathNode> {
    [vec![], vec![hpke_ciphertext()], vec![hpke_ciphertext(); 3], hpke_ciphertexts()]
        .map(|encrypted_path_secret| UpdatePathNode { encryption_key: string(2), encrypted_path_secret })
        .into()
}

/// Returns an update path with a short encoding.
fn update_path() -> UpdatePath {
    UpdatePath {
        leaf_node: LeafNode {
            leaf_node_source: LeafNodeSource::Commit { parent_hash: string(2) },
            ..smallest_leaf_node()
        },
        nodes: update_path_nodes().into_iter().take(2).collect(),
    }
}

pub(crate) fn update_paths() -> Vec<UpdatePath> {
    vec![
        update_path(),
        UpdatePath { leaf_node: leaf_node(), nodes: vec![] },
        UpdatePath { leaf_node: leaf_node(), nodes: update_path_nodes() },
    ]
}

/// Returns Commits with and without proposals and with and without a path.
pub(crate) fn commits() -> Vec<Commit> {
    let all = proposals_or_refs();
    let few = || vec![ProposalOrRef::Reference(string(3)), ProposalOrRef::Proposal(other(0xf000, 1))];
    let add = ProposalOrRef::Proposal(Proposal::Add(Add { key_package: key_package() }.into()));
    vec![
        Commit { proposals: vec![], path: None },
        Commit { proposals: few(), path: None },
        Commit { proposals: vec![], path: Some(update_path()) },
        Commit { proposals: few(), path: Some(update_path()) },
        Commit { proposals: vec![add], path: None },
        // The encoding of this Commit is longer than 400 bytes.
        Commit { proposals: all, path: Some(update_path()) },
    ]
}
