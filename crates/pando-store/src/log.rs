//! Erasure of old pages in the write-ahead log of SQLite.
//!
//! Truncating the log, or removing it when the last connection is closed, would return its blocks
//! to the file system with their contents. The log therefore keeps its blocks, and everything after
//! its live frames is overwritten in place with zeros.
//!
//! The live frames are the frames that SQLite may still read. The live frames are not touched, so
//! no committed data depends on the order in which the zeros reach the disk.
//!
//! After a complete checkpoint, the live frames contain only data that is also in the database,
//! provided that no page occurs twice. Each frame then contains the current content of its page. No
//! page occurs twice after a transaction that has restarted the log, and the first transaction
//! after a complete checkpoint restarts it. In other cases, [`Log::overwrite`] reports that pages
//! are superseded, and the caller first restarts the log.
//!
//! Each erasure reads everything after the live frames. Another connection may have been killed
//! while it was overwriting the log, which leaves no trace, so no part of the log can be assumed to
//! be zero. For this reason, the log keeps only a few zeros. The log is synced even if everything
//! after the live frames was already zero, because another connection may have been killed before
//! it synced the zeros.
//!
//! SQLite takes its locks on the database and on the index of the log (`-shm`), but never on the
//! log itself. The log can therefore be opened and closed elsewhere in the process without losing
//! these locks.

use crate::StoreError;
use crate::error::IoKind;
use crate::faults::point;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Length of the header of the log.
const HEADER_LEN: u64 = 32;

/// Length of a frame's header, which precedes the frame's page.
const FRAME_HEADER_LEN: u64 = 24;

/// The first word of the log, without its last bit. That bit indicates the byte order of checksums.
const MAGIC: u32 = 0x377f_0682;

/// Number of bytes that are read or overwritten at a time.
const CHUNK: usize = 64 << 10;

/// Number of zero bytes that the log keeps. Without these zeros, the file system would have to
/// allocate blocks for each transaction. Each erasure reads these zeros.
const SPARE: u64 = 128 << 10;

/// The write-ahead log of a database.
#[derive(Debug)]
pub(crate) struct Log {
    database: PathBuf,
    path: PathBuf,
    /// The identity of the database file when SQLite opened it.
    identity: Identity,
    file: Option<File>,
}

impl Log {
    /// Returns the log of a database that SQLite has just opened.
    pub(crate) fn new(database: &Path) -> io::Result<Self> {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        let identity = Identity::of(database)?;
        Ok(Self { database: database.into(), path: path.into(), identity, file: None })
    }

    /// Overwrites everything after the live frames and syncs the file. Returns false without
    /// overwriting anything if the live frames contain superseded pages.
    ///
    /// The caller must hold the write lock of the database. `frames` is the number of live frames.
    pub(crate) fn overwrite(&mut self, frames: u64) -> Result<bool, StoreError> {
        let Some(file) = self.open().map_err(failed)? else {
            return if frames == 0 { Ok(true) } else { Err(failed(foreign())) };
        };
        let len = file.metadata().map_err(failed)?.len();
        if frames == 0 {
            // The header of the log may still be valid, and must not be separated from its frames.
            let is_zero = last_written(file, 0, len).map_err(failed)? == 0;
            return file.sync_data().map(|()| is_zero).map_err(failed);
        }
        let Some(end) = live_end(file, frames).map_err(failed)? else { return Ok(false) };
        let written = last_written(file, end, len).map_err(failed)?;
        zero(file, end, written)?;
        file.sync_data().map_err(failed)?;
        let most = end.saturating_add(SPARE);
        // Only zeros that an earlier call has synced are cut off.
        if len > most && written <= most {
            file.set_len(most).map_err(failed)?;
        }
        Ok(true)
    }

    /// Opens the log file once, because the file stays the same while SQLite has the database open.
    /// Returns `None` if the log does not exist yet.
    fn open(&mut self) -> io::Result<Option<&File>> {
        if self.file.is_none() {
            self.file = match File::options().read(true).write(true).open(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                file => Some(file?),
            };
            // If the database was moved, another database with its own log may be in its place.
            if Identity::of(&self.database)? != self.identity {
                self.file = None;
                return Err(io::Error::other("the database was moved or replaced while it was open"));
            }
        }
        Ok(self.file.as_ref())
    }
}

/// Reads the headers of the live frames. Returns the end of the last frame, or `None` if a page
/// occurs twice.
fn live_end(file: &File, frames: u64) -> io::Result<Option<u64>> {
    let header = words(&read::<32>(file, 0)?);
    let &[magic, _, page_size, _, salt, other_salt, ..] = header.as_slice() else { return Err(foreign()) };
    if magic & !1 != MAGIC || !page_size.is_power_of_two() {
        return Err(foreign());
    }
    let step = FRAME_HEADER_LEN.saturating_add(page_size.into());
    let (mut pages, mut end, mut committed) = (HashSet::new(), HEADER_LEN, false);
    for _ in 0..frames {
        let header = words(&read::<24>(file, end)?);
        let &[page, database_size, first, second, ..] = header.as_slice() else { return Err(foreign()) };
        if [first, second] != [salt, other_salt] {
            return Err(foreign());
        }
        // The first page contains the schema and no values. A transaction that restarts the log
        // writes this page.
        if page != 1 && !pages.insert(page) {
            return Ok(None);
        }
        committed = database_size != 0;
        end = end.saturating_add(step);
    }
    if committed { Ok(Some(end)) } else { Err(foreign()) }
}

/// Overwrites a part of a file with zeros.
fn zero(mut file: &File, from: u64, to: u64) -> Result<(), StoreError> {
    let (zeros, mut at) = (vec![0; CHUNK], from);
    while at < to {
        point("log::overwrite")?;
        let left = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
        let (chunk, _) = zeros.split_at(left.min(CHUNK));
        file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(chunk)).map_err(failed)?;
        at = at.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    Ok(())
}

fn read<const LEN: usize>(mut file: &File, at: u64) -> io::Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads a part of a file. Returns the end of the last non-zero chunk in the part, or the start of
/// the part if all bytes are zero.
fn last_written(mut file: &File, from: u64, len: u64) -> io::Result<u64> {
    let mut buffer = Zeroizing::new(vec![0; CHUNK]);
    let (mut at, mut last) = (from, from);
    file.seek(SeekFrom::Start(from))?;
    while at < len {
        let chunk = part(&mut buffer, len.saturating_sub(at));
        file.read_exact(chunk)?;
        at = at.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if chunk.iter().any(|byte| *byte != 0) {
            last = at;
        }
    }
    Ok(last)
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

fn part(buffer: &mut [u8], left: u64) -> &mut [u8] {
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
    buffer.split_at_mut(len).0
}

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the write-ahead log does not belong to this database")
}

fn failed(error: io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => IoKind::Full,
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => IoKind::Read,
        _ => IoKind::Write,
    };
    StoreError::Io { kind, source: Box::new(error) }
}

/// The identity of a file, independent of its name.
#[derive(Debug, PartialEq, Eq)]
struct Identity(#[cfg(unix)] (u64, u64));

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Ok(Self((metadata.dev(), metadata.ino())))
        }
        // On other systems, an open file cannot be replaced.
        #[cfg(not(unix))]
        {
            drop(metadata);
            Ok(Self())
        }
    }
}
