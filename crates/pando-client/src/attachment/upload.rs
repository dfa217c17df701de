//! The state of sending a file.

use super::cipher;
use super::codec::UploadLabel;
use super::error::AttachmentError;
use super::key::AttachmentKey;
use super::layout::ChunkLayout;
use super::pointer::Attachment;
use super::stored::StoredChunks;
use crate::operation::Operation;
use crate::transport::Randomness;
use bytes::Bytes;
use pando_api::{Blob, Digest};
use pando_wire::Encode;
use std::fmt;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A chunk that is encrypted and not recorded yet.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedChunk {
    /// The number of the chunk, from 0 on.
    pub number: u32,
    /// The digest of the blob.
    pub digest: Digest,
    /// The contents of the blob.
    pub contents: Bytes,
}

impl fmt::Debug for EncryptedChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, digest, contents } = self;
        write!(f, "EncryptedChunk({number}, {digest}, {} bytes)", contents.len())
    }
}

/// The state of sending a file: its key, and the chunks that are stored.
///
/// The caller encrypts the chunks in the order of their numbers, and stores each blob by the
/// operation that [`Upload::store_operation`] returns. After each answer it records the chunk, and
/// stores the encoding of the upload, which contains the key of the file.
///
/// If the client stops, it decodes the upload and continues with [`Upload::next_chunk`]. It may
/// encrypt and store a chunk again that it had stored but not recorded, which has no other effect:
/// the blob and the request are the same. If the file has changed, the chunk has another blob and
/// another key, so encrypting it again is safe. A receiver then gets a file whose chunks are partly
/// from before the change. To detect this, the caller passes the recorded chunks to
/// [`Upload::seal_chunk`] again before it continues.
///
/// ```
/// use pando_client::{Attachment, ChunkLayout, Upload};
/// use pando_mls::{Decode, Encode};
/// # use pando_api::Blob;
/// # use rand_core::SeedableRng;
/// # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
/// # let (now, expires) = (1_800_000_000_000, 1_800_000_086_400);
///
/// let file = b"at five?".repeat(1_000);
/// let layout = ChunkLayout::new(8_000, 4_096)?;
/// let mut upload = Upload::new(layout, expires, &mut rng);
/// let mut blobs = Vec::new();
/// while let Some(number) = upload.next_chunk() {
///     let range = layout.range(number).ok_or("no chunk")?;
///     let chunk = upload.seal_chunk(number, &file[range.start as usize..range.end as usize])?;
///     // The caller performs this operation.
///     let operation = upload.store_operation(&chunk);
///     # let stored = Blob { expires, bytes: chunk.contents.len() as u64 };
///     upload.record(&chunk, stored)?;
///     // The caller stores this state.
///     let state = upload.encode_secret()?;
///     upload = Upload::decode(&state)?;
///     blobs.push(chunk.contents);
/// }
/// let attachment = upload.finish(Some("notes.txt"), "text/plain", now)?;
/// let body = attachment.encode_secret()?;
///
/// // The receiver of the message.
/// let attachment = Attachment::decode(&body)?;
/// let mut received = attachment.open_chunk(0, &blobs[0], now)?;
/// received.extend(attachment.open_chunk(1, &blobs[1], now)?);
/// assert_eq!(received, file);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Upload {
    label: UploadLabel,
    key: AttachmentKey,
    /// The expiry in all requests.
    requested: u64,
    /// The earliest expiry in the answers.
    expires: u64,
    chunks: StoredChunks,
}

impl Encode for Upload {}

impl Upload {
    /// Begins an upload with a random key. The blobs are to be stored until `expires`, in
    /// milliseconds since 1970.
    pub fn new(layout: ChunkLayout, expires: u64, rng: &mut impl Randomness) -> Self {
        Self {
            label: UploadLabel,
            key: AttachmentKey::random(rng),
            requested: expires,
            expires,
            chunks: StoredChunks::new(layout),
        }
    }

