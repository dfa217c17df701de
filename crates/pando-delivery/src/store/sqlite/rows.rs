//! The tables of a file, and the statements that read and write rows.
//!
//! The table `entries` has the rows of all partitions, ordered by partition and key. It has no row
//! numbers, so a row is stored once, in the order in which it is read.
//!
//! A value of more than [`INLINE`] bytes is in the table `large_values`. SQLite searches `entries`
//! by comparing whole records. To compare a key with that of a record on several pages, SQLite
//! first reads the value, too. A value of some megabytes near the root of the tree would slow
//! down each access to any partition of the file. The search by a number in `large_values` reads
//! no values.

use crate::store::error::{Limit, StoreError};
use crate::store::interface::{Snapshot, Transaction};
use crate::store::range::{Due, KeyRange, Page, Row, ScanLimit};
use crate::store::sqlite::connection::failure;
use rusqlite::{Connection, Error, OptionalExtension, Params, Statement};
use std::cell::Cell;

/// Maximum length of a value in the table `entries`, in bytes.
const INLINE: usize = 4_096;

/// Returns the statements that create the tables in a schema. Each row of `entries` has either a
/// value or the number of a large value.
///
/// There are no triggers and no checks, because with them, each statement would have a savepoint of
/// its own within that of the request. To end such a savepoint takes SQLite a time in proportion to
/// all pages that the request has changed.
pub(super) fn tables(schema: &str) -> String {
    format!(
        "CREATE TABLE {schema}.entries (
             partition BLOB NOT NULL,
             key BLOB NOT NULL,
             value BLOB,
             large INTEGER,
             PRIMARY KEY (partition, key)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE {schema}.large_values (
             id INTEGER NOT NULL PRIMARY KEY,
             value BLOB NOT NULL
         ) STRICT;
         CREATE TABLE {schema}.due (
             partition BLOB NOT NULL PRIMARY KEY,
             at INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE INDEX {schema}.due_by_time ON due (at, partition);"
    )
}

/// The statements that copy all rows from the schema `main` to the empty schema `copy`.
pub(super) const COPY: &str = "
    INSERT INTO copy.large_values SELECT id, value FROM main.large_values ORDER BY id;
    INSERT INTO copy.entries SELECT partition, key, value, large FROM main.entries ORDER BY partition, key;
    INSERT INTO copy.due SELECT partition, at FROM main.due ORDER BY partition";

/// Number of bytes that [`SqliteTransaction::written`] counts for each change in addition to its
/// key and value.
const CHANGE: usize = 64;

/// A consistent view of one partition. The caller has begun a transaction.
///
/// After some failures, for instance if the disk is full, SQLite rolls back the whole transaction.
/// A later statement would then be a transaction of its own. Therefore, all methods return the
/// first failure, and do not use the connection again.
pub(super) struct SqliteSnapshot<'a> {
    connection: &'a Connection,
    partition: &'a [u8],
    /// The first error of a method.
    failed: Cell<Option<StoreError>>,
}

impl<'a> SqliteSnapshot<'a> {
    pub(super) const fn new(connection: &'a Connection, partition: &'a [u8]) -> Self {
        Self { connection, partition, failed: Cell::new(None) }
    }

