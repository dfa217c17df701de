//! Observes, delays and fails the writes and syncs of files, for tests of durability.
//!
//! SQLite writes through a table of functions whose entries can be replaced. It calls `fsync` and
//! `fdatasync` directly, so this crate defines functions of these names. In an executable, these
//! definitions take precedence over those of the C library, for SQLite and for Rust's standard
//! library.
//!
//! [`watch`] passes the calls for the files of a folder to a [`Disk`], which a test implements.
//!
//! Left out on purpose: writes of other code than SQLite, memory maps (SQLite maps only the index
//! of the log, which is rebuilt after a crash), and systems other than Linux, on which this crate
//! is empty.

#![cfg(target_os = "linux")]

use libc::{c_char, c_int, c_long, c_void, off_t, size_t, ssize_t};
use rusqlite::ffi::{self, sqlite3_syscall_ptr, sqlite3_vfs};
use std::ffi::CStr;
use std::fs::{self, File};
use std::mem::{ManuallyDrop, transmute};
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// A system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// SQLite writes to a file.
    Write,
    /// A file is synced.
    Sync,
}

/// An observer of system calls. Its methods run in the thread that makes the call.
pub trait Disk: Send + Sync {
    /// Runs before a call. If this method returns an error number, the call is not made and fails
    /// with this error. The method can delay the call by sleeping.
    fn before(&self, call: Call, path: &Path) -> Option<i32> {
        let _ = (call, path);
        None
    }

    /// Runs after a successful call, before its caller continues. The method can read the file. It
    /// must not open the file, because closing it would release the locks of SQLite.
    fn after(&self, call: Call, path: &Path, file: &File) {
        let _ = (call, path, file);
    }
}

/// Passes calls to a [`Disk`] until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Watch {
    folder: PathBuf,
}

type Write = unsafe extern "C" fn(c_int, *const c_void, size_t) -> ssize_t;
type WriteAt = unsafe extern "C" fn(c_int, *const c_void, size_t, off_t) -> ssize_t;

/// The functions that SQLite called before they were replaced.
struct Calls {
    write: Write,
    write_at: WriteAt,
}

static CALLS: OnceLock<Calls> = OnceLock::new();
static REPLACED: OnceLock<()> = OnceLock::new();
static WATCHED: RwLock<Vec<(PathBuf, Arc<dyn Disk>)>> = RwLock::new(Vec::new());

/// Passes the calls for all files below a folder to `disk`. The folder must exist. Call this
/// function before the first database is opened, because SQLite reads its table of functions
/// without a lock.
///
/// # Panics
/// If the folder does not exist, or if this SQLite does not let its functions be replaced.
pub fn watch(folder: &Path, disk: Arc<dyn Disk>) -> Watch {
    // Another thread may call a replacement at once, and the replacement needs the original.
    CALLS.get_or_init(find_originals);
    REPLACED.get_or_init(replace_all);
    let folder = fs::canonicalize(folder).expect("the watched folder exists");
    let mut watched = WATCHED.write().unwrap_or_else(PoisonError::into_inner);
    watched.push((folder.clone(), disk));
    Watch { folder }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = WATCHED.write().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|(folder, _)| *folder != self.folder);
    }
}

/// Returns the default file system of SQLite.
fn file_system() -> *mut sqlite3_vfs {
    // SAFETY: a null name asks for the default file system, which lives as long as the process.
    let vfs = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
    assert!(!vfs.is_null(), "SQLite has a default file system");
    vfs
}

/// Returns the functions that SQLite calls.
fn find_originals() -> Calls {
    let vfs = file_system();
    // SAFETY: the file system is valid. Its table belongs to SQLite's Unix file systems, in which
    // these names have these types (`aSyscall` in os_unix.c).
    unsafe {
        Calls {
            write: transmute::<sqlite3_syscall_ptr, Write>(original(vfs, c"write")),
            write_at: transmute::<sqlite3_syscall_ptr, WriteAt>(original(vfs, c"pwrite")),
        }
    }
}

