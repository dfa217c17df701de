//! Pando's targets at 50,000 members.

use super::{
    floor::Primitives,
    format,
    results::{Column, Results},
};

/// The number of members of the group for which the targets are defined.
pub const SIZE: u64 = 50_000;

/// A target for the performance of an operation.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At most this many microseconds.
    Time(f64),
    /// At most this many microseconds, and at most this multiple of Pando's own time at 10 members.
    TimeAndOwn(f64, f64),
    /// At most this multiple of the floor.
    Floor(f64),
    /// At most this multiple of the time of the same operation without the store.
    WithoutStore(f64),
    /// At most this many bytes.
    Bytes(u64),
    /// No target.
    Nothing,
}

/// A row of the table of targets.
pub struct Row {
    /// The name of the row in the table.
    pub title: &'static str,
    /// The operation that the row shows.
    pub op: &'static str,
    /// The target for the operation.
    pub target: Target,
}

const fn row(title: &'static str, op: &'static str, target: Target) -> Row {
    Row { title, op, target }
}

/// The rows of the table of targets.
pub const ROWS: &[Row] = &[
    row("process an update commit", "process_update_commit", Target::TimeAndOwn(600.0, 2.0)),
    row("the same with storage", "process_update_commit_and_store", Target::Time(1_500.0)),
    row("process an update commit, warm tree", "process_update_commit_warm", Target::TimeAndOwn(600.0, 2.0)),
    row("the same with storage", "process_update_commit_warm_and_store", Target::Time(1_500.0)),
    row("process an add commit without path", "process_add_commit_nopath", Target::Time(500.0)),
    row("process a remove commit", "process_remove_commit", Target::Time(600.0)),
    row("process an add commit with path, warm tree", "process_add_commit_warm", Target::Time(600.0)),
    row("process a remove commit, warm tree", "process_remove_commit_warm", Target::Time(600.0)),
    row("make an add commit without path", "add_commit_nopath_create", Target::Time(1_000.0)),
    row("make an update commit, warm tree", "update_commit_warm_create", Target::Time(2_000.0)),
    row("make an update commit, fresh tree", "update_commit_create", Target::Floor(1.25)),
    row("join, tree inline", "join_welcome_single", Target::Time(750_000.0)),
    row("join, tree out of band", "join_welcome_oob", Target::Time(750_000.0)),
    row("join by external commit, fresh tree", "external_commit_join", Target::Floor(1.25)),
    row("create a group, tree out of band", "create_group_add_all_oob_build", Target::Floor(1.25)),
    row("create a group, tree in the Welcome", "create_group_add_all_build", Target::Floor(1.25)),
    row("encrypt 32 B, in memory", "app_encrypt_32B", Target::Floor(1.15)),
    row("decrypt 32 B, in memory", "app_decrypt_32B", Target::Floor(1.15)),
    row("encrypt 32 B, with storage", "app_encrypt_32B_and_store", Target::WithoutStore(2.0)),
    row("decrypt 32 B, with storage", "app_decrypt_32B_and_store", Target::WithoutStore(2.0)),
    row("written per processed commit", "process_update_commit_storage_written", Target::Bytes(16 * 1_024)),
    row(
        "written per processed commit, warm tree",
        "process_update_commit_warm_storage_written",
        Target::Bytes(16 * 1_024),
    ),
    row("written per decrypted message", "app_decrypt_storage_written", Target::Bytes(1_024)),
    row("load all of a group from its rows", "load_group", Target::Nothing),
    row(
        "open a closed store and a group, decrypt 32 B, store that",
        "open_store_and_decrypt_32B",
        Target::Time(50_000.0),
    ),
    row(
        "the same with an update commit, warm tree",
        "open_store_and_process_update_commit",
        Target::Time(100_000.0),
    ),
    row("live heap of a joined group", "heap_joined_group", Target::Bytes(28_000_000)),
    row("peak heap above that while joining", "heap_peak_during_join", Target::Nothing),
    row(
        "peak heap above that while processing a commit",
        "heap_peak_during_process_update_commit",
        Target::Bytes(1_000_000),
    ),
    row("the same in a warm tree", "heap_peak_during_process_update_commit_warm", Target::Bytes(1_000_000)),
    row("persisted state", "state_size", Target::Bytes(14_000_000)),
    row("the database with it, encrypted", "store_file_size", Target::Nothing),
];