    /// Returns the first error of a method.
    const fn result(&self) -> Result<(), StoreError> {
        match self.failed.get() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Keeps an error. The caller has checked that no earlier method has failed.
    fn fail(&self, error: StoreError) -> StoreError {
        self.failed.set(Some(error));
        error
    }

    /// Returns the result of a check, unless an earlier method has failed.
    fn check<T>(&self, checked: Result<T, Limit>) -> Result<T, StoreError> {
        self.result()?;
        checked.map_err(|limit| self.fail(limit.into()))
    }

    /// Runs a statement, unless an earlier method has failed.
    fn run<T>(
        &self,
        sql: &str,
        run: impl FnOnce(&mut Statement<'_>) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.result()?;
        let result = self.connection.prepare_cached(sql).and_then(|mut statement| run(&mut statement));
        result.map_err(|error| self.fail(store_error(&error)))
    }

    /// Runs a statement that changes rows, and returns their number.
    fn execute(&self, sql: &str, values: impl Params) -> Result<usize, StoreError> {
        self.run(sql, |statement| statement.execute(values))
    }

    /// Stores a large value, and returns its number.
    fn insert_large(&self, value: &[u8]) -> Result<i64, StoreError> {
        let sql = "INSERT INTO large_values (value) VALUES (?1)";
        self.run(sql, |statement| statement.insert((value,)))
    }

    /// Returns the key of the row that follows the first `skipped` rows of a range.
    fn key_after(&self, range: &KeyRange, skipped: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT key FROM entries WHERE partition = ?1 AND key >= ?2 AND key < ?3
                   ORDER BY key LIMIT 1 OFFSET ?4";
        let values = (self.partition, range.start(), range.end_or_greatest(), sql_number(skipped));
        self.run(sql, |statement| statement.query_row(values, |row| row.get(0)).optional())
    }
}

impl Snapshot for SqliteSnapshot<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT coalesce(value, (SELECT value FROM large_values WHERE id = large))
                   FROM entries WHERE partition = ?1 AND key = ?2";
        self.run(sql, |statement| statement.query_row((self.partition, key), |row| row.get(0)).optional())
    }

    fn scan(&self, range: &KeyRange, limit: ScanLimit) -> Result<Page, StoreError> {
        let sql = "SELECT key, coalesce(value, (SELECT value FROM large_values WHERE id = large))
                   FROM entries WHERE partition = ?1 AND key >= ?2 AND key < ?3
                   ORDER BY key LIMIT ?4";
        // One more row tells whether the range has more rows than the limit.
        let count = sql_number(limit.rows.saturating_add(1));
        let values = (self.partition, range.start(), range.end_or_greatest(), count);
        self.run(sql, |statement| Page::collect(statement.query_map(values, row)?, limit))
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Row>, StoreError> {
        let sql = "SELECT key, coalesce(value, (SELECT value FROM large_values WHERE id = large))
                   FROM entries WHERE partition = ?1 AND key >= ?2 AND key < ?3
                   ORDER BY key DESC LIMIT 1";
        let values = (self.partition, range.start(), range.end_or_greatest());
        self.run(sql, |statement| statement.query_row(values, row).optional())
    }

    fn due(&self) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT at FROM due WHERE partition = ?1";
        self.run(sql, |statement| {
            statement.query_row((self.partition,), |row| row.get(0).map(time)).optional()
        })
    }
}

/// A write transaction on one partition. The caller has begun a transaction and a savepoint.
pub(super) struct SqliteTransaction<'a> {
    snapshot: SqliteSnapshot<'a>,
    written: usize,
}

impl<'a> SqliteTransaction<'a> {
    pub(super) const fn new(connection: &'a Connection, partition: &'a [u8]) -> Self {
        Self { snapshot: SqliteSnapshot::new(connection, partition), written: 0 }
    }

    /// Returns the approximate number of bytes that the transaction has written.
    pub(super) const fn written(&self) -> usize {
        self.written
    }

    /// Returns the first error of a method of this transaction, because `work` may ignore it.
    pub(super) const fn result(&self) -> Result<(), StoreError> {
        self.snapshot.result()
    }

    /// Deletes the large value of a row, if it has one. The row itself is changed next.
    fn delete_large(&self, key: &[u8]) -> Result<(), StoreError> {
        let sql = "DELETE FROM large_values
                   WHERE id = (SELECT large FROM entries WHERE partition = ?1 AND key = ?2)";
        self.snapshot.execute(sql, (self.snapshot.partition, key)).map(drop)
    }

