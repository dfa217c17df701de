//! A recorder of the file contents that SQLite returns to the file system.
//!
//! When a file is truncated or deleted, its blocks are returned to the file system with their
//! contents, so a reader of the device can find them. On Unix, SQLite calls `ftruncate` and
//! `unlink` through a table whose entries can be replaced. [`install`] replaces these two functions
//! by others that first record the contents and then make the call.
//!
//! This crate deliberately does not cover calls by other code than SQLite, or systems other than
//! Unix. The crate also ignores the index of the write-ahead log (`-shm`), which contains page
//! numbers but no contents.

#![cfg(unix)]

use rusqlite::ffi::{self, sqlite3_syscall_ptr, sqlite3_vfs};
use std::ffi::{CStr, OsStr, c_char, c_int};
use std::fs::{self, File};
use std::mem::{ManuallyDrop, transmute};
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, OnceLock, PoisonError};

type Ftruncate = unsafe extern "C" fn(c_int, i64) -> c_int;
type Unlink = unsafe extern "C" fn(*const c_char) -> c_int;

static CALLS: OnceLock<(Ftruncate, Unlink)> = OnceLock::new();
static FREED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Starts to record the contents for all databases that this process opens with SQLite's default
/// file system. Call this function before the first database is opened, because SQLite reads the
/// table without a lock. Further calls do nothing.
///
/// # Panics
/// Panics if this build of SQLite does not allow its system calls to be replaced.
pub fn install() {
    CALLS.get_or_init(|| {
        // SAFETY: a null name requests the default file system, which lives as long as the process.
        let vfs = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        assert!(!vfs.is_null(), "SQLite has a default file system");
        // SAFETY: the table belongs to SQLite's Unix file systems, in which these names have these
        // types (`aSyscall` in os_unix.c). The replacements have the same types.
        unsafe {
            let ftruncate =
                replace(vfs, c"ftruncate", transmute::<Ftruncate, sqlite3_syscall_ptr>(record_ftruncate));
            let unlink = replace(vfs, c"unlink", transmute::<Unlink, sqlite3_syscall_ptr>(record_unlink));
            (
                transmute::<sqlite3_syscall_ptr, Ftruncate>(ftruncate),
                transmute::<sqlite3_syscall_ptr, Unlink>(unlink),
            )
        }
    });
}

/// Returns the contents that SQLite has returned to the file system since [`install`] was called.
pub fn freed() -> Vec<Vec<u8>> {
    FREED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Replaces a system call and returns the previous one.
///
/// # Safety
/// `vfs` must be valid, and `call` must have the type of the system call `name`.
unsafe fn replace(vfs: *mut sqlite3_vfs, name: &CStr, call: sqlite3_syscall_ptr) -> sqlite3_syscall_ptr {
    // SAFETY: `vfs` is valid, and its methods receive it together with a null-terminated string.
    unsafe {
        let (get, set) = ((*vfs).xGetSystemCall, (*vfs).xSetSystemCall);
        let (Some(get), Some(set)) = (get, set) else { panic!("SQLite lets its system calls be replaced") };
        let before = get(vfs, name.as_ptr());
        assert!(before.is_some(), "SQLite calls {name:?}");
        assert_eq!(set(vfs, name.as_ptr(), call), ffi::SQLITE_OK, "SQLite lets {name:?} be replaced");
        before
    }
}

unsafe extern "C" fn record_ftruncate(descriptor: c_int, len: i64) -> c_int {
    // SAFETY: SQLite keeps the file open during this call, and `ManuallyDrop` prevents it from
    // being closed here.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
    if let (Ok(metadata), Ok(len)) = (file.metadata(), u64::try_from(len)) {
        let mut end = vec![0; usize::try_from(metadata.len().saturating_sub(len)).unwrap_or_default()];
        let read = file.read_exact_at(&mut end, len);
        keep(if read.is_ok() { end } else { b"this could not be read".to_vec() });
    }
    let Some((ftruncate, _)) = CALLS.get() else { return -1 };
    // SAFETY: these are the arguments that SQLite has passed.
    unsafe { ftruncate(descriptor, len) }
}

unsafe extern "C" fn record_unlink(path: *const c_char) -> c_int {
    // SAFETY: SQLite passes a null-terminated string.
    let name = OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes());
    let is_index = name.as_bytes().ends_with(b"-shm");
    if !is_index && let Ok(content) = fs::read(name) {
        keep(content);
    }
    let Some((_, unlink)) = CALLS.get() else { return -1 };
    // SAFETY: this is the argument that SQLite has passed.
    unsafe { unlink(path) }
}

fn keep(content: Vec<u8>) {
    if !content.is_empty() {
        FREED.lock().unwrap_or_else(PoisonError::into_inner).push(content);
    }
}
