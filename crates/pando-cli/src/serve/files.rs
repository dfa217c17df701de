//! The files of a server. A private file has the mode 0600, and is refused if other users may read
//! it.

use super::error::ServeError;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Creates a folder that only its owner may enter, if it does not exist.
pub(crate) fn create_folder(path: &Path) -> Result<(), ServeError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(ServeError::file("create", path))
}

/// Returns the contents of a private file. Creates it with the contents that `make` returns if it
/// does not exist. The second value tells whether the file was created.
pub(crate) fn private(
    path: &Path,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, ServeError>,
) -> Result<(Zeroizing<Vec<u8>>, bool), ServeError> {
    match fs::metadata(path) {
        Ok(metadata) => {
            check_mode(path, &metadata)?;
            let bytes = fs::read(path).map_err(ServeError::file("read", path))?;
            Ok((Zeroizing::new(bytes), false))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let contents = make()?;
            write(path, &contents, true)?;
            Ok((contents, true))
        }
        Err(error) => Err(ServeError::file("read", path)(error)),
    }
}

/// Writes a file, or replaces it. After a crash, the file has the old or the new contents.
pub(crate) fn write(path: &Path, contents: &[u8], is_private: bool) -> Result<(), ServeError> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if is_private { 0o600 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = is_private;
    // A file of an earlier process that crashed.
    let _ = fs::remove_file(&temporary);
    let mut file = options.open(&temporary).map_err(ServeError::file("create", &temporary))?;
    file.write_all(contents).map_err(ServeError::file("write", &temporary))?;
    file.sync_all().map_err(ServeError::file("flush", &temporary))?;
    drop(file);
    fs::rename(&temporary, path).map_err(ServeError::file("replace", path))?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let flushed = fs::File::open(folder).and_then(|folder| folder.sync_all());
        flushed.map_err(ServeError::file("flush", folder))?;
    }
    Ok(())
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), ServeError> {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata) & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(ServeError::Permissions { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), ServeError> {
    Ok(())
}
