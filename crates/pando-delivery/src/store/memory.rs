//! A store in memory. It is slow on purpose: each request copies its partition, so that the code is
//! obviously correct. The tests compare other stores with this one.

use crate::store::error::{Limit, StoreError};
use crate::store::interface::{Snapshot, Store, Transaction};
use crate::store::range::{Due, KeyRange, Page, Row, ScanLimit};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A store in memory, for tests.
#[derive(Default)]
pub struct MemoryStore {
    partitions: Mutex<BTreeMap<Vec<u8>, Partition>>,
}

#[derive(Clone, Default)]
struct Partition {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    due: Option<u64>,
}

impl MemoryStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Partition>> {
        // The map changes only by one assignment, so it is consistent after a panic.
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("partitions", &self.partitions().len()).finish()
    }
}

impl Store for MemoryStore {
    async fn write<T, E>(
        &self,
        partition: &[u8],
        _bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        Limit::check_partition(partition).map_err(StoreError::from)?;
        let mut partitions = self.partitions();
        let content = partitions.get(partition).cloned().unwrap_or_default();
        let mut transaction = MemoryTransaction { content, failed: None };
        let value = work(&mut transaction)?;
        if let Some(error) = transaction.failed {
            return Err(error.into());
        }
        partitions.insert(partition.to_vec(), transaction.content);
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
        Limit::check_partition(partition).map_err(StoreError::from)?;
        let content = self.partitions().get(partition).cloned().unwrap_or_default();
        work(&content)
    }

    async fn due(&self, now: u64, limit: usize) -> Result<Vec<Due>, StoreError> {
        let partitions = self.partitions();
        let all = partitions.iter().filter_map(|(partition, content)| {
            let at = content.due.filter(|at| *at <= now)?;
            Some(Due { at, partition: partition.clone() })
        });
        let mut due: Vec<_> = all.collect();
        due.sort_unstable();
        due.truncate(limit);
        Ok(due)
    }

    fn incarnation(&self) -> u64 {
        1
    }
}

impl Partition {
    fn range<'a>(&'a self, range: &'a KeyRange) -> impl DoubleEndedIterator<Item = Row> + 'a {
        let rows = self.rows.iter().filter(|(key, _)| {
            key.as_slice() >= range.start() && range.end().is_none_or(|end| key.as_slice() < end)
        });
        rows.map(|(key, value)| Row { key: key.clone(), value: value.clone() })
    }
}

impl Snapshot for Partition {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, limit: ScanLimit) -> Result<Page, StoreError> {
        Page::collect(self.range(range).map(Ok), limit)
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Row>, StoreError> {
        Ok(self.range(range).next_back())
    }

    fn due(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.due)
    }
}

struct MemoryTransaction {
    content: Partition,
    /// The first error of a method of this transaction.
    failed: Option<StoreError>,
}

impl MemoryTransaction {
    /// Returns the content, unless an earlier method has failed.
    fn content(&self) -> Result<&Partition, StoreError> {
        self.failed.map_or(Ok(&self.content), Err)
    }

    /// Returns the content for a change, unless an earlier method has failed or `checked` is an
    /// error.
    fn change(&mut self, checked: Result<(), Limit>) -> Result<&mut Partition, StoreError> {
        let result = self.failed.map_or(checked.map_err(StoreError::from), Err);
        self.failed = result.err();
        result.map(|()| &mut self.content)
    }
}

impl Snapshot for MemoryTransaction {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.content()?.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: ScanLimit) -> Result<Page, StoreError> {
        self.content()?.scan(range, limit)
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Row>, StoreError> {
        self.content()?.last(range)
    }

    fn due(&self) -> Result<Option<u64>, StoreError> {
        self.content()?.due()
    }
}

impl Transaction for MemoryTransaction {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.change(Limit::check_row(key, value))?.rows.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.change(Ok(()))?.rows.remove(key);
        Ok(())
    }

    fn delete_range(&mut self, range: &KeyRange, limit: usize) -> Result<bool, StoreError> {
        let content = self.change(Ok(()))?;
        let page = content.scan(range, ScanLimit::rows(limit))?;
        for row in &page.rows {
            content.rows.remove(&row.key);
        }
        Ok(page.has_more)
    }

    fn set_due(&mut self, at: Option<u64>) -> Result<(), StoreError> {
        self.change(Limit::check_due(at).map(drop))?.due = at;
        Ok(())
    }
}