    fn count(&mut self, changes: usize, bytes: usize) {
        self.written = self.written.saturating_add(bytes).saturating_add(changes.saturating_mul(CHANGE));
    }
}

impl Snapshot for SqliteTransaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.snapshot.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: ScanLimit) -> Result<Page, StoreError> {
        self.snapshot.scan(range, limit)
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Row>, StoreError> {
        self.snapshot.last(range)
    }

    fn due(&self) -> Result<Option<u64>, StoreError> {
        self.snapshot.due()
    }
}

impl Transaction for SqliteTransaction<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.snapshot.check(Limit::check_row(key, value))?;
        let written = key.len().saturating_add(value.len());
        let (value, large) = if value.len() > INLINE {
            (None, Some(self.snapshot.insert_large(value)?))
        } else {
            (Some(value), None)
        };
        let values = (self.snapshot.partition, key, value, large);
        // Most rows are new, and have no large value that must be deleted first.
        let sql = "INSERT INTO entries (partition, key, value, large) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        if self.snapshot.execute(sql, values)? == 0 {
            self.delete_large(key)?;
            let sql = "UPDATE entries SET value = ?3, large = ?4 WHERE partition = ?1 AND key = ?2";
            self.snapshot.execute(sql, values)?;
        }
        self.count(1, written);
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.delete_large(key)?;
        let sql = "DELETE FROM entries WHERE partition = ?1 AND key = ?2";
        let changes = self.snapshot.execute(sql, (self.snapshot.partition, key))?;
        self.count(changes, key.len());
        Ok(())
    }

    fn delete_range(&mut self, range: &KeyRange, limit: usize) -> Result<bool, StoreError> {
        let rest = self.snapshot.key_after(range, limit)?;
        let end = rest.as_deref().unwrap_or_else(|| range.end_or_greatest());
        let values = (self.snapshot.partition, range.start(), end);
        let sql = "DELETE FROM large_values WHERE id IN (
                       SELECT large FROM entries WHERE partition = ?1 AND key >= ?2 AND key < ?3)";
        self.snapshot.execute(sql, values)?;
        let sql = "DELETE FROM entries WHERE partition = ?1 AND key >= ?2 AND key < ?3";
        let changes = self.snapshot.execute(sql, values)?;
        self.count(changes, 0);
        Ok(rest.is_some())
    }

    fn set_due(&mut self, at: Option<u64>) -> Result<(), StoreError> {
        let partition = self.snapshot.partition;
        let changes = match self.snapshot.check(Limit::check_due(at))? {
            // An unchanged time writes nothing.
            Some(at) => self.snapshot.execute(
                "INSERT INTO due (partition, at) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET at = excluded.at WHERE at <> excluded.at",
                (partition, at),
            )?,
            None => self.snapshot.execute("DELETE FROM due WHERE partition = ?1", (partition,))?,
        };
        self.count(changes, partition.len());
        Ok(())
    }
}

/// Returns the partitions of a file whose due time is at most `now`.
pub(super) fn due(connection: &Connection, now: u64, limit: usize) -> Result<Vec<Due>, StoreError> {
    let sql = "SELECT at, partition FROM due WHERE at <= ?1 ORDER BY at, partition LIMIT ?2";
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let due = connection.prepare_cached(sql).and_then(|mut statement| {
        let rows = statement.query_map((now, sql_number(limit)), |row| {
            Ok(Due { at: time(row.get(0)?), partition: row.get(1)? })
        })?;
        rows.collect()
    });
    due.map_err(|error| store_error(&error))
}

fn row(row: &rusqlite::Row<'_>) -> Result<Row, Error> {
    Ok(Row { key: row.get(0)?, value: row.get(1)? })
}

/// Converts a due time. A time is never negative, because it is checked before it is stored.
fn time(at: i64) -> u64 {
    u64::try_from(at).unwrap_or_default()
}

fn sql_number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn store_error(error: &Error) -> StoreError {
    failure(error).into()
}
