//! Blobs (docs/protocol.md, section 14).

use super::Service;
use crate::blob::{self, BlobPart, Chunk, Upload, UploadId, UploadRequest, partition};
use crate::error::Refusal;
use crate::store::{Snapshot, Store, Transaction};
use pando_api::{Blob, Digest};

/// A blob that is being uploaded. If it is dropped before [`BlobUpload::finish`], its chunks are
/// deleted later.
pub struct BlobUpload<S> {
    service: Service<S>,
    upload: Upload,
    partition: Vec<u8>,
}

impl<S: Store> Service<S> {
    /// Begins to store a blob. `id` is random. `length` is the length of the body, if the request
    /// states it. Returns the answer at once if the server has the blob already.
    ///
    /// # Errors
    /// See [`UploadRequest::begin`] and [`Upload::new`].
    pub async fn begin_blob(
        &self,
        (digest, expires): (Digest, u64),
        length: Option<u64>,
        id: UploadId,
        now: u64,
    ) -> Result<Result<Blob, BlobUpload<S>>, Refusal> {
        let request = UploadRequest { id, digest, expires };
        let upload = Upload::new(request, length, self.settings().blobs)?;
        let partition = partition(&digest);
        let work = move |rows: &mut dyn Transaction| request.begin(rows, now);
        match self.shared.store.write(&partition, 200, work).await? {
            Some(blob) => Ok(Ok(blob)),
            None => Ok(Err(BlobUpload { service: self.clone(), upload, partition })),
        }
    }

    /// Reads a part of a blob: at most `limit` bytes from `offset` on.
    ///
    /// # Errors
    /// See [`blob::read`].
    pub async fn read_blob(
        &self,
        digest: &Digest,
        (offset, limit): (u64, u64),
        now: u64,
    ) -> Result<BlobPart, Refusal> {
        let read = move |rows: &dyn Snapshot| blob::read(rows, now, offset, limit);
        self.shared.store.read(&partition(digest), read).await
    }
}

impl<S: Store> BlobUpload<S> {
    /// Appends a piece of the body.
    ///
    /// # Errors
    /// See [`Upload::append`] and [`Chunk::write`].
    pub async fn append(&mut self, piece: &[u8], now: u64) -> Result<(), Refusal> {
        for chunk in self.upload.append(piece)? {
            self.write(chunk, now).await?;
        }
        Ok(())
    }

    async fn write(&self, chunk: Chunk, now: u64) -> Result<(), Refusal> {
        let (bytes, work) = (chunk.size(), move |rows: &mut dyn Transaction| chunk.write(rows, now));
        self.service.shared.store.write(&self.partition, bytes, work).await
    }

    /// Makes the blob visible.
    ///
    /// # Errors
    /// See [`Upload::finish`] and [`CheckedUpload::write`](blob::CheckedUpload::write).
    pub async fn finish(self, now: u64) -> Result<Blob, Refusal> {
        let checked = self.upload.finish()?;
        let (bytes, work) = (checked.size(), move |rows: &mut dyn Transaction| checked.write(rows, now));
        self.service.shared.store.write(&self.partition, bytes, work).await
    }
}
