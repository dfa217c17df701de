//! Uploading a blob (docs/protocol.md, sections 6.2 and 14).

use super::blob_row::BlobRow;
use super::expiry::{hasten, remembered};
use super::key::{Key, UploadId, uploads};
use super::upload_row::UploadRow;
use crate::error::Refusal;
use crate::store::{ScanLimit, Transaction};
use pando_api::{Blob, Digest, ProblemCode};
use sha2::{Digest as _, Sha256};
use std::cmp::Ordering;
use std::mem;

/// The number of bytes of each chunk but the last one.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// The most uploads of a digest at the same time.
const MAX_UPLOADS: usize = 16;

/// The limits of a server for blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobLimits {
    /// The largest number of bytes of a blob.
    pub bytes: u64,
    /// The longest time in milliseconds for which a blob is stored.
    pub lifetime: u64,
}

/// A request to store a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadRequest {
    /// The random identifier of the upload.
    pub id: UploadId,
    /// The digest of the blob.
    pub digest: Digest,
    /// The requested expiry, in milliseconds since 1970.
    pub expires: u64,
}

/// A body that is being received.
#[derive(Debug)]
pub struct Upload {
    request: UploadRequest,
    length: Option<u64>,
    limits: BlobLimits,
    hash: Sha256,
    bytes: u64,
    chunks: u32,
    rest: Vec<u8>,
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    id: UploadId,
    index: u32,
    data: Vec<u8>,
}

/// A body whose digest and length were checked. All its chunks but the last one are stored.
#[derive(Debug)]
pub struct CheckedUpload {
    request: UploadRequest,
    bytes: u64,
    last: Chunk,
    lifetime: u64,
}

impl UploadRequest {
    /// Begins an upload. Returns the answer to the request if the blob is stored already, or was
    /// stored and deleted early. The caller does not need the body then.
    ///
    /// # Errors
    /// - [`ProblemCode::Malformed`] if the requested expiry is past.
    /// - [`ProblemCode::IdempotencyConflict`] if the blob was stored with another expiry.
    /// - [`ProblemCode::Limit`] if there are too many uploads of this digest.
    pub fn begin(&self, rows: &mut dyn Transaction, now: u64) -> Result<Option<Blob>, Refusal> {
        self.check_expires(now)?;
        if let Some(blob) = remembered(rows, now)? {
            return blob.repeat(self.expires).map(Some);
        }
        if rows.get(&Key::Upload(self.id).encode())?.is_some() {
            return Ok(None);
        }
        if rows.scan(&uploads(), ScanLimit::rows(MAX_UPLOADS))?.rows.len() >= MAX_UPLOADS {
            return Err(Refusal::new(ProblemCode::Limit, "too many uploads of this digest"));
        }
        let row = UploadRow::new(now);
        row.write(rows, self.id)?;
        hasten(rows, row.deadline)?;
        Ok(None)
    }

    /// Gives up the upload after an error, so that [`expire`](super::expire) deletes its chunks.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a row is damaged.
    pub fn abandon(&self, rows: &mut dyn Transaction, now: u64) -> Result<(), Refusal> {
        if rows.get(&Key::Upload(self.id).encode())?.is_some() {
            UploadRow::GIVEN_UP.write(rows, self.id)?;
            hasten(rows, now)?;
        }
        Ok(())
    }

    fn check_expires(&self, now: u64) -> Result<(), Refusal> {
        if self.expires > now { Ok(()) } else { Err(Refusal::new(ProblemCode::Malformed, "expires is past")) }
    }
}

impl Upload {
    /// Returns the state of an upload without any bytes. `length` is the length of the body, if the
    /// request states it.
    ///
    /// # Errors
    /// [`ProblemCode::TooLarge`] if the body is longer than the limit.
    pub fn new(request: UploadRequest, length: Option<u64>, limits: BlobLimits) -> Result<Self, Refusal> {
        check_length(length.unwrap_or_default(), limits)?;
        let hash = Sha256::new();
        Ok(Self { request, length, limits, hash, bytes: 0, chunks: 0, rest: Vec::new() })
    }

