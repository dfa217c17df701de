//! Encrypted attachments (docs/protocol.md, section 16).
//!
//! A file is divided into chunks, and each chunk is encrypted and stored as a blob. The pointer to
//! the blobs, an [`Attachment`], contains the key, and travels as the body of an application
//! message. An [`Upload`] is the state of the sender, which survives restarts. The caller reads and
//! writes the file, performs the operations, and stores the state.
//!
//! # The keys of chunks
//!
//! AES-GCM must never encrypt two plaintexts with the same key and nonce. The nonce of a chunk is
//! its number, and a sender that restarts encrypts a chunk again, because it cannot know whether
//! the first blob has reached the server. If the file had changed in the meantime, a single key for
//! the file would encrypt a second plaintext with the same nonce. A key that depends on a digest of
//! the whole file would not prevent this, because the file can change after the digest is computed.
//!
//! Therefore each chunk has a key of its own, which depends on the plaintext of the chunk:
//!
//! 1. The salt of a chunk is an HMAC of its place and its plaintext, under a key that is derived
//!    from the key of the file.
//! 2. The key of the chunk is derived from the key of the file and the salt.
//! 3. The blob consists of the salt and the ciphertext, so a receiver derives the same key.
//!
//! The encryption of a chunk is thus a deterministic function of the key of the file, the place and
//! the plaintext. The same plaintext gives the same blob, which the server stores only once, and
//! another plaintext has another key. No mistake of a caller repeats a pair of key and nonce.
//!
//! This is not convergent encryption: each file has a key of its own, which is random and is used
//! for no other file. Equal files, or equal chunks of one file, have unrelated blobs. The salt is
//! keyed, so the server cannot compare it with the hash of a plaintext that it guesses.
//!
//! # The place of a chunk
//!
//! The nonce contains the number of the chunk, and whether it is the last one. The associated data
//! contains the length of the file and of its chunks. As in STREAM, a receiver therefore detects
//! chunks that are reordered, left out, appended, or taken from another file. In addition, the
//! pointer has the digest of each blob, so all receivers of a message see the same file, even if
//! its sender is malicious.
//!
//! # Left out on purpose
//!
//! - The length of the file is not hidden from the server, which sees the lengths of the blobs.
//! - A receiver does not compute the salt again. The tag of AES-GCM already authenticates the
//!   plaintext, and another client may choose salts in another way.

mod cipher;
mod codec;
mod error;
#[cfg(test)]
mod fixture;
mod key;
mod layout;
mod pointer;
mod stored;
mod upload;

pub use error::AttachmentError;
pub use layout::ChunkLayout;
pub use pointer::Attachment;
pub use upload::{EncryptedChunk, Upload};
