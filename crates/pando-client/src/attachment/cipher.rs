//! The encryption of chunks. The documentation of the module [`attachment`](super) explains it.

use super::error::AttachmentError;
use super::key::AttachmentKey;
use super::layout::ChunkLayout;
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The number of bytes of a salt, and of a key.
const MAC_LEN: usize = 32;

/// The number of bytes by which a blob is longer than its chunk: the salt and the tag.
const OVERHEAD: u64 = 48;

/// The label of the key for salts.
const SALT_LABEL: &[u8] = b"Pando 1.0 AttachmentSalt";

/// The label of the keys of chunks, which the salt follows.
const KEY_LABEL: &[u8] = b"Pando 1.0 AttachmentKey";

/// The label at the start of the associated data, with its length.
const CONTEXT_LABEL: &[u8] = b"\x19Pando 1.0 AttachmentChunk";

/// Encrypts a chunk. Returns its blob. The result depends on nothing but the arguments.
#[expect(clippy::expect_used, reason = "AES-GCM fails only for inputs of more than 2^36 bytes")]
pub(super) fn seal(
    key: &AttachmentKey,
    layout: ChunkLayout,
    chunk: u32,
    plaintext: &[u8],
) -> Result<Vec<u8>, AttachmentError> {
    let (expected, found) = (layout.bytes(chunk)?, length(plaintext));
    if found != expected {
        return Err(AttachmentError::PlaintextLength { chunk, expected, found });
    }
    let (nonce, context) = (nonce(layout, chunk), context(layout));
    let salt_key = mac(key.expose(), &[SALT_LABEL]);
    let salt = mac(salt_key.as_slice(), &[&context, &nonce, plaintext]);
    let payload = Payload { msg: plaintext, aad: &context };
    let ciphertext = cipher(key, &salt).encrypt((&nonce).into(), payload).expect("at most 16 MiB");
    Ok([salt.as_slice(), &ciphertext].concat())
}

/// Decrypts the blob of a chunk.
pub(super) fn open(
    key: &AttachmentKey,
    layout: ChunkLayout,
    chunk: u32,
    blob: &[u8],
) -> Result<Vec<u8>, AttachmentError> {
    let (expected, found) = (layout.bytes(chunk)?.saturating_add(OVERHEAD), length(blob));
    if found != expected {
        return Err(AttachmentError::BlobLength { chunk, expected, found });
    }
    let decryption = AttachmentError::Decryption { chunk };
    let Some((salt, ciphertext)) = blob.split_first_chunk::<MAC_LEN>() else { return Err(decryption) };
    let (nonce, context) = (nonce(layout, chunk), context(layout));
    let payload = Payload { msg: ciphertext, aad: &context };
    cipher(key, salt).decrypt((&nonce).into(), payload).map_err(|_| decryption)
}

/// Returns the AEAD with the key of the chunk that has a salt.
fn cipher(key: &AttachmentKey, salt: &[u8; MAC_LEN]) -> Aes256Gcm {
    let chunk_key = mac(key.expose(), &[KEY_LABEL, salt]);
    Aes256Gcm::new((&*chunk_key).into())
}

/// Returns the nonce of a chunk: its number in 11 bytes, and a byte that is 1 for the last chunk.
fn nonce(layout: ChunkLayout, chunk: u32) -> [u8; 12] {
    let [a, b, c, d] = chunk.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, a, b, c, d, layout.is_last(chunk).into()]
}

/// Returns the associated data of all chunks of a file.
fn context(layout: ChunkLayout) -> Vec<u8> {
    [CONTEXT_LABEL, &layout.length().to_be_bytes(), &layout.chunk_length().to_be_bytes()].concat()
}

