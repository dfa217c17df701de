//! A store in memory that records whether a request has changed it (docs/protocol.md, section 4: a
//! refused request does nothing).

use pando_delivery::store::{
    Due, KeyRange, MemoryStore, Row, ScanLimit, Snapshot, Store, StoreError, Transaction,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

/// The rows and the due time of a partition.
type Content = (Vec<Row>, Option<u64>);

/// All partitions of a store.
pub(crate) type Dump = BTreeMap<Vec<u8>, Content>;

/// The requests that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    Reads,
    Writes,
}

/// A store that counts the transactions that change it, and fails when a test asks for it.
#[derive(Default)]
pub(crate) struct WatchedStore {
    memory: RwLock<Arc<MemoryStore>>,
    /// The partitions that were changed.
    partitions: Mutex<Dump>,
    changes: AtomicU64,
    /// The error of all requests of some kind.
    fault: Mutex<Option<(Failing, StoreError)>>,
}

fn content(rows: &dyn Snapshot) -> Result<Content, StoreError> {
    Ok((rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX))?.rows, rows.due()?))
}

impl WatchedStore {
    /// Returns the number of transactions that have changed a row or a due time.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Returns the contents of all partitions.
    pub(crate) fn dump(&self) -> Dump {
        self.partitions.lock().unwrap().clone()
    }

    /// Replaces the contents.
    pub(crate) async fn restore(&self, dump: &Dump) {
        let memory = MemoryStore::new();
        for (partition, (rows, due)) in dump.clone() {
            let work = move |transaction: &mut dyn Transaction| {
                rows.iter().try_for_each(|row| transaction.put(&row.key, &row.value))?;
                transaction.set_due(due)
            };
            memory.write(&partition, 0, work).await.unwrap();
        }
        *self.memory.write().unwrap() = Arc::new(memory);
        *self.partitions.lock().unwrap() = dump.clone();
    }

    /// Lets all requests of a kind fail with this error, or none.
    pub(crate) fn fail(&self, fault: Option<(Failing, StoreError)>) {
        *self.fault.lock().unwrap() = fault;
    }

    fn memory(&self, kind: Failing) -> Result<Arc<MemoryStore>, StoreError> {
        match *self.fault.lock().unwrap() {
            Some((failing, error)) if failing == kind => Err(error),
            _ => Ok(Arc::clone(&self.memory.read().unwrap())),
        }
    }
}

impl Store for WatchedStore {
    async fn write<T, E>(
        &self,
        partition: &[u8],
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let work = move |rows: &mut dyn Transaction| {
            let before = content(rows)?;
            let value = work(rows)?;
            let after = content(rows)?;
            Ok::<_, E>((value, (before != after).then_some(after)))
        };
        let (value, changed) = self.memory(Failing::Writes)?.write(partition, bytes, work).await?;
        if let Some(content) = changed {
            self.changes.fetch_add(1, Ordering::SeqCst);
            self.partitions.lock().unwrap().insert(partition.to_vec(), content);
        }
        Ok(value)
    }

    async fn read<T, E>(
        &self,
        partition: &[u8],
        work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.memory(Failing::Reads)?.read(partition, work).await
    }

    async fn due(&self, now: u64, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.memory(Failing::Reads)?.due(now, limit).await
    }

    fn incarnation(&self) -> u64 {
        1
    }
}