    /// Returns the length of the file, and its division into chunks.
    #[must_use]
    pub const fn layout(&self) -> ChunkLayout {
        self.chunks.layout()
    }

    /// Returns the number of the first chunk that is not recorded, or `None` if all are.
    #[must_use]
    pub fn next_chunk(&self) -> Option<u32> {
        self.chunks.next()
    }

    /// Encrypts a chunk. The blob depends only on the key, the layout, the number and the
    /// plaintext. A chunk that is recorded must have the same plaintext as before.
    ///
    /// # Errors
    /// [`AttachmentError::NoChunk`], [`AttachmentError::PlaintextLength`] and
    /// [`AttachmentError::Changed`].
    pub fn seal_chunk(&self, number: u32, plaintext: &[u8]) -> Result<EncryptedChunk, AttachmentError> {
        let contents = cipher::seal(&self.key, self.layout(), number, plaintext)?;
        let digest = Digest::of(&contents);
        if self.chunks.digest(number).is_some_and(|stored| *stored != digest) {
            return Err(AttachmentError::Changed { chunk: number });
        }
        Ok(EncryptedChunk { number, digest, contents: contents.into() })
    }

    /// Returns the operation that stores the blob of a chunk. All operations of an upload have the
    /// same expiry, because the server refuses a repetition with another one.
    #[must_use]
    pub fn store_operation(&self, chunk: &EncryptedChunk) -> Operation {
        Operation::StoreBlob { contents: chunk.contents.clone(), expires: self.requested }
    }

    /// Records that the server has stored the blob of the next chunk. The server may shorten the
    /// expiry, and the attachment expires with its first blob.
    ///
    /// # Errors
    /// [`AttachmentError::Order`] if the chunk is not the next one.
    pub fn record(&mut self, chunk: &EncryptedChunk, stored: Blob) -> Result<(), AttachmentError> {
        if self.next_chunk() != Some(chunk.number) {
            return Err(AttachmentError::Order { chunk: chunk.number, recorded: self.chunks.count() });
        }
        self.chunks.push(chunk.digest);
        self.expires = self.expires.min(stored.expires);
        Ok(())
    }