/// The reasons for missing targets, which name the work that the targets do not include.
const REASONS: [(&str, &str); 9] = [
    (
        "process_update_commit",
        "The message has 4.1 MB, because the tree has no keys above its leaves yet. It is decoded, and \
         hashed three times: by SHA-512 for the signature, and by SHA-256 for the membership tag and the \
         transcript. The target is for a message of some kilobytes, as in a warm tree.",
    ),
    ("process_remove_commit", "The reason is the same as for an update commit."),
    ("process_update_commit_and_store", "The reason is the same as without storage."),
    (
        "heap_peak_during_process_update_commit",
        "The heap holds the message of 4.1 MB, its decoded form, and the input of the hashes.",
    ),
    (
        "app_encrypt_32B_and_store",
        "In a transaction, SQLite writes the log, copies it into the database and cuts it off, so that no \
         copy of a key remains. This takes longer than the encryption.",
    ),
    ("app_decrypt_32B_and_store", "The reason is the same as for encrypting."),
    (
        "app_encrypt_32B",
        "The floor is the signature. Two AEADs, three derivations and the encoding take a few microseconds \
        more.",
    ),
    (
        "create_group_add_all_oob_build",
        "The floor does not include decoding, hashing and checking the KeyPackages.",
    ),
    (
        "create_group_add_all_build",
        "The reason is the same as with the tree out of band; also, the tree is encoded and encrypted \
        once.",
    ),
];

impl Row {
    /// Returns the reason why the target is missed, if the reason is known.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        REASONS.iter().find(|(op, _)| *op == self.op).map(|(_, reason)| *reason)
    }

    /// Returns a description of the target for the table.
    #[must_use]
    pub fn target(&self) -> String {
        match self.target {
            Target::Time(time) => format::time(time),
            Target::TimeAndOwn(time, times) => format!("{}, {times} x at 10", format::time(time)),
            Target::Floor(times) => format!("{times} x floor"),
            Target::WithoutStore(times) => format!("{times} x in memory"),
            Target::Bytes(bytes) => format::bytes(bytes),
            Target::Nothing => String::new(),
        }
    }

    /// Returns the ratio of a column's measured value to the target. If the target has two parts,
    /// returns the larger ratio. Returns `None` if there is no target or no measurement.
    #[must_use]
    pub fn ratio(
        &self,
        results: &Results,
        column: Column,
        floor: Option<&Primitives>,
        n: u64,
        cores: u64,
    ) -> Option<f64> {
        let line = results.get(column, self.op, n)?;
        let time = line.median_us;
        match self.target {
            Target::Time(most) => Some(time? / most),
            Target::TimeAndOwn(most, times) => {
                let own =
                    results.time(column, self.op, 10).map_or(0.0, |own| time.unwrap_or(0.0) / (own * times));
                Some((time? / most).max(own))
            }
            Target::Floor(times) => Some(time? / (floor?.floor(self.op, n, cores)? * times)),
            Target::WithoutStore(times) => {
                let plain = results.time(column, self.op.strip_suffix("_and_store")?, n)?;
                Some(time? / (plain * times))
            }
            Target::Bytes(most) => Some(line.bytes? as f64 / most as f64),
            Target::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::results::PANDO, *};

    fn results() -> Results {
        let mut results = Results::default();
        for (op, n, us, bytes) in [
            ("process_update_commit", 10, "200.0", "null"),
            ("process_update_commit", 50_000, "600.0", "4000000"),
            ("app_encrypt_32B", 50_000, "20.0", "177"),
            ("app_encrypt_32B_and_store", 50_000, "60.0", "null"),
            ("state_size", 50_000, "null", "7000000"),
        ] {
            results.read(&format!(
                r#"{{"impl":"pando","crypto":"aws-lc","op":"{op}","n":{n},"median_us":{us},"bytes":{bytes}}}"#
            ));
        }
        results
    }

    #[test]
    fn reasons_are_for_rows() {
        assert!(REASONS.iter().all(|(op, _)| ROWS.iter().any(|row| row.op == *op)));
        let given = |op: &str| ROWS.iter().find(|row| row.op == op).unwrap().reason().is_some();
        assert!(given("process_remove_commit") && !given("join_welcome_oob"));
    }

    #[test]
    fn targets_are_compared() {
        let floor =
            Primitives { sign: 10.0, verify: 50.0, verify_many: 20.0, keygen: 5.0, seal: 65.0, open: 60.0 };
        let results = results();
        let ratio = |op: &str, floor| {
            let row = ROWS.iter().find(|row| row.op == op).unwrap();
            row.ratio(&results, PANDO[1], floor, 50_000, 2)
        };
        // The time is less than 0.6 ms, but it is three times the time at 10 members.
        assert_eq!(ratio("process_update_commit", None), Some(1.5));
        assert_eq!(ratio("app_encrypt_32B", None), None);
        assert_eq!(ratio("app_encrypt_32B", Some(&floor)), Some(20.0 / 11.5));
        assert_eq!(ratio("app_encrypt_32B_and_store", None), Some(1.5));
        assert_eq!(ratio("state_size", None), Some(0.5));
        assert_eq!(ratio("load_group", None), None);
    }
}
