//! Sample group states and Welcomes.

use super::proposals::{hpke_ciphertext, hpke_ciphertexts, pre_shared_key_ids};
use super::values::{extensions, some_extensions, string};
use pando_wire::*;

fn group_context() -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite(3),
        group_id: string(3),
        epoch: 0x0102_0304_0506_0708,
        tree_hash: string(4),
        confirmed_transcript_hash: string(5),
        extensions: some_extensions(),
    }
}

pub(crate) fn group_contexts() -> Vec<GroupContext> {
    vec![
        group_context(),
        GroupContext {
            version: ProtocolVersion(0),
            cipher_suite: CipherSuite(0x7a7a),
            group_id: string(0),
            epoch: 0,
            tree_hash: string(0),
            confirmed_transcript_hash: string(0),
            extensions: Extensions::default(),
        },
        GroupContext { tree_hash: string(64), confirmed_transcript_hash: string(64), ..group_context() },
    ]
}

pub(crate) fn group_info() -> GroupInfo {
    GroupInfo {
        group_context: group_context(),
        extensions: some_extensions(),
        confirmation_tag: string(4),
        signer: LeafIndex(7),
        signature: string(5),
    }
}

pub(crate) fn group_infos() -> Vec<GroupInfo> {
    let mut infos: Vec<_> =
        extensions().into_iter().map(|extensions| GroupInfo { extensions, ..group_info() }).collect();
    infos.push(GroupInfo {
        confirmation_tag: string(0),
        signer: LeafIndex(u32::MAX),
        signature: string(64),
        ..group_info()
    });
    infos
}

pub(crate) fn path_secrets() -> Vec<PathSecret> {
    [0, 5, 64].map(|len| PathSecret { path_secret: string(len) }).into()
}

/// Returns group secrets with and without a path secret and PSKs.
pub(crate) fn group_secrets() -> Vec<GroupSecrets> {
    let path_secret = |len| Some(PathSecret { path_secret: string(len) });
    [
        (None, vec![]),
        (path_secret(0), vec![]),
        (None, pre_shared_key_ids()),
        (path_secret(4), pre_shared_key_ids()),
        (path_secret(64), pre_shared_key_ids().split_off(5)),
    ]
    .map(|(path_secret, psks)| GroupSecrets { joiner_secret: string(3), path_secret, psks })
    .into()
}

fn encrypted() -> EncryptedGroupSecrets {
    EncryptedGroupSecrets { new_member: string(3), encrypted_group_secrets: hpke_ciphertext() }
}

pub(crate) fn encrypted_group_secrets() -> Vec<EncryptedGroupSecrets> {
    let ciphertexts = hpke_ciphertexts().into_iter();
    ciphertexts
        .map(|encrypted_group_secrets| EncryptedGroupSecrets { encrypted_group_secrets, ..encrypted() })
        .collect()
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        cipher_suite: CipherSuite(1),
        secrets: vec![encrypted(), encrypted()],
        encrypted_group_info: string(6),
    }
}

pub(crate) fn welcomes() -> Vec<Welcome> {
    vec![
        welcome(),
        Welcome { cipher_suite: CipherSuite(0xcaca), secrets: vec![], encrypted_group_info: string(0) },
        Welcome { secrets: encrypted_group_secrets(), encrypted_group_info: string(70), ..welcome() },
    ]
}