/// Replaces the functions that SQLite calls.
fn replace_all() {
    // These references make the linker include the definitions in every executable that uses this
    // function.
    std::hint::black_box((fsync as *const (), fdatasync as *const ()));
    let vfs = file_system();
    // SAFETY: the file system is valid, and the replacements have the types of the originals.
    unsafe {
        replace(vfs, c"write", transmute::<Write, sqlite3_syscall_ptr>(observe_write));
        replace(vfs, c"pwrite", transmute::<WriteAt, sqlite3_syscall_ptr>(observe_write_at));
    }
}

/// Returns a function of SQLite's table.
///
/// # Safety
/// `vfs` is valid.
unsafe fn original(vfs: *mut sqlite3_vfs, name: &CStr) -> sqlite3_syscall_ptr {
    let name: *const c_char = name.as_ptr();
    // SAFETY: `vfs` is valid, and the method gets it and a string that ends with zero.
    let original = unsafe { (*vfs).xGetSystemCall.and_then(|get| get(vfs, name)) };
    assert!(original.is_some(), "SQLite calls this function");
    original
}

/// Replaces a function of SQLite's table.
///
/// # Safety
/// `vfs` is valid, and `call` has the type of the function `name`.
unsafe fn replace(vfs: *mut sqlite3_vfs, name: &CStr, call: sqlite3_syscall_ptr) {
    let name: *const c_char = name.as_ptr();
    // SAFETY: `vfs` is valid, and the method gets it and a string that ends with zero.
    let result = unsafe { (*vfs).xSetSystemCall.map(|set| set(vfs, name, call)) };
    assert_eq!(result, Some(ffi::SQLITE_OK), "SQLite lets this function be replaced");
}

/// Makes a call, and passes it to the observer of its file, if there is one.
fn observe<T: From<i8> + PartialOrd>(call: Call, descriptor: c_int, make: impl FnOnce() -> T) -> T {
    let Some((disk, path)) = disk_of(descriptor) else { return make() };
    if let Some(error) = disk.before(call, &path) {
        // SAFETY: the pointer is valid, and belongs to this thread.
        unsafe { *libc::__errno_location() = error };
        return T::from(-1);
    }
    let result = make();
    if result >= T::from(0) {
        // SAFETY: the caller has the file open during the call, and it is not closed here.
        let file = ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
        disk.after(call, &path, &file);
    }
    result
}

fn disk_of(descriptor: c_int) -> Option<(Arc<dyn Disk>, PathBuf)> {
    let watched = WATCHED.read().unwrap_or_else(PoisonError::into_inner);
    if watched.is_empty() {
        return None;
    }
    let path = fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
    let (_, disk) = watched.iter().find(|(folder, _)| path.starts_with(folder))?;
    Some((Arc::clone(disk), path))
}

unsafe extern "C" fn observe_write(descriptor: c_int, data: *const c_void, len: size_t) -> ssize_t {
    observe(Call::Write, descriptor, || {
        let Some(calls) = CALLS.get() else { return -1 };
        // SAFETY: these are the arguments of SQLite.
        unsafe { (calls.write)(descriptor, data, len) }
    })
}

unsafe extern "C" fn observe_write_at(
    descriptor: c_int,
    data: *const c_void,
    len: size_t,
    at: off_t,
) -> ssize_t {
    observe(Call::Write, descriptor, || {
        let Some(calls) = CALLS.get() else { return -1 };
        // SAFETY: these are the arguments of SQLite.
        unsafe { (calls.write_at)(descriptor, data, len, at) }
    })
}

/// Takes the place of the function `fsync` of the C library.
// SAFETY: the function has the type and the meaning that the C library gives to this name.
#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    sync(descriptor, libc::SYS_fsync)
}

/// Takes the place of the function `fdatasync` of the C library.
// SAFETY: the function has the type and the meaning that the C library gives to this name.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    sync(descriptor, libc::SYS_fdatasync)
}

fn sync(descriptor: c_int, number: c_long) -> c_int {
    observe(Call::Sync, descriptor, || {
        // SAFETY: the system call takes a descriptor, and checks whether it is valid.
        let result = unsafe { libc::syscall(number, descriptor) };
        if result == 0 { 0 } else { -1 }
    })
}
