//! Keys, files and uploads for the tests.

use super::key::AttachmentKey;
use super::{ChunkLayout, EncryptedChunk, Upload};
use pando_api::Blob;
use pando_wire::Decode;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The length of a chunk.
pub(super) const CHUNK: usize = 1_024;

pub(super) const NOW: u64 = 1_800_000_000_000;

/// The expiry of the blobs.
pub(super) const EXPIRES: u64 = 1_800_000_086_400;

/// Returns a key that consists of equal bytes.
pub(super) fn key(byte: u8) -> AttachmentKey {
    AttachmentKey::decode(&[&[32][..], &[byte; 32]].concat()).unwrap()
}

/// Returns the contents of a file, whose chunks differ.
pub(super) fn file(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// Returns the layout of a file.
pub(super) fn layout(file: &[u8]) -> ChunkLayout {
    ChunkLayout::new(u64::try_from(file.len()).unwrap(), 1_024).unwrap()
}

/// Returns a chunk of a file.
pub(super) fn chunk_of(file: &[u8], chunk: u32) -> &[u8] {
    file.chunks(CHUNK).nth(usize::try_from(chunk).unwrap()).unwrap_or_default()
}

/// Returns the start of an upload. The key depends on the seed.
pub(super) fn upload(file: &[u8], seed: u64) -> Upload {
    Upload::new(layout(file), EXPIRES, &mut ChaCha20Rng::seed_from_u64(seed))
}

/// Stores at most `most` chunks.
pub(super) fn store(upload: &mut Upload, file: &[u8], most: usize) -> Vec<EncryptedChunk> {
    let mut stored = Vec::new();
    while let Some(number) = upload.next_chunk()
        && stored.len() < most
    {
        let chunk = upload.seal_chunk(number, chunk_of(file, number)).unwrap();
        let bytes = u64::try_from(chunk.contents.len()).unwrap();
        upload.record(&chunk, Blob { expires: EXPIRES, bytes }).unwrap();
        stored.push(chunk);
    }
    stored
}
