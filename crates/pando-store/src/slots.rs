//! Storage of values in SQLite such that deleted values leave no copies behind.
//!
//! `PRAGMA secure_delete` overwrites a deleted row, but not the copies that SQLite leaves behind
//! when it moves rows from one page of a table to another. Values are therefore stored in slots,
//! which are rows that SQLite never moves. Slots are added at the end of their table, where SQLite
//! begins a new page without moving rows, and are never deleted.
//!
//! A value is replaced by overwriting its slot with a value of the same length, which SQLite does
//! in place. Lengths are rounded up so that slots can be reused. A value is deleted by overwriting
//! its slot with zeros. SQLite still moves record keys and slot numbers.

use crate::StoreError;
use crate::backend::Each;
use crate::error::Record;
use pando_mls::SecretBytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::ops::Range;

/// The tables of the backend. A slot begins with the length of its value. The module `compact`
/// describes `pando_filler`.
pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS pando_slots (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS pando_free
        (size INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (size, slot)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS pando_filler (id INTEGER PRIMARY KEY, value NOT NULL);
    CREATE TABLE IF NOT EXISTS pando_records (key BLOB PRIMARY KEY, slot INTEGER NOT NULL) WITHOUT ROWID;
";

// A record whose slot is missing is reported as damage instead of being skipped.

pub(crate) fn get(connection: &Connection, key: &[u8]) -> Result<Option<SecretBytes>, StoreError> {
    let sql = "SELECT value FROM pando_records LEFT JOIN pando_slots ON id = slot WHERE key = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(contents(blob(row, 0)?)?.into()))
}

pub(crate) fn scan(
    connection: &Connection,
    range: Range<&[u8]>,
    each: &mut Each<'_>,
) -> Result<(), StoreError> {
    let sql = "SELECT key, value FROM pando_records LEFT JOIN pando_slots ON id = slot
               WHERE key >= ?1 AND key < ?2 ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([range.start, range.end])?;
    while let Some(row) = rows.next()? {
        each(blob(row, 0)?, contents(blob(row, 1)?)?)?;
    }
    Ok(())
}

pub(crate) fn put(connection: &Connection, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let value = slot_of(value)?;
    // Most new values have the same length as the existing value.
    let sql = "UPDATE pando_slots SET value = ?2
               WHERE id = (SELECT slot FROM pando_records WHERE key = ?1) AND length(value) = length(?2)";
    if connection.prepare_cached(sql)?.execute(params![key, value.expose()])? > 0 {
        return Ok(());
    }
    let slot = take(connection, &value)?;
    let sql = "SELECT slot FROM pando_records WHERE key = ?1";
    let old: Option<i64> = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
    let sql = match old {
        Some(old) => {
            free(connection, old)?;
            "UPDATE pando_records SET slot = ?2 WHERE key = ?1"
        }
        None => "INSERT INTO pando_records (key, slot) VALUES (?1, ?2)",
    };
    connection.prepare_cached(sql)?.execute(params![key, slot])?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, range: Range<&[u8]>) -> Result<(), StoreError> {
    let sql = "DELETE FROM pando_records WHERE key >= ?1 AND key < ?2 RETURNING slot";
    let slots: Vec<i64> = {
        let mut statement = connection.prepare_cached(sql)?;
        let deleted = statement.query_map([range.start, range.end], |row| row.get(0))?;
        deleted.collect::<Result<_, _>>()?
    };
    slots.into_iter().try_for_each(|slot| free(connection, slot))
}

/// Removes the free slots. Deleting free slots would move other slots and leave copies behind.
/// Instead, the used slots are copied one after the other to a new table and then back, which
/// overwrites the former pages. `VACUUM` then returns the free pages.
pub(crate) fn drop_free(connection: &Connection) -> Result<(), StoreError> {
    let sql = "BEGIN IMMEDIATE;
               CREATE TABLE pando_kept (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
               INSERT INTO pando_kept SELECT id, value FROM pando_slots
                   WHERE id NOT IN (SELECT slot FROM pando_free) ORDER BY id;
               DELETE FROM pando_slots;
               INSERT INTO pando_slots SELECT id, value FROM pando_kept ORDER BY id;
               DROP TABLE pando_kept;
               DELETE FROM pando_free;
               COMMIT";
    let dropped = connection.execute_batch(sql);
    if dropped.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    Ok(dropped?)
}

/// Writes a value to a free slot of its length or to a new slot, and returns that slot.
fn take(connection: &Connection, value: &SecretBytes) -> Result<i64, StoreError> {
    let sql = "DELETE FROM pando_free
               WHERE size = ?1 AND slot = (SELECT slot FROM pando_free WHERE size = ?1 LIMIT 1) RETURNING slot";
    let size = i64::try_from(value.expose().len()).unwrap_or(i64::MAX);
    let free: Option<i64> = connection.prepare_cached(sql)?.query_row([size], |row| row.get(0)).optional()?;
    if let Some(slot) = free {
        let sql = "UPDATE pando_slots SET value = ?2 WHERE id = ?1";
        let updated = connection.prepare_cached(sql)?.execute(params![slot, value.expose()])?;
        return if updated == 1 { Ok(slot) } else { Err(StoreError::Corrupt(Record::Database)) };
    }
    let sql = "INSERT INTO pando_slots (value) VALUES (?1)";
    connection.prepare_cached(sql)?.execute([value.expose()])?;
    Ok(connection.last_insert_rowid())
}

fn free(connection: &Connection, slot: i64) -> Result<(), StoreError> {
    let sql = "UPDATE pando_slots SET value = zeroblob(length(value)) WHERE id = ?1 RETURNING length(value)";
    let size: Option<i64> = connection.prepare_cached(sql)?.query_row([slot], |row| row.get(0)).optional()?;
    let size = size.ok_or(StoreError::Corrupt(Record::Database))?;
    let sql = "INSERT INTO pando_free (size, slot) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute([size, slot])?;
    Ok(())
}

/// Returns the contents of a slot: the length of the value, the value, and zeros.
fn slot_of(value: &[u8]) -> Result<SecretBytes, StoreError> {
    let too_long = || StoreError::Encode(pando_mls::wire::EncodeError::TooLong);
    let len = u32::try_from(value.len()).map_err(|_| too_long())?;
    let used = value.len().checked_add(4).ok_or_else(too_long)?;
    // The size of a slot is a multiple of 32 bytes. Above 256 bytes, the size is a multiple of one
    // eighth of the next lower power of two.
    let step = 1_usize.checked_shl(used.ilog2().saturating_sub(3)).unwrap_or(usize::MAX).max(32);
    let size = used.checked_next_multiple_of(step).ok_or_else(too_long)?;
    let mut slot = Vec::with_capacity(size);
    slot.extend_from_slice(&len.to_be_bytes());
    slot.extend_from_slice(value);
    slot.resize(size, 0);
    Ok(slot.into())
}

/// Returns the value in a slot.
fn contents(slot: &[u8]) -> Result<&[u8], StoreError> {
    let value = slot
        .split_first_chunk()
        .and_then(|(len, rest)| rest.get(..usize::try_from(u32::from_be_bytes(*len)).ok()?));
    value.ok_or(StoreError::Corrupt(Record::Database))
}

fn blob<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    row.get_ref(column)?.as_blob().map_err(|_| StoreError::Corrupt(Record::Database))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;

    #[test]
    fn a_slot_is_a_little_larger_than_what_is_in_it() {
        for len in (0..5_000).chain([70_000, 1 << 20, (1 << 24) + 1]) {
            let value = vec![7; len];
            let slot = slot_of(&value).unwrap();
            let size = slot.expose().len();
            assert!(size >= len + 4 && size <= (len + 4 + 31).max((len + 4) * 9 / 8 + 1), "{len}: {size}");
            assert_eq!(contents(slot.expose()).unwrap(), value);
        }
        assert!(contents(&[0, 0, 0]).is_err() && contents(&[0, 0, 0, 2, 1]).is_err());
    }

    #[test]
    fn a_slot_that_is_missing_is_damage() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        put(&connection, &[1], &[7; 10]).unwrap();
        put(&connection, &[2], &[7; 10]).unwrap();
        connection.execute("DELETE FROM pando_slots WHERE id = 1", []).unwrap();
        let damaged = |result: Result<(), StoreError>| {
            assert!(matches!(result, Err(StoreError::Corrupt(Record::Database))), "{result:?}");
        };
        damaged(get(&connection, &[1]).map(drop));
        damaged(scan(&connection, &[0][..]..&[9][..], &mut |_, _| Ok(())));
        damaged(put(&connection, &[1], &[8; 10]));
        connection.execute("INSERT INTO pando_free (size, slot) VALUES (32, 9)", []).unwrap();
        damaged(put(&connection, &[3], &[8; 10]));
        damaged(delete(&connection, &[1][..]..&[2][..]));
        assert_eq!(get(&connection, &[2]).unwrap().unwrap().expose(), [7; 10]);
    }

    #[test]
    fn slots_are_used_again() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        let slots = || {
            connection.query_row("SELECT count(*) FROM pando_slots", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        for round in 0..10_u8 {
            for key in 0..20 {
                put(&connection, &[key], &vec![round; 10 + usize::from(key) * 20]).unwrap();
            }
            // The length of the value changes, and then changes back.
            put(&connection, &[0], &[round; 300]).unwrap();
            put(&connection, &[0], &[round; 10]).unwrap();
            delete(&connection, &[5][..]..&[15][..]).unwrap();
            assert_eq!(get(&connection, &[4]).unwrap().unwrap().expose(), [round; 90]);
            assert!(get(&connection, &[5]).unwrap().is_none());
        }
        assert_eq!(slots(), 21);
        drop_free(&connection).unwrap();
        assert_eq!(slots(), 10);
        put(&connection, &[7], &[7; 50]).unwrap();
        assert_eq!(slots(), 11);
    }

    /// After free slots have been removed, values that are deleted later leave no copies, even if
    /// the process ends right after the removal.
    #[test]
    fn giving_slots_up_leaves_no_copies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut database = crate::Sqlite::open(&path).unwrap();
        let value =
            |key: u16| -> Vec<u8> { (0..24).map(|at| at ^ key.to_le_bytes()[usize::from(at) % 2]).collect() };
        let len = |key: u16| 24 + usize::from(key * 7 % 40) * usize::from(key % 11);
        database.begin().unwrap();
        for key in 0..2_000_u16 {
            let padded = [value(key), vec![0; len(key) - 24]].concat();
            database.put(&key.to_be_bytes(), &padded).unwrap();
        }
        database.commit().unwrap();
        database.begin().unwrap();
        for key in (0..2_000_u16).filter(|key| key % 3 != 0) {
            database.delete(&key.to_be_bytes()..&[&key.to_be_bytes()[..], &[0]].concat()).unwrap();
        }
        database.commit().unwrap();
        drop_free(database.connection()).unwrap();
        let found = |database: &mut crate::Sqlite| {
            database.erase().unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let windows: std::collections::BTreeSet<&[u8]> = bytes.windows(24).collect();
            (0..2_000_u16).filter(|key| windows.contains(&*value(*key))).count()
        };
        assert_eq!(found(&mut database), 667);
        database.begin().unwrap();
        database.delete(&[0]..&[0xff]).unwrap();
        database.commit().unwrap();
        assert_eq!(found(&mut database), 0);
    }
}
