//! The pointer to an encrypted file.

use super::cipher;
use super::codec::{AttachmentLabel, Text};
use super::error::AttachmentError;
use super::key::AttachmentKey;
use super::layout::ChunkLayout;
use super::stored::StoredChunks;
use crate::operation::Operation;
use pando_api::{Digest, MessageContent};
use pando_wire::{Decode, DecodeError, Encode};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The pointer to an encrypted file, which is the body of an application message of the media type
/// [`Attachment::MEDIA_TYPE`].
///
/// The encoding contains the key of the file, so [`Encode::encode_secret`] returns it in a buffer
/// that is zeroized. Decoding checks that the lengths are within the limits of [`ChunkLayout`], and
/// that there is a digest for each chunk.
///
/// A receiver reads the blobs in any order, and each of them as often as it needs, so it can
/// continue after an interruption with the chunks that are not in its file yet.
#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Attachment {
    label: AttachmentLabel,
    /// The name of the file. An empty text means that there is none.
    name: Text,
    media_type: Text,
    key: AttachmentKey,
    expires: u64,
    #[tls_codec(with = "complete")]
    chunks: StoredChunks,
}

impl Encode for Attachment {}

impl Attachment {
    /// The media type of the body of a message that contains an attachment.
    pub const MEDIA_TYPE: &str = "application/vnd.pando.attachment";

    /// Returns the pointer to a file whose chunks are all stored.
    pub(super) fn new(
        name: &str,
        media_type: &str,
        key: AttachmentKey,
        expires: u64,
        chunks: StoredChunks,
    ) -> Self {
        let (name, media_type) = (Text(name.to_owned()), Text(media_type.to_owned()));
        Self { label: AttachmentLabel, name, media_type, key, expires, chunks }
    }

    /// Reads the content of an application message. Returns `None` if it has another media type.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is not the encoding of an attachment.
    pub fn read(content: &MessageContent) -> Result<Option<Self>, DecodeError> {
        if content.media_type.as_slice() != Self::MEDIA_TYPE.as_bytes() {
            return Ok(None);
        }
        Self::decode(&content.body).map(Some)
    }

    /// Returns the name of the file, if the sender has given one. The sender can choose any text,
    /// so the name must not be used as a path without a check.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        Some(self.name.0.as_str()).filter(|name| !name.is_empty())
    }

    /// Returns the media type of the file.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type.0
    }

    /// Returns the length of the file, and its division into chunks.
    #[must_use]
    pub const fn layout(&self) -> ChunkLayout {
        self.chunks.layout()
    }

    /// Returns the time of the expiry in milliseconds since 1970.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    /// Returns the digest of the blob of a chunk, or `None` if the file has no such chunk.
    #[must_use]
    pub fn digest(&self, chunk: u32) -> Option<&Digest> {
        self.chunks.digest(chunk)
    }

    /// Returns the operation that reads the blob of a chunk. The time is in milliseconds since
    /// 1970.
    ///
    /// # Errors
    /// [`AttachmentError::Expired`] and [`AttachmentError::NoChunk`].
    pub fn read_operation(&self, chunk: u32, now: u64) -> Result<Operation, AttachmentError> {
        self.check_expiry(now)?;
        Ok(Operation::ReadBlob { digest: *self.known_digest(chunk)?, range: None })
    }

    /// Decrypts the blob of a chunk. The plaintext belongs at the range that [`ChunkLayout::range`]
    /// returns. The time is in milliseconds since 1970: an expired attachment is refused, even if
    /// the server still has its blobs.
    ///
    /// # Errors
    /// [`AttachmentError`] if the blob is not that of the chunk, or the attachment has expired.
    pub fn open_chunk(&self, chunk: u32, blob: &[u8], now: u64) -> Result<Vec<u8>, AttachmentError> {
        self.check_expiry(now)?;
        if Digest::of(blob) != *self.known_digest(chunk)? {
            return Err(AttachmentError::Digest { chunk });
        }
        cipher::open(&self.key, self.layout(), chunk, blob)
    }

    /// Checks that the attachment has not expired.
    pub(super) fn check_expiry(&self, now: u64) -> Result<(), AttachmentError> {
        let expires = self.expires;
        if now < expires { Ok(()) } else { Err(AttachmentError::Expired { expires }) }
    }

    fn known_digest(&self, chunk: u32) -> Result<&Digest, AttachmentError> {
        self.digest(chunk).ok_or(AttachmentError::NoChunk { chunk, chunks: self.layout().chunks() })
    }
}