/// Returns the HMAC of the concatenated parts, by SHA-256.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; MAC_LEN]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::fixture::{CHUNK, chunk_of, file, key, layout};
    use pando_wire::{Decode, Opaque};

    /// The lengths of files, with chunks of 1,024 bytes.
    const LENGTHS: [usize; 7] = [0, 1, 1_023, 1_024, 1_025, 2_048, 3_500];

    fn sealed(key: &AttachmentKey, file: &[u8]) -> Vec<Vec<u8>> {
        let layout = layout(file);
        (0..layout.chunks()).map(|chunk| seal(key, layout, chunk, chunk_of(file, chunk)).unwrap()).collect()
    }

    #[test]
    fn blobs_are_those_of_another_implementation() {
        // The blobs were computed with Python's `hmac` and `cryptography`.
        let key: Vec<u8> = (0..32).collect();
        let key = AttachmentKey::decode(&Opaque::from(key).with_length().unwrap()).unwrap();
        let long = [&[b'a'; CHUNK][..], b"b"].concat();
        for (file, chunk, blob) in [
            (
                &b"hello"[..],
                0,
                "ad526b011d0685437a88cbdb7af8e2272a45b4601b25ae256cd8126535a5a3f8\
                 b27915173586cdc6387b12d2ae2f91ae9b39c8662c",
            ),
            (
                &b""[..],
                0,
                "4989d37d3bb571906d8d082dbf7bfea160e844e0c6ba027ac44c9b04bfb78325\
                 3510e69f10dde7c4899e5e04d9dbf70f",
            ),
            (
                &long[..],
                1,
                "2afcef3bd2433fc2a746787ddb8e1069b007efc4cc6940a23d26c954a39b3e01\
                 c53ecd79f04ef331d8b4cade85cc96dca9",
            ),
        ] {
            let (blob, plaintext) = (hex::decode(blob).unwrap(), chunk_of(file, chunk));
            assert_eq!(seal(&key, layout(file), chunk, plaintext).unwrap(), blob);
            assert_eq!(open(&key, layout(file), chunk, &blob).unwrap(), plaintext);
        }
        let first = seal(&key, layout(&long), 0, chunk_of(&long, 0)).unwrap();
        let digest = "e04d24fd92da4f86e3a403589a153e89d1a346639576811c28fabdf4a12caf7e";
        assert_eq!(hex::encode(pando_api::Digest::of(&first)), digest);
    }

    #[test]
    fn files_are_decrypted() {
        for length in LENGTHS {
            let (key, file) = (key(7), file(length));
            let chunks = (0..).zip(sealed(&key, &file));
            let opened: Vec<_> =
                chunks.map(|(chunk, blob)| open(&key, layout(&file), chunk, &blob).unwrap()).collect();
            assert_eq!(opened.concat(), file);
        }
    }

    #[test]
    fn the_label_is_an_opaque_text() {
        let label = Opaque::from("Pando 1.0 AttachmentChunk").with_length().unwrap();
        assert_eq!(CONTEXT_LABEL, label);
    }

    #[test]
    fn each_byte_is_authenticated() {
        let (key, file) = (key(7), file(CHUNK));
        let blob = sealed(&key, &file).remove(0);
        for place in 0..blob.len() {
            for bit in [0x01, 0x80] {
                let mut altered = blob.clone();
                altered[place] ^= bit;
                let opened = open(&key, layout(&file), 0, &altered);
                assert_eq!(opened, Err(AttachmentError::Decryption { chunk: 0 }), "{place}");
            }
        }
    }

    #[test]
    fn a_blob_has_the_length_of_its_chunk() {
        let (key, file) = (key(7), file(20));
        let blob = sealed(&key, &file).remove(0);
        let extended = [&blob[..], &[0; 2_000]].concat();
        for length in (0..100).filter(|length| *length != blob.len()).chain([2_000]) {
            let error =
                AttachmentError::BlobLength { chunk: 0, expected: 68, found: u64::try_from(length).unwrap() };
            assert_eq!(open(&key, layout(&file), 0, &extended[..length]), Err(error));
        }
    }

    #[test]
    fn a_plaintext_has_the_length_of_its_chunk() {
        let (key, layout) = (key(7), layout(&file(1_030)));
        for (chunk, expected) in [(0, 1_024), (1, 6)] {
            for length in [0, 5, 6, 7, 1_023, 1_024, 1_025, 1_030] {
                let found = u64::try_from(length).unwrap();
                let sealed = seal(&key, layout, chunk, &file(length));
                let error = AttachmentError::PlaintextLength { chunk, expected, found };
                assert_eq!(sealed.err(), (found != expected).then_some(error));
            }
        }
        assert_eq!(seal(&key, layout, 2, b""), Err(AttachmentError::NoChunk { chunk: 2, chunks: 2 }));
        assert_eq!(open(&key, layout, 2, b""), Err(AttachmentError::NoChunk { chunk: 2, chunks: 2 }));
    }

    #[test]
    fn chunks_keep_their_places() {
        // All chunks have the same length.
        let (key, file) = (key(7), file(3_072));
        let blobs = sealed(&key, &file);
        for (from, blob) in (0..).zip(&blobs) {
            for chunk in 0..3 {
                let opened = open(&key, layout(&file), chunk, blob);
                if chunk == from {
                    assert_eq!(opened.unwrap(), chunk_of(&file, chunk));
                } else {
                    assert_eq!(opened, Err(AttachmentError::Decryption { chunk }));
                }
            }
        }
    }

    #[test]
    fn chunks_belong_to_one_length_of_a_file() {
        let (key, three) = (key(7), file(3_072));
        let blobs = sealed(&key, &three);
        // The file ends earlier or later, or has other chunks.
        for other in [
            layout(&file(2_048)),
            layout(&file(3_071)),
            layout(&file(4_096)),
            ChunkLayout::new(3_072, 1_025).unwrap(),
        ] {
            for (chunk, blob) in (0..other.chunks()).zip(&blobs) {
                assert!(open(&key, other, chunk, blob).is_err());
            }
        }
        let longer = open(&key, layout(&file(4_096)), 0, &blobs[0]);
        assert_eq!(longer, Err(AttachmentError::Decryption { chunk: 0 }));
    }

    #[test]
    fn chunks_belong_to_one_key() {
        let file = file(2_048);
        let blobs = sealed(&key(7), &file);
        for (chunk, blob) in (0..).zip(&blobs) {
            let opened = open(&key(8), layout(&file), chunk, blob);
            assert_eq!(opened, Err(AttachmentError::Decryption { chunk }));
        }
    }

    #[test]
    fn another_plaintext_has_another_key() {
        let (key, one) = (key(7), file(CHUNK));
        let mut other = one.clone();
        other[CHUNK - 1] ^= 1;
        let (one, other) = (sealed(&key, &one).remove(0), sealed(&key, &other).remove(0));
        assert_ne!(one[..MAC_LEN], other[..MAC_LEN]);
        // With one keystream, all bytes but the last one and the tag would be equal.
        let pairs = one.iter().zip(&other).skip(MAC_LEN);
        assert!(pairs.filter(|(one, other)| one == other).count() < 50);
    }

    #[test]
    fn equal_plaintexts_have_unrelated_blobs() {
        // Two chunks of a file with the same plaintext, and the same file with another key.
        let file = [0; 2_048];
        let blobs = [sealed(&key(7), &file), sealed(&key(8), &file)].concat();
        for (place, blob) in blobs.iter().enumerate() {
            for other in &blobs[..place] {
                assert_ne!(blob[..MAC_LEN], other[..MAC_LEN]);
                assert_ne!(blob[MAC_LEN..], other[MAC_LEN..]);
            }
        }
        assert_eq!(sealed(&key(7), &file), blobs[..2], "the same key encrypts in the same way");
    }
}
