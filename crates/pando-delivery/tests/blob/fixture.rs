//! A store with one partition, and clients that upload the blob of the partition.

use pando_api::{Blob, Digest, ProblemCode};
use pando_delivery::Refusal;
use pando_delivery::blob::{
    BlobLimits, BlobPart, CheckedUpload, Chunk, Upload, UploadId, UploadRequest, expire, partition, read,
};
use pando_delivery::store::{KeyRange, MemoryStore, ScanLimit, Store, Transaction};

/// The time of the tests, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000_000;

/// The expiry that clients request.
pub(crate) const EXPIRES: u64 = NOW + 1_000_000;

/// The number of bytes of a chunk.
pub(crate) const CHUNK: usize = 64 << 10;

pub(crate) const LIMITS: BlobLimits = BlobLimits { bytes: 1 << 20, lifetime: 10_000_000 };

/// A store with the partition of a blob.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) digest: Digest,
    store: MemoryStore,
}

/// Returns content in which all chunks are different.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index / 7 + index / CHUNK) % 251).unwrap()).collect()
}

impl World {
    pub(crate) fn new(content: &[u8]) -> Self {
        Self { now: NOW, digest: Digest::of(content), store: MemoryStore::new() }
    }

    /// Returns the request of a client to store the blob.
    pub(crate) fn request(&self, id: u8, expires: u64) -> UploadRequest {
        UploadRequest { id: UploadId::from([id; 16]), digest: self.digest, expires }
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Transaction, u64) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let now = self.now;
        block_on(self.store.write(&partition(&self.digest), 0, move |rows| work(rows, now)))
    }

    pub(crate) fn begin(&self, request: UploadRequest) -> Result<Option<Blob>, Refusal> {
        self.write(move |rows, now| request.begin(rows, now))
    }

    pub(crate) fn append(&self, upload: &mut Upload, piece: &[u8]) -> Result<(), Refusal> {
        upload.append(piece)?.into_iter().try_for_each(|chunk| self.put(chunk))
    }

    pub(crate) fn put(&self, chunk: Chunk) -> Result<(), Refusal> {
        self.write(move |rows, now| chunk.write(rows, now))
    }

    pub(crate) fn finish(&self, checked: CheckedUpload) -> Result<Blob, Refusal> {
        self.write(move |rows, now| checked.write(rows, now))
    }

    /// Uploads a body as the service does.
    pub(crate) fn upload(&self, request: UploadRequest, body: &[u8]) -> Result<Blob, Refusal> {
        if let Some(stored) = self.begin(request)? {
            return Ok(stored);
        }
        let mut upload = Upload::new(request, Some(body.len() as u64), LIMITS)?;
        for piece in body.chunks(10_000) {
            self.append(&mut upload, piece)?;
        }
        self.finish(upload.finish()?)
    }

    pub(crate) fn read(&self, offset: u64, limit: u64) -> Result<BlobPart, Refusal> {
        let now = self.now;
        block_on(self.store.read(&partition(&self.digest), move |rows| read(rows, now, offset, limit)))
    }

    /// Deletes what has expired, at most `limit` rows at a time. Returns the number of
    /// transactions.
    pub(crate) fn expire(&self, limit: usize) -> usize {
        let mut transactions = 0;
        loop {
            let before = self.rows();
            let has_more = self.write(move |rows, now| expire(rows, now, limit)).unwrap();
            transactions += 1;
            assert!(before - self.rows() <= limit + 1, "the chunks, and the row of the upload or blob");
            assert!(transactions < 1_000, "it never ends");
            if !has_more {
                return transactions;
            }
        }
    }

    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> usize {
        let all = ScanLimit::rows(usize::MAX);
        let partition = partition(&self.digest);
        let read = self
            .store
            .read(&partition, move |rows| Ok::<_, Refusal>(rows.scan(&KeyRange::all(), all)?.rows.len()));
        block_on(read).unwrap()
    }

    /// Returns the due time of the partition.
    pub(crate) fn due(&self) -> Option<u64> {
        let partition = partition(&self.digest);
        let read = self.store.read(&partition, |rows| Ok::<_, Refusal>(rows.due()?));
        block_on(read).unwrap()
    }
}

/// Returns the code of a refusal.
pub(crate) fn code<T>(result: Result<T, Refusal>) -> ProblemCode {
    match result {
        Ok(_) => panic!("not refused"),
        Err(refusal) => refusal.problem().known_code().unwrap(),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
