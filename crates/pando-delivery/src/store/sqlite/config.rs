//! Settings of a store in SQLite.

/// Settings of a [`SqliteStore`](crate::store::SqliteStore).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// Number of files over which partitions are spread, from 1 to [`SqliteConfig::MAX_SHARDS`].
    /// This number is fixed when the store is created.
    pub shards: u16,
    /// Number of threads that read each file.
    pub readers: usize,
    /// Limits for write requests that wait for one file.
    pub writes: QueueLimits,
    /// Limits for read requests that wait for one file.
    pub reads: QueueLimits,
    /// Maximum number of requests in one commit.
    pub batch_requests: usize,
    /// Approximate maximum number of bytes that one commit writes. A single request may exceed this
    /// limit, and is then committed alone.
    pub batch_bytes: usize,
    /// Length of the log part that is not in the database yet, in bytes, from which on a checkpoint
    /// copies this part to the database. Writes continue during such a checkpoint.
    pub checkpoint_bytes: u64,
    /// Maximum length of the write-ahead log in bytes. From a quarter of this length on, a
    /// checkpoint makes the writer wait for a moment, so that the log can start from its beginning.
    /// If a long-running reader or a full disk prevents this, requests fail with
    /// [`StoreError::Overloaded`](crate::store::StoreError::Overloaded) at the maximum, or at twice
    /// the maximum if only short readers that overlap prevent it. The log can exceed this length by
    /// one commit, and during a backup by all writes.
    pub log_bytes: u64,
    /// Size of the page cache of each connection in bytes.
    pub cache_bytes: u32,
    pub(super) is_durable: bool,
}

impl SqliteConfig {
    /// Maximum number of files.
    pub const MAX_SHARDS: u16 = 256;

    /// Returns these settings with another number of files.
    #[must_use]
    pub const fn with_shards(mut self, shards: u16) -> Self {
        self.shards = shards;
        self
    }

    /// Returns these settings with `synchronous = OFF`. A crash of the machine then loses
    /// acknowledged requests. With this setting, tests check that they would notice a missing sync.
    #[cfg(feature = "failpoints")]
    #[must_use]
    pub const fn without_durability(mut self) -> Self {
        self.is_durable = false;
        self
    }
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self {
            shards: 1,
            readers: 4,
            writes: QueueLimits::default(),
            reads: QueueLimits::default(),
            batch_requests: 512,
            batch_bytes: 8 << 20,
            checkpoint_bytes: 4 << 20,
            log_bytes: 128 << 20,
            cache_bytes: 16 << 20,
            is_durable: true,
        }
    }
}

/// Limits for waiting requests. A request that would exceed a limit fails with
/// [`StoreError::Overloaded`](crate::store::StoreError::Overloaded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Maximum number of requests.
    pub requests: usize,
    /// Maximum number of bytes of all requests. A request that alone exceeds this limit is accepted
    /// if no other request waits.
    pub bytes: usize,
    /// Maximum number of requests for one partition. This limit leaves room for other partitions
    /// when one partition receives more requests than the store can process.
    pub partition_requests: usize,
    /// Maximum number of bytes of all requests for one partition. A request that alone exceeds this
    /// limit is accepted if no other request for the partition waits.
    pub partition_bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { requests: 8_192, bytes: 64 << 20, partition_requests: 1_024, partition_bytes: 16 << 20 }
    }
}