/// Encodes the chunks of a file, which must all be stored.
mod complete {
    use super::StoredChunks;
    use std::io::Write;
    use tls_codec::{DeserializeBytes, Error, Serialize, Size};

    pub(super) fn tls_serialized_len(chunks: &StoredChunks) -> usize {
        chunks.tls_serialized_len()
    }

    pub(super) fn tls_serialize<W: Write>(chunks: &StoredChunks, writer: &mut W) -> Result<usize, Error> {
        chunks.tls_serialize(writer)
    }

    pub(super) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(StoredChunks, &[u8]), Error> {
        let (chunks, rest) = StoredChunks::tls_deserialize_bytes(bytes)?;
        match chunks.next() {
            None => Ok((chunks, rest)),
            Some(missing) => Err(Error::DecodingError(format!("no digest of chunk {missing}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::fixture::{CHUNK, EXPIRES, NOW, chunk_of, file, key, store, upload};
    use bytes::Bytes;
    use pando_api::MessageId;
    use pando_wire::Opaque;
    use proptest::prelude::*;

    const START: &[u8] = b"\x14Pando 1.0 Attachment";

    /// The encoding of the pointer to the file `hello`, with the key of the bytes 0 to 31. The
    /// example in docs/protocol.md, section 16, has the same blob.
    const GOLDEN: &str = "1450616e646f20312e30204174746163686d656e740968656c6c6f2e7478740a\
        746578742f706c61696e20000102030405060708090a0b0c0d0e0f1011121314\
        15161718191a1b1c1d1e1f000001a3185da18000000000000000050000040021\
        2043a88de036726297ecb426d26646cff5fc6ee35404c1702c18a7629721914d\
        9a";

    /// Returns the pointer to a file and its blobs.
    fn sent(file: &[u8]) -> (Attachment, Vec<Bytes>) {
        let mut upload = upload(file, 1);
        let blobs = store(&mut upload, file, usize::MAX).into_iter().map(|chunk| chunk.contents).collect();
        (upload.finish(Some("notes.txt"), "text/plain", NOW).unwrap(), blobs)
    }

    /// Returns the encoding of a pointer with the given lengths and number of digests.
    fn encoded(length: u64, chunk_length: u32, digests: usize) -> Vec<u8> {
        let digests = [&[32_u8][..], &[9; 32]].concat().repeat(digests);
        let digests = Opaque::from(digests).with_length().unwrap();
        let (key, expires) = ([&[32_u8][..], &[7; 32]].concat(), EXPIRES.to_be_bytes());
        let lengths = [&length.to_be_bytes()[..], &chunk_length.to_be_bytes()].concat();
        [START, b"\x00", b"\x0atext/plain", &key, &expires, &lengths, &digests].concat()
    }

    fn content(media_type: &str, body: Vec<u8>) -> MessageContent {
        MessageContent {
            id: MessageId([7; 16]),
            head: None,
            media_type: media_type.into(),
            expires: 0,
            body: body.into(),
            extensions: Vec::new(),
        }
    }

    #[test]
    fn files_are_received() {
        for length in [0, 1, 1_023, 1_024, 1_025, 2_048, 5_000] {
            let file = file(length);
            let (attachment, blobs) = sent(&file);
            let attachment = Attachment::decode(&attachment.encode_secret().unwrap()).unwrap();
            let layout = attachment.layout();
            assert_eq!((layout.length(), layout.chunk_length()), (u64::try_from(length).unwrap(), 1_024));
            assert_eq!(usize::try_from(layout.chunks()).unwrap(), blobs.len());
            // In the reverse order, as after an interruption.
            for (chunk, blob) in (0..layout.chunks()).zip(&blobs).rev() {
                let read = attachment.read_operation(chunk, NOW).unwrap();
                let digest = Digest::of(blob);
                let Operation::ReadBlob { digest: asked, range: None } = read else { panic!("{read:?}") };
                assert_eq!(asked, digest);
                assert_eq!(attachment.digest(chunk), Some(&digest));
                assert_eq!(attachment.open_chunk(chunk, blob, NOW).unwrap(), chunk_of(&file, chunk));
            }
        }
    }

    #[test]
    fn the_encoding_is_that_of_another_implementation() {
        let bytes = hex::decode(GOLDEN).unwrap();
        let attachment = Attachment::decode(&bytes).unwrap();
        assert_eq!(*attachment.encode_secret().unwrap(), bytes);
        assert_eq!(attachment.name(), Some("hello.txt"));
        assert_eq!(attachment.media_type(), "text/plain");
        assert_eq!(attachment.expires(), EXPIRES);
        let blob = "ad526b011d0685437a88cbdb7af8e2272a45b4601b25ae256cd8126535a5a3f8\
                    b27915173586cdc6387b12d2ae2f91ae9b39c8662c";
        assert_eq!(attachment.open_chunk(0, &hex::decode(blob).unwrap(), NOW).unwrap(), b"hello");
    }

    #[test]
    fn a_name_is_optional() {
        let file = file(5);
        let mut upload = upload(&file, 1);
        store(&mut upload, &file, usize::MAX);
        for (name, expected) in [(None, None), (Some(""), None), (Some("a.txt"), Some("a.txt"))] {
            let attachment = upload.finish(name, "text/plain", NOW).unwrap();
            let attachment = Attachment::decode(&attachment.encode_secret().unwrap()).unwrap();
            assert_eq!(attachment.name(), expected);
        }
    }

    #[test]
    fn each_byte_of_a_blob_is_checked() {
        let (attachment, blobs) = sent(&file(30));
        for place in 0..blobs[0].len() {
            let mut altered = blobs[0].to_vec();
            altered[place] ^= 1;
            let error = Err(AttachmentError::Digest { chunk: 0 });
            assert_eq!(attachment.open_chunk(0, &altered, NOW), error, "{place}");
        }
        for blob in [&blobs[0][1..], &blobs[0][..77], &[&blobs[0][..], &[0]].concat(), &[]] {
            assert_eq!(attachment.open_chunk(0, blob, NOW), Err(AttachmentError::Digest { chunk: 0 }));
        }
    }

    #[test]
    fn blobs_of_other_chunks_are_refused() {
        let (attachment, blobs) = sent(&file(3_072));
        let (_, others) = sent(&[0; 3_072]);
        for chunk in 0..3_u32 {
            let own = usize::try_from(chunk).unwrap();
            let foreign = blobs.iter().enumerate().filter(|(place, _)| *place != own).map(|(_, blob)| blob);
            for blob in foreign.chain(&others) {
                assert_eq!(attachment.open_chunk(chunk, blob, NOW), Err(AttachmentError::Digest { chunk }));
            }
        }
        for chunk in [3, u32::MAX] {
            let error = AttachmentError::NoChunk { chunk, chunks: 3 };
            assert_eq!(attachment.open_chunk(chunk, &blobs[0], NOW), Err(error.clone()));
            assert_eq!(attachment.read_operation(chunk, NOW).err(), Some(error));
            assert_eq!(attachment.digest(chunk), None);
        }
    }

    #[test]
    fn a_sender_cannot_divide_a_file_in_another_way() {
        // The digests are those of the blobs, so only the encryption tells.
        let (attachment, blobs) = sent(&file(3_072));
        let pointer = |length, order: &[usize]| {
            let layout = ChunkLayout::new(length, 1_024).unwrap();
            let mut chunks = StoredChunks::new(layout);
            order.iter().for_each(|place| chunks.push(Digest::of(&blobs[*place])));
            Attachment::new("", "text/plain", attachment.key.copy(), EXPIRES, chunks)
        };
        for (length, order) in
            [(3_072, &[1, 0, 2][..]), (2_048, &[0, 1][..]), (4_096, &[0, 1, 2, 2][..]), (1_024, &[0][..])]
        {
            let pointer = pointer(length, order);
            let opened = pointer.open_chunk(0, &blobs[order[0]], NOW);
            assert_eq!(opened, Err(AttachmentError::Decryption { chunk: 0 }), "{order:?}");
        }
        let unchanged = pointer(3_072, &[0, 1, 2]);
        assert_eq!(unchanged.open_chunk(0, &blobs[0], NOW).unwrap(), file(CHUNK));
        // A blob of another length.
        let error = AttachmentError::BlobLength { chunk: 0, expected: 1_023 + 48, found: 1_072 };
        assert_eq!(pointer(1_023, &[0]).open_chunk(0, &blobs[0], NOW), Err(error));
    }

    #[test]
    fn an_expired_attachment_is_refused() {
        let file = file(5);
        let (attachment, blobs) = sent(&file);
        assert_eq!(attachment.expires(), EXPIRES);
        for now in [0, NOW, EXPIRES - 1] {
            assert_eq!(attachment.open_chunk(0, &blobs[0], now).unwrap(), file);
            assert!(attachment.read_operation(0, now).is_ok());
        }
        for now in [EXPIRES, u64::MAX] {
            let error = AttachmentError::Expired { expires: EXPIRES };
            assert_eq!(attachment.open_chunk(0, &blobs[0], now), Err(error.clone()));
            assert_eq!(attachment.read_operation(0, now).err(), Some(error));
        }
    }

    #[test]
    fn a_truncated_or_extended_pointer_is_malformed() {
        let (attachment, _) = sent(&file(2_500));
        let bytes = attachment.encode_secret().unwrap();
        for length in 0..bytes.len() {
            assert_eq!(Attachment::decode(&bytes[..length]), Err(DecodeError::Truncated), "{length}");
        }
        let extended = [&bytes[..], &[0]].concat();
        assert_eq!(Attachment::decode(&extended), Err(DecodeError::TrailingBytes));
    }

    #[test]
    fn the_lengths_and_the_digests_must_agree() {
        let most = 16_384 * 1_024;
        for (length, chunk_length, digests) in [
            (0, 1_024, 1),
            (1_024, 1_024, 1),
            (1_025, 1_024, 2),
            (1 << 38, 16 << 20, 16_384),
            (most, 1_024, 16_384),
        ] {
            let bytes = encoded(length, chunk_length, digests);
            let attachment = Attachment::decode(&bytes).unwrap();
            assert_eq!(attachment.layout().length(), length);
            assert_eq!(*attachment.encode_secret().unwrap(), bytes);
        }
        for (length, chunk_length, digests) in [
            (0, 1_024, 0),
            (0, 1_024, 2),
            (1_024, 1_024, 0),
            (1_024, 1_024, 2),
            (1_025, 1_024, 1),
            (1_025, 1_024, 3),
            (2_048, 1_023, 3),
            (2_048, 0, 1),
            (2_048, 0, 0),
            (1 << 25, (16 << 20) + 1, 2),
            (most + 1, 1_024, 16_385),
            (u64::MAX, 1_024, 1),
            (u64::MAX, u32::MAX, 1),
        ] {
            let decoded = Attachment::decode(&encoded(length, chunk_length, digests));
            let case = format!("{length} {chunk_length} {digests}");
            assert!(matches!(decoded, Err(DecodeError::Malformed(_))), "{case}");
        }
    }

    #[test]
    fn only_messages_of_the_media_type_are_read() {
        let (attachment, _) = sent(&file(5));
        let body = attachment.encode().unwrap();
        let read = |media_type: &str, body: &[u8]| Attachment::read(&content(media_type, body.to_vec()));
        assert_eq!(read("application/vnd.pando.attachment", &body), Ok(Some(attachment)));
        for other in ["", "text/plain", "application/vnd.pando.attachments"] {
            assert_eq!(read(other, &body), Ok(None));
        }
        assert!(read(Attachment::MEDIA_TYPE, b"hello").is_err());
    }

    #[test]
    fn debugging_shows_no_key() {
        let chunks = StoredChunks::new(ChunkLayout::new(5, 1_024).unwrap());
        let attachment = Attachment::new("", "text/plain", key(0xab), EXPIRES, chunks);
        let text = format!("{attachment:?}");
        assert!(text.contains("key: AttachmentKey([redacted])"), "{text}");
        assert!(!text.contains("171") && !text.contains("abab"), "{text}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Attachment::decode(&bytes);
            let labelled = [START, &bytes].concat();
            if let Ok(attachment) = Attachment::decode(&labelled) {
                prop_assert_eq!(attachment.encode().unwrap(), labelled);
            }
        }

        #[test]
        fn an_altered_pointer_is_malformed_or_stays_consistent(place in 0_usize..300, byte in any::<u8>()) {
            let (attachment, _) = sent(&file(3_000));
            let mut bytes = attachment.encode().unwrap();
            let place = place.min(bytes.len().saturating_sub(1));
            bytes[place] = byte;
            if let Ok(attachment) = Attachment::decode(&bytes) {
                let chunks = attachment.layout().chunks();
                prop_assert!((0..chunks).all(|chunk| attachment.digest(chunk).is_some()));
                prop_assert_eq!(attachment.digest(chunks), None);
                prop_assert_eq!(attachment.encode().unwrap(), bytes);
            }
        }
    }
}
