//! Tests that memory use stays proportional to the input.
//!
//! A byte string is copied once, so it takes one byte of memory for each byte of input. Lists of
//! elements with a short encoding take more. Let an element take `s` bytes in its `Vec`, own `h`
//! more bytes elsewhere, and take `w` bytes in the encoding. While a full `Vec` grows, it briefly
//! holds both its old memory and twice that amount of new memory. If a single additional element
//! has just caused that growth, this is almost three times the size of the elements. So the number
//! of bytes in memory for each byte of the input is at most
//!
//! ```text
//!     (3 s + h) / w
//! ```
//!
//! For example, a list of `Certificate` values takes 48 bytes for each byte of input, because `s` =
//! 16 for a boxed slice, and `h` = 0 and `w` = 1 if that slice is empty. Proposal references in a
//! Commit take 60, because an empty reference is encoded in `w` = 2 bytes, while an element has
//! room for the largest proposal, `s` = 40. The worst case is just below 62: a path whose nodes
//! have one ciphertext each. [`MEMORY_PER_BYTE`] is chosen accordingly, for 64-bit pointers.
//!
//! A new `Vec` has room for four elements, even if it holds only one. For lists inside a list, that
//! memory is part of `h`. For a single list, [`MEMORY_BESIDES`] covers it with 4 * 40 bytes.
//! Another 192 bytes are for the text of an error while it is formatted.

use crate::common::random::HUGE_LENGTHS;
use crate::common::values::{credential, string, x509};
use crate::common::{MEMORY_BESIDES, MEMORY_PER_BYTE, decoders, leaves, run, shown};
use pando_wire::*;
use tls_codec::Serialize;

/// The number of elements in a list: one more than a power of two, so that the `Vec` has just
/// doubled and is almost half empty.
const MANY: usize = (1 << 14) + 1;

/// Decodes a value and returns the peak number of allocated bytes for each byte of the input.
fn measured<T: Encode + Decode>(what: &str, value: &T) -> f64 {
    let bytes = value.encode().unwrap();
    let run = run::<T>(&bytes);
    assert!(run.encoding.as_ref() == Ok(&bytes), "{what}: {}", shown(&bytes));
    assert!(run.peak <= MEMORY_PER_BYTE * bytes.len() as u64 + MEMORY_BESIDES, "{what}: {}", run.peak);
    let per_byte = run.peak as f64 / bytes.len() as f64;
    println!("{per_byte:6.2}  {what}");
    per_byte
}

fn extensions(count: usize) -> Extensions {
    let empty = Extension { extension_type: ExtensionType(0xf000), extension_data: string(0) };
    Extensions(vec![empty; count])
}

fn commit(proposal: ProposalOrRef) -> Commit {
    Commit { proposals: vec![proposal; MANY], path: None }
}

fn update_path(secrets: usize) -> UpdatePath {
    let ciphertext = HpkeCiphertext { kem_output: string(0), ciphertext: string(0) };
    let node = UpdatePathNode { encryption_key: string(0), encrypted_path_secret: vec![ciphertext; secrets] };
    UpdatePath { leaf_node: leaves::smallest_leaf_node(), nodes: vec![node; MANY] }
}

#[test]
fn lists_of_the_smallest_elements() {
    let leaf = |credential| LeafNode { credential, ..leaves::smallest_leaf_node() };
    let tree = |node| RatchetTree(vec![node; MANY]);
    let parent = |leaves| {
        let unmerged_leaves = vec![LeafIndex(0); leaves];
        ParentNode { encryption_key: string(0), parent_hash: string(0), unmerged_leaves }
    };
    let senders = |credential| {
        let sender = ExternalSender { signature_key: string(0), credential };
        ExternalSenders(vec![sender; MANY])
    };
    let ciphertext = HpkeCiphertext { kem_output: string(0), ciphertext: string(0) };
    let secrets =
        EncryptedGroupSecrets { new_member: string(0), encrypted_group_secrets: ciphertext.clone() };
    let psk = PreSharedKeyId { psk: Psk::External { psk_id: string(0) }, psk_nonce: string(0) };
    let proposal = |extensions| {
        let proposal = Proposal::GroupContextExtensions(GroupContextExtensions { extensions });
        ProposalOrRef::Proposal(proposal)
    };

    let factors = [
        measured("blank nodes", &tree(None)),
        measured("leaves", &tree(Some(Node::Leaf(leaf(x509(&[])).into())))),
        measured("leaves with a certificate", &tree(Some(Node::Leaf(leaf(x509(&[0])).into())))),
        measured("parents", &tree(Some(Node::Parent(parent(0).into())))),
        measured("parents with an unmerged leaf", &tree(Some(Node::Parent(parent(1).into())))),
        measured("certificates", &x509(&[0; MANY])),
        measured("capabilities", &capabilities()),
        measured("extensions", &extensions(MANY)),
        measured("external senders", &senders(credential())),
        measured("external senders with a certificate", &senders(x509(&[0]))),
        measured("references", &commit(ProposalOrRef::Reference(string(0)))),
        measured("proposals", &commit(proposal(extensions(0)))),
        measured("proposals with an extension", &commit(proposal(extensions(1)))),
        measured("path nodes", &update_path(0)),
        measured("path nodes with a ciphertext", &update_path(1)),
        measured(
            "ciphertexts",
            &UpdatePathNode { encryption_key: string(0), encrypted_path_secret: vec![ciphertext; MANY] },
        ),
        measured(
            "encrypted secrets",
            &Welcome {
                cipher_suite: CipherSuite(1),
                secrets: vec![secrets; MANY],
                encrypted_group_info: string(0),
            },
        ),
        measured(
            "pre-shared keys",
            &GroupSecrets { joiner_secret: string(0), path_secret: None, psks: vec![psk; MANY] },
        ),
    ];
    println!("{:6.2}  the worst of all", factors.into_iter().fold(0.0, f64::max));
}

fn capabilities() -> Capabilities {
    Capabilities {
        versions: vec![ProtocolVersion(0); MANY],
        cipher_suites: vec![CipherSuite(0); MANY],
        extensions: vec![ExtensionType(0); MANY],
        proposals: vec![ProposalType(0); MANY],
        credentials: vec![CredentialType(0); MANY],
    }
}

#[test]
fn a_byte_string_is_copied_once() {
    let bytes = string::<Opaque>(1 << 20).tls_serialize_detached().unwrap();
    assert_eq!(run::<Opaque>(&bytes).peak, 1 << 20);
    assert_eq!(run::<SecretBytes>(&bytes).peak, 1 << 20);
}

#[test]
fn a_claimed_length_allocates_nothing() {
    let mut worst = 0;
    for decoder in decoders() {
        for (sample, claim) in decoder.samples.iter().flat_map(|s| HUGE_LENGTHS.map(|claim| (s, claim))) {
            for position in 0..=sample.len() {
                let bytes = [&sample[..position], claim, &[1, 2, 3]].concat();
                let run = decoder.check(&bytes);
                if bytes.len() <= 16 {
                    worst = worst.max(run.peak);
                    assert!(run.peak <= MEMORY_BESIDES, "{}: {}", decoder.name, shown(&bytes));
                }
            }
        }
    }
    println!("{worst} bytes at most");
}