    /// Appends a piece of the body. Returns the chunks that are full, which the caller writes in
    /// their order.
    ///
    /// # Errors
    /// [`ProblemCode::TooLarge`] if the body is longer than the limit.
    pub fn append(&mut self, mut piece: &[u8]) -> Result<Vec<Chunk>, Refusal> {
        self.bytes = self.bytes.saturating_add(piece.len().try_into().unwrap_or(u64::MAX));
        check_length(self.bytes, self.limits)?;
        self.hash.update(piece);
        let mut full = Vec::new();
        while !piece.is_empty() {
            let space = CHUNK_BYTES.saturating_sub(self.rest.len());
            let (fits, left) = piece.split_at_checked(space).unwrap_or((piece, &[]));
            self.rest.extend_from_slice(fits);
            piece = left;
            if self.rest.len() >= CHUNK_BYTES {
                full.push(self.next_chunk()?);
            }
        }
        Ok(full)
    }

    /// Checks the digest and the length of the body.
    ///
    /// # Errors
    /// [`ProblemCode::Malformed`] if the body has another digest or length than the request states.
    pub fn finish(mut self) -> Result<CheckedUpload, Refusal> {
        let last = self.next_chunk()?;
        let Self { request, length, limits, hash, bytes, .. } = self;
        if length.is_some_and(|length| length != bytes) {
            return Err(Refusal::new(ProblemCode::Malformed, "the body has another length"));
        }
        if *request.digest.as_ref() != *hash.finalize() {
            return Err(Refusal::new(ProblemCode::Malformed, "the body has another digest"));
        }
        Ok(CheckedUpload { request, bytes, last, lifetime: limits.lifetime })
    }

    fn next_chunk(&mut self) -> Result<Chunk, Refusal> {
        let (id, index) = (self.request.id, self.chunks);
        let next = index.checked_add(1);
        self.chunks = next.ok_or_else(|| Refusal::new(ProblemCode::Internal, "too many chunks"))?;
        Ok(Chunk { id, index, data: mem::take(&mut self.rest) })
    }
}

impl Chunk {
    /// Returns the number of bytes that the transaction writes, approximately.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.data.len()
    }

    /// Writes the chunk. Does nothing if the same chunk was written before.
    ///
    /// # Errors
    /// - [`ProblemCode::Overloaded`] if the upload was given up, because it took too long.
    /// - [`ProblemCode::Internal`] if the chunk is not the next one.
    pub fn write(&self, rows: &mut dyn Transaction, now: u64) -> Result<(), Refusal> {
        let row = UploadRow::read(rows, self.id, now)?;
        let key = Key::Chunk(self.id, self.index).encode();
        match self.index.cmp(&row.chunks) {
            Ordering::Equal => rows.put(&key, &self.data)?,
            Ordering::Less if rows.get(&key)?.is_some_and(|stored| stored == self.data) => return Ok(()),
            _ => return Err(Refusal::new(ProblemCode::Internal, "a chunk is out of order")),
        }
        let row = row.advance(self.data.len(), now)?;
        row.write(rows, self.id)?;
        hasten(rows, row.deadline)
    }
}

impl CheckedUpload {
    /// Returns the number of bytes that the transaction writes, approximately.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.last.size()
    }

    /// Makes the blob visible. If it is stored already, gives up this upload and returns the answer
    /// to the first request.
    ///
    /// # Errors
    /// - [`ProblemCode::Malformed`] if the requested expiry is past.
    /// - [`ProblemCode::IdempotencyConflict`] if the blob was stored with another expiry.
    /// - [`ProblemCode::Overloaded`] if the upload was given up, because it took too long.
    /// - [`ProblemCode::Internal`] if a chunk is missing.
    pub fn write(&self, rows: &mut dyn Transaction, now: u64) -> Result<Blob, Refusal> {
        let UploadRequest { id, expires: requested, .. } = self.request;
        self.request.check_expires(now)?;
        if let Some(blob) = remembered(rows, now)? {
            let answer = blob.repeat(requested)?;
            self.request.abandon(rows, now)?;
            return Ok(answer);
        }
        if !self.last.data.is_empty() {
            self.last.write(rows, now)?;
        }
        if UploadRow::read(rows, id, now)?.bytes != self.bytes {
            return Err(Refusal::new(ProblemCode::Internal, "a chunk is missing"));
        }
        rows.delete(&Key::Upload(id).encode())?;
        let expires = requested.min(now.saturating_add(self.lifetime));
        let blob = BlobRow { requested, expires, bytes: self.bytes, upload: id };
        blob.write(rows)?;
        hasten(rows, expires)?;
        blob.repeat(requested)
    }
}

/// Refuses a body that is longer than the limit.
fn check_length(bytes: u64, limits: BlobLimits) -> Result<(), Refusal> {
    if bytes <= limits.bytes {
        return Ok(());
    }
    Err(Refusal::new(ProblemCode::TooLarge, "").with(|problem| problem.limit = Some(limits.bytes)))
}