    /// Returns the pointer to the file, for an application message. The caller keeps the upload
    /// until that message is sent, and then deletes it. The time is in milliseconds since 1970.
    ///
    /// # Errors
    /// [`AttachmentError::Incomplete`] if a chunk is not recorded. [`AttachmentError::Expired`] if
    /// a blob has expired or the server has deleted it: then the file must be sent by a new upload.
    pub fn finish(
        &self,
        name: Option<&str>,
        media_type: &str,
        now: u64,
    ) -> Result<Attachment, AttachmentError> {
        if let Some(chunk) = self.next_chunk() {
            return Err(AttachmentError::Incomplete { chunk });
        }
        let (key, chunks) = (self.key.copy(), self.chunks.clone());
        let attachment = Attachment::new(name.unwrap_or_default(), media_type, key, self.expires, chunks);
        attachment.check_expiry(now)?;
        Ok(attachment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::fixture::{CHUNK, EXPIRES, NOW, chunk_of, file, key, layout, store, upload};
    use pando_wire::{Decode, DecodeError};
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn restarted(upload: &Upload) -> Upload {
        Upload::decode(&upload.encode_secret().unwrap()).unwrap()
    }

    #[test]
    fn an_interrupted_upload_gives_the_same_blobs() {
        for length in [0, 1, 1_023, 1_024, 1_025, 5_000] {
            let file = file(length);
            let mut whole = upload(&file, 1);
            let blobs = store(&mut whole, &file, usize::MAX);
            let attachment = whole.finish(Some("a"), "text/plain", NOW);
            for interruption in 0..=blobs.len() {
                let mut begun = upload(&file, 1);
                let mut stored = store(&mut begun, &file, interruption);
                // A chunk that is encrypted and not recorded is encrypted in the same way again.
                let lost = begun.next_chunk().map(|next| begun.seal_chunk(next, chunk_of(&file, next)));
                let mut resumed = restarted(&begun);
                assert_eq!(resumed, begun);
                let again = resumed.next_chunk().map(|next| resumed.seal_chunk(next, chunk_of(&file, next)));
                assert_eq!(lost, again);
                stored.extend(store(&mut resumed, &file, usize::MAX));
                assert_eq!(stored, blobs);
                assert_eq!(resumed.finish(Some("a"), "text/plain", NOW), attachment);
            }
        }
    }

    #[test]
    fn a_changed_file_is_detected_by_reading_it_again() {
        let file = file(3_000);
        let mut upload = upload(&file, 1);
        let stored = store(&mut upload, &file, 2);
        let upload = restarted(&upload);
        let mut changed = file.clone();
        changed.iter_mut().for_each(|byte| *byte ^= 1);
        for number in 0..2 {
            let place = usize::try_from(number).unwrap();
            assert_eq!(upload.seal_chunk(number, chunk_of(&file, number)).unwrap(), stored[place]);
            let error = AttachmentError::Changed { chunk: number };
            assert_eq!(upload.seal_chunk(number, chunk_of(&changed, number)), Err(error));
        }
        // A longer or shorter file.
        for length in [951, 953] {
            let error = AttachmentError::PlaintextLength {
                chunk: 2,
                expected: 952,
                found: u64::try_from(length).unwrap(),
            };
            assert_eq!(upload.seal_chunk(2, &changed[..length]), Err(error));
        }
    }

    #[test]
    fn a_changed_chunk_uses_no_keystream_twice() {
        let file = file(CHUNK);
        let upload = upload(&file, 1);
        let before = upload.seal_chunk(0, &file).unwrap();
        let mut changed = file.clone();
        changed[0] ^= 1;
        let after = restarted(&upload).seal_chunk(0, &changed).unwrap();
        // With one keystream, all other bytes of the ciphertext would be equal.
        let pairs = before.contents.iter().zip(&after.contents).skip(32);
        assert!(pairs.filter(|(one, other)| one == other).count() < 50);
    }

    #[test]
    fn chunks_are_recorded_in_order() {
        let file = file(2_100);
        let mut upload = upload(&file, 1);
        let stored = Blob { expires: EXPIRES, bytes: 0 };
        let chunks = (0..3).map(|number| upload.seal_chunk(number, chunk_of(&file, number)).unwrap());
        let chunks: Vec<_> = chunks.collect();
        for (recorded, next) in (0..).zip(&chunks) {
            assert_eq!(upload.next_chunk(), Some(recorded));
            let error = AttachmentError::Incomplete { chunk: recorded };
            assert_eq!(upload.finish(None, "text/plain", NOW), Err(error));
            for other in chunks.iter().filter(|other| other.number != recorded) {
                let error = AttachmentError::Order { chunk: other.number, recorded };
                assert_eq!(upload.record(other, stored), Err(error));
            }
            upload.record(next, stored).unwrap();
        }
        assert_eq!(upload.next_chunk(), None);
        let error = AttachmentError::Order { chunk: 2, recorded: 3 };
        assert_eq!(upload.record(&chunks[2], stored), Err(error));
        assert!(upload.finish(None, "text/plain", NOW).is_ok());
    }

    #[test]
    fn a_repeated_request_has_the_same_expiry() {
        let file = file(2_000);
        let mut upload = upload(&file, 1);
        let chunk = upload.seal_chunk(0, chunk_of(&file, 0)).unwrap();
        for _ in 0..2 {
            let Operation::StoreBlob { contents, expires } = upload.store_operation(&chunk) else {
                panic!("not an operation that stores");
            };
            assert_eq!((contents, expires), (chunk.contents.clone(), EXPIRES));
            // The server has shortened the expiry of an earlier blob.
            let _ = upload.record(&chunk, Blob { expires: NOW, bytes: 1_072 });
            upload = restarted(&upload);
        }
    }

    #[test]
    fn an_attachment_expires_with_its_first_blob() {
        let file = file(3_000);
        let mut upload = upload(&file, 1);
        for (number, expires) in [(0, EXPIRES - 1), (1, EXPIRES - 9), (2, EXPIRES)] {
            let chunk = upload.seal_chunk(number, chunk_of(&file, number)).unwrap();
            upload.record(&chunk, Blob { expires, bytes: 0 }).unwrap();
            upload = restarted(&upload);
        }
        let finish = |now| upload.finish(None, "text/plain", now);
        assert_eq!(finish(EXPIRES - 10).unwrap().expires(), EXPIRES - 9);
        let error = AttachmentError::Expired { expires: EXPIRES - 9 };
        assert_eq!(finish(EXPIRES - 9), Err(error));
    }

    #[test]
    fn each_upload_has_its_own_key() {
        let (file, mut rng) = (file(1_500), ChaCha20Rng::seed_from_u64(1));
        let mut uploads = [(); 2].map(|()| Upload::new(layout(&file), EXPIRES, &mut rng));
        let blobs = uploads.each_mut().map(|upload| store(upload, &file, usize::MAX));
        let (one, other) = (&blobs[0], &blobs[1]);
        assert!(one.iter().zip(other).all(|(one, other)| one.digest != other.digest));
    }

    #[test]
    fn a_truncated_or_extended_state_is_malformed() {
        let file = file(3_000);
        let mut upload = upload(&file, 1);
        for _ in 0..=3 {
            let bytes = upload.encode_secret().unwrap();
            for length in 0..bytes.len() {
                assert_eq!(Upload::decode(&bytes[..length]), Err(DecodeError::Truncated));
            }
            assert_eq!(Upload::decode(&[&bytes[..], &[0]].concat()), Err(DecodeError::TrailingBytes));
            store(&mut upload, &file, 1);
        }
        assert_eq!(upload.next_chunk(), None);
        // More digests than chunks.
        let digest = [&[32_u8][..], &[9; 32]].concat();
        let bytes = upload.encode_secret().unwrap();
        let (digests, start) = (digest.repeat(4), &bytes[..bytes.len().saturating_sub(2 + 3 * 33)]);
        let digests = pando_wire::Opaque::from(digests).with_length().unwrap();
        assert!(matches!(Upload::decode(&[start, &digests].concat()), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn debugging_shows_no_key() {
        let chunks = StoredChunks::new(layout(b"at five?"));
        let upload =
            Upload { label: UploadLabel, key: key(0xab), requested: EXPIRES, expires: EXPIRES, chunks };
        let chunk = upload.seal_chunk(0, b"at five?").unwrap();
        let text = format!("{upload:?} {chunk:?}");
        assert!(text.contains("key: AttachmentKey([redacted])"), "{text}");
        assert!(!text.contains("171") && !text.contains("abab"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_file_is_sent_and_received(
            file in proptest::collection::vec(any::<u8>(), 0..6_000),
            chunk_length in 1_024_u32..3_000,
            interruption in 0_usize..7,
            seed in any::<u64>(),
        ) {
            let layout = ChunkLayout::new(u64::try_from(file.len()).unwrap(), chunk_length).unwrap();
            let mut upload = Upload::new(layout, EXPIRES, &mut ChaCha20Rng::seed_from_u64(seed));
            let mut blobs = Vec::new();
            while let Some(number) = upload.next_chunk() {
                if blobs.len() == interruption {
                    upload = restarted(&upload);
                }
                let range = layout.range(number).unwrap();
                let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                let chunk = upload.seal_chunk(number, &file[range]).unwrap();
                upload.record(&chunk, Blob { expires: EXPIRES, bytes: 0 }).unwrap();
                blobs.push(chunk.contents);
            }
            let attachment = upload.finish(None, "text/plain", NOW).unwrap();
            let opened = (0..).zip(&blobs).map(|(chunk, blob)| attachment.open_chunk(chunk, blob, NOW).unwrap());
            prop_assert_eq!(opened.collect::<Vec<_>>().concat(), file);
        }
    }
}
