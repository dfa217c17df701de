//! A database in memory that fails when the simulation says so.

use pando_mls::SecretBytes;
use pando_store::{Backend, Each, Guard, Memory, StoreError};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// When a database fails.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    /// The commits that still succeed; negative if all do.
    left: AtomicI64,
    /// Whether the commit that fails takes effect.
    takes_effect: AtomicBool,
    /// Whether the database works again after the failure.
    recovers: AtomicBool,
    /// Whether the database has failed and does not work again.
    is_blown: AtomicBool,
    /// Whether a commit has failed.
    has_failed: AtomicBool,
}

impl Fuse {
    pub(crate) fn new() -> Arc<Self> {
        let fuse = Self::default();
        fuse.left.store(-1, Ordering::Relaxed);
        Arc::new(fuse)
    }

    /// Lets a commit after `left` others fail, and everything after it unless the database
    /// recovers.
    pub(crate) fn light(&self, left: u32, takes_effect: bool, recovers: bool) {
        self.left.store(left.into(), Ordering::Relaxed);
        self.takes_effect.store(takes_effect, Ordering::Relaxed);
        self.recovers.store(recovers, Ordering::Relaxed);
    }

    /// Returns whether the commit that fails takes effect.
    pub(crate) fn takes_effect(&self) -> bool {
        self.takes_effect.load(Ordering::Relaxed)
    }

    /// Returns whether a commit has failed since the last call.
    pub(crate) fn take_failure(&self) -> bool {
        self.has_failed.swap(false, Ordering::Relaxed)
    }

    /// Lets everything succeed again.
    pub(crate) fn reset(&self) {
        self.left.store(-1, Ordering::Relaxed);
        self.is_blown.store(false, Ordering::Relaxed);
    }

    /// Returns whether a commit will fail.
    pub(crate) fn is_lit(&self) -> bool {
        self.left.load(Ordering::Relaxed) >= 0
    }

    /// Returns whether the database has failed.
    pub(crate) fn is_blown(&self) -> bool {
        self.is_blown.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.is_blown() { Err(StoreError::Busy) } else { Ok(()) }
    }

    /// Returns whether the next commit fails.
    fn burn(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        }
        if left == 0 {
            self.left.store(-1, Ordering::Relaxed);
            self.has_failed.store(true, Ordering::Relaxed);
            self.is_blown.store(!self.recovers.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        left == 0
    }
}

/// A database in memory that fails when the simulation says so.
#[derive(Debug)]
pub struct Fused {
    memory: Memory,
    fuse: Arc<Fuse>,
}

impl Fused {
    pub(crate) const fn new(memory: Memory, fuse: Arc<Fuse>) -> Self {
        Self { memory, fuse }
    }
}

impl Backend for Fused {
    fn again(&self) -> Result<Self, StoreError> {
        Ok(Self { memory: self.memory.again()?, fuse: Arc::clone(&self.fuse) })
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.fuse.check()?;
        self.memory.begin()
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.fuse.check()?;
        if self.fuse.burn() {
            if self.fuse.takes_effect() {
                self.memory.commit()?;
            } else {
                self.memory.rollback();
            }
            return Err(StoreError::Busy);
        }
        self.memory.commit()
    }

    fn rollback(&mut self) {
        self.memory.rollback();
    }

    fn get(&self, key: &[u8]) -> Result<Option<SecretBytes>, StoreError> {
        self.fuse.check()?;
        self.memory.get(key)
    }

    fn scan(&self, range: Range<&[u8]>, each: &mut Each<'_>) -> Result<(), StoreError> {
        self.fuse.check()?;
        self.memory.scan(range, each)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.memory.put(key, value)
    }

    fn delete(&mut self, range: Range<&[u8]>) -> Result<(), StoreError> {
        self.memory.delete(range)
    }

    fn lock(&self, name: &[u8; 16], wait: Duration) -> Result<Guard, StoreError> {
        self.memory.lock(name, wait)
    }

    fn erase(&mut self) -> Result<(), StoreError> {
        self.memory.erase()
    }

    fn compact(&mut self) -> Result<(), StoreError> {
        self.memory.compact()
    }
}
