//! Overwriting freed space with zeros before it is returned to the file system.
//!
//! `VACUUM` rewrites a database at the beginning of its file. When the log is then written to the
//! database, the end of the file is cut off unchanged. An attacker who recovers the blocks of that
//! part and has the key could read the values in them. The end of the file is therefore overwritten
//! first:
//!
//! 1. Run `VACUUM`, and then add rows of zeros to the table `pando_filler` until the database has
//!    as many pages as before. During this step, another connection reads the former state, which
//!    prevents checkpoints.
//! 2. Write the log to the database, which overwrites each page with a new one.
//! 3. Delete the zeros, and run `VACUUM` again. The database has the same contents as after the
//!    first `VACUUM`, and therefore the same pages, so only zeros are cut off. If another
//!    connection has written in the meantime, the zeros are added again.
//!
//! Row 0 of `pando_filler` contains the number of pages. After a crash, the next client that opens
//! the store adds the missing zeros before it writes the log to the database.

use crate::StoreError;
use crate::backend::Backend;
use crate::faults::point;
use crate::sqlite::Sqlite;
use rusqlite::OptionalExtension;

/// Maximum number of attempts to return unused space while other connections write.
const ATTEMPTS: u8 = 3;

/// Maximum number of pages in one row of zeros.
const ROW: i64 = 4_096;

/// Returns unused space to the file system.
pub(crate) fn run(sqlite: &mut Sqlite) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        if attempt(sqlite)? {
            return Ok(());
        }
    }
    Err(StoreError::Busy)
}

/// Makes one attempt to return unused space. Returns false if another connection has written during
/// the attempt.
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

/// Adds the zeros that are missing because a client was interrupted.
pub(crate) fn refill(sqlite: &mut Sqlite) -> Result<(), StoreError> {
    let sql = "SELECT value FROM pando_filler WHERE id = 0";
    let pages = sqlite.connection().query_row(sql, [], |row| row.get(0)).optional()?;
    fill(sqlite, pages.unwrap_or(0))?;
    sqlite.unfilled = false;
    Ok(())
}

/// Records the number of pages, and deletes leftover zeros.
fn mark(sqlite: &Sqlite) -> Result<i64, StoreError> {
    sqlite.transaction(|| {
        sqlite.execute("DELETE FROM pando_filler WHERE id > 0")?;
        let pages = page_count(sqlite)?;
        let sql = "INSERT OR REPLACE INTO pando_filler (id, value) VALUES (0, ?1)";
        sqlite.connection().execute(sql, [pages])?;
        Ok(pages)
    })
}

/// Returns a connection that keeps reading the current state of the database.
fn hold(sqlite: &Sqlite) -> Result<Sqlite, StoreError> {
    let reader = sqlite.again()?;
    reader.connection().execute_batch("BEGIN; SELECT count(*) FROM pando_filler")?;
    Ok(reader)
}

fn vacuum(sqlite: &mut Sqlite, pages: i64) -> Result<(), StoreError> {
    // If this function fails, the log is not written to the database until the zeros have been
    // added.
    sqlite.unfilled = true;
    sqlite.connection().execute_batch("VACUUM main")?;
    fill(sqlite, pages)?;
    sqlite.unfilled = false;
    Ok(())
}

/// Adds rows of zeros until the database has `pages` pages.
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
