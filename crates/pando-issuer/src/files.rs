//! Files that survive crashes, and private files.

use crate::error::IssuerError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest file that is read: far more than the revocations of all clients take.
const MAX_BYTES: u64 = 1 << 30;

/// The name of the file that is locked.
const LOCK: &str = "lock";

/// The users that may access a file: only its owner, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Private,
    Public,
}

/// A folder that this process has locked.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The lock is released when the file is closed.
    _lock: File,
}

impl Folder {
    /// Creates a folder, or takes an empty one, and locks it.
    pub(crate) fn create(path: &Path) -> Result<Self, IssuerError> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => is_empty(path)?,
            Err(error) => return Err(failed("create", path)(error)),
        }
        let folder = Self::lock(path)?;
        // Another process may have created an authority before this one took the lock.
        is_empty(path)?;
        Ok(folder)
    }

    /// Locks an existing folder that contains a file. Changes nothing in a folder without the file.
    pub(crate) fn open(path: &Path, marker: &str) -> Result<Self, IssuerError> {
        let marker = path.join(marker);
        match fs::symlink_metadata(&marker) {
            Ok(metadata) if metadata.is_file() => Self::lock(path),
            Ok(_) => Err(IssuerError::NotAnAuthority(path.to_owned())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(IssuerError::NotAnAuthority(path.to_owned()))
            }
            Err(error) => Err(failed("read", &marker)(error)),
        }
    }

    fn lock(path: &Path) -> Result<Self, IssuerError> {
        let name = path.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&name);
        let lock = lock.map_err(failed("open", &name))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(IssuerError::InUse(path.to_owned())),
            Err(fs::TryLockError::Error(error)) => Err(failed("lock", &name)(error)),
        }
    }

    /// Returns the path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, or replaces it. After a crash, the file has the old or the new contents.
    pub(crate) fn write(&self, name: &str, bytes: &[u8], access: Access) -> Result<(), IssuerError> {
        let (target, temporary) = (self.path(name), self.path(&format!("{name}.new")));
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(failed("remove", &temporary)(error));
            }
            _ => {}
        }
        #[cfg(not(unix))]
        let _ = access;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if access == Access::Private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(&temporary).map_err(failed("create", &temporary))?;
        file.write_all(bytes).map_err(failed("write", &temporary))?;
        file.sync_all().map_err(failed("flush", &temporary))?;
        drop(file);
        fs::rename(&temporary, &target).map_err(failed("replace", &target))?;
        self.flush()
    }

    /// Flushes the names of the files.
    fn flush(&self) -> Result<(), IssuerError> {
        #[cfg(unix)]
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(failed("flush", &self.path))?;
        Ok(())
    }

    /// Reads a file. A private file must not be accessible to other users.
    pub(crate) fn read(&self, name: &str, access: Access) -> Result<Zeroizing<Vec<u8>>, IssuerError> {
        #[cfg(not(unix))]
        let _ = access;
        let path = self.path(name);
        let file = File::open(&path).map_err(failed("open", &path))?;
        let metadata = file.metadata().map_err(failed("read", &path))?;
        #[cfg(unix)]
        if access == Access::Private {
            let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777;
            if mode & 0o077 != 0 {
                return Err(IssuerError::Permissions { path, mode });
            }
        }
        let length = usize::try_from(metadata.len().min(MAX_BYTES)).unwrap_or(0);
        // Allocated at its final size, so no partial copy of a key stays in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(1)));
        file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        Ok(bytes)
    }
}

/// Checks that a folder contains no files but the lock.
fn is_empty(path: &Path) -> Result<(), IssuerError> {
    for entry in fs::read_dir(path).map_err(failed("read", path))? {
        if entry.map_err(failed("read", path))?.file_name() != LOCK {
            return Err(IssuerError::NotEmpty(path.to_owned()));
        }
    }
    Ok(())
}

/// Returns a function that names the file of an error.
fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IssuerError {
    let path = path.to_owned();
    move |source| IssuerError::Io { action, path, source }
}
