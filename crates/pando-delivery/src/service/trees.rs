//! Encoded ratchet trees by their tree hashes.

use crate::error::Refusal;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// An encoded ratchet tree, which is assembled by the first reader.
pub(super) type TreeCell = Arc<OnceCell<Arc<[u8]>>>;

/// The ratchet trees that were read most recently.
pub(super) struct Trees {
    /// The number of bytes to keep.
    bytes: usize,
    cells: Mutex<Cells>,
}

#[derive(Default)]
struct Cells {
    cells: HashMap<Vec<u8>, (TreeCell, u64)>,
    /// Counts uses. The cell with the lowest number is the least recently used one.
    clock: u64,
}

impl Trees {
    /// Returns a cache for this number of bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, cells: Mutex::default() }
    }

    /// Returns the tree with this hash. If it is not in memory, `assemble` makes it once, however
    /// many readers wait for it.
    pub(super) async fn get(
        &self,
        tree_hash: &[u8],
        assemble: impl Future<Output = Result<Arc<[u8]>, Refusal>>,
    ) -> Result<Arc<[u8]>, Refusal> {
        let cell = self.cell(tree_hash);
        cell.get_or_try_init(|| assemble).await.cloned()
    }

    fn cell(&self, tree_hash: &[u8]) -> TreeCell {
        let mut cells = self.cells();
        cells.shrink(self.bytes);
        cells.clock = cells.clock.saturating_add(1);
        let now = cells.clock;
        let (cell, used) = cells.cells.entry(tree_hash.to_vec()).or_default();
        *used = now;
        Arc::clone(cell)
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        // The map is consistent after a panic, because each change is one call.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cells {
    /// Drops the least recently used trees until the others have at most this number of bytes.
    fn shrink(&mut self, limit: usize) {
        let size = |cell: &TreeCell| cell.get().map_or(0, |tree| tree.len());
        let mut bytes = self.cells.values().map(|(cell, _)| size(cell)).fold(0, usize::saturating_add);
        if bytes <= limit {
            return;
        }
        let mut uses: Vec<_> = self.cells.iter().map(|(hash, (_, used))| (*used, hash.clone())).collect();
        uses.sort_unstable();
        for (_, hash) in uses {
            if bytes <= limit {
                return;
            }
            if let Some((cell, _)) = self.cells.remove(&hash) {
                bytes = bytes.saturating_sub(size(&cell));
            }
        }
    }
}
