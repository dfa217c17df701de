//! Giving room back to the file system, without the contents that were there.
//!
//! `VACUUM` writes a database anew at the beginning of its file. When the log is written to the database, the end of the
//! file is cut off as it is, with values that can be read by whoever finds its blocks and has the key. So the end is
//! overwritten first:
//!
//! 1. `VACUUM`, and then rows of zeros are added to the table `pando_filler` until there are as many pages as before.
//!    Meanwhile another connection reads the state before, so that no checkpoint is made.
//! 2. The log is written to the database: each page is overwritten by a new one.
//! 3. The zeros are deleted, and `VACUUM` again. The database is the same as after the first one, so it has the same
//!    pages, and nothing but zeros is cut off. If another connection has written in between, the zeros are added again.
//!
//! The row 0 of `pando_filler` has the number of pages. A client that opens the store after a crash adds the zeros
//! that are missing, before it writes the log to the database.

use crate::StoreError;
use crate::backend::Backend;
use crate::faults::point;
use crate::sqlite::Sqlite;
use rusqlite::OptionalExtension;

/// How often room is given back if others write meanwhile.
const ATTEMPTS: u8 = 3;

/// Number of pages that a row of zeros has at most.
const ROW: i64 = 4_096;

/// Gives room back.
pub(crate) fn run(sqlite: &mut Sqlite) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        if attempt(sqlite)? {
            return Ok(());
        }
    }
    Err(StoreError::Busy)
}

/// Returns false if another client has written meanwhile.
fn attempt(sqlite: &mut Sqlite) -> Result<bool, StoreError> {
    let pages = mark(sqlite)?;
    let reader = hold(sqlite)?;
    vacuum(sqlite, pages)?;
    drop(reader);
    sqlite.erase()?;
    let seen = sqlite.data_version()?;
    let reader = hold(sqlite)?;
    sqlite.execute("DELETE FROM pando_filler WHERE id > 0")?;
    sqlite.unfilled = true;
    sqlite.connection().execute_batch("VACUUM main")?;
    let alone = sqlite.data_version()? == seen;
    if !alone {
        fill(sqlite, pages)?;
    }
    sqlite.unfilled = false;
    point("compact::cut")?;
    drop(reader);
    if alone {
        sqlite.execute("DELETE FROM pando_filler")?;
    }
    sqlite.erase()?;
    Ok(alone)
}

/// Adds the zeros that a client which ended too early has not added.
pub(crate) fn refill(sqlite: &mut Sqlite) -> Result<(), StoreError> {
    let sql = "SELECT value FROM pando_filler WHERE id = 0";
    let pages = sqlite.connection().query_row(sql, [], |row| row.get(0)).optional()?;
    fill(sqlite, pages.unwrap_or(0))?;
    sqlite.unfilled = false;
    Ok(())
}

/// Notes how many pages there are, and deletes zeros that are left.
fn mark(sqlite: &Sqlite) -> Result<i64, StoreError> {
    sqlite.transaction(|| {
        sqlite.execute("DELETE FROM pando_filler WHERE id > 0")?;
        let pages = page_count(sqlite)?;
        let sql = "INSERT OR REPLACE INTO pando_filler (id, value) VALUES (0, ?1)";
        sqlite.connection().execute(sql, [pages])?;
        Ok(pages)
    })
}

/// Returns a connection that reads the database as it is now.
fn hold(sqlite: &Sqlite) -> Result<Sqlite, StoreError> {
    let reader = sqlite.again()?;
    reader.connection().execute_batch("BEGIN; SELECT count(*) FROM pando_filler")?;
    Ok(reader)
}

fn vacuum(sqlite: &mut Sqlite, pages: i64) -> Result<(), StoreError> {
    // Should it fail in between, nothing is written to the database before there are zeros.
    sqlite.unfilled = true;
    sqlite.connection().execute_batch("VACUUM main")?;
    fill(sqlite, pages)?;
    sqlite.unfilled = false;
    Ok(())
}

/// Adds zeros until there are that many pages.
fn fill(sqlite: &Sqlite, pages: i64) -> Result<(), StoreError> {
    if page_count(sqlite)? >= pages {
        return Ok(());
    }
    point("compact::fill")?;
    let size: i64 = sqlite.number("PRAGMA main.page_size")?;
    sqlite.transaction(|| {
        loop {
            let missing = pages.saturating_sub(page_count(sqlite)?).min(ROW);
            if missing <= 0 {
                return Ok(());
            }
            let sql = "INSERT INTO pando_filler (value) VALUES (zeroblob(?1))";
            sqlite.connection().execute(sql, [missing.saturating_mul(size)])?;
        }
    })
}

fn page_count(sqlite: &Sqlite) -> Result<i64, StoreError> {
    sqlite.number("PRAGMA main.page_count")
}
