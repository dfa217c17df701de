//! The minimum cost of an operation, which is the cost of the primitives that RFC 9420 requires, at
//! the speeds that were measured in the same run.
//!
//! HPKE encryption requires a key pair and a shared secret, and decryption requires a shared
//! secret. The floor includes the other costs of HPKE only if shared secrets were not measured
//! separately. Work that can be parallelized is divided by the number of cores. Hashing, symmetric
//! encryption and copying are not counted.

use super::results::{Column, Results};

/// The times of the primitives with one backend, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Primitives {
    /// Creating a signature.
    pub sign: f64,
    /// Verifying a single signature.
    pub verify: f64,
    /// Verifying one of many signatures that are verified together.
    pub verify_many: f64,
    /// Generating a key pair for HPKE.
    pub keygen: f64,
    /// Encrypting to a public key with HPKE.
    pub seal: f64,
    /// Decrypting with HPKE.
    pub open: f64,
}

impl Primitives {
    /// Returns the primitives of a column, or `None` unless all of them were measured.
    #[must_use]
    pub fn of(results: &Results, column: Column) -> Option<Self> {
        let time = |op| results.any_time(column, op);
        let (verify, keygen) = (time("primitive_verify")?, time("primitive_keygen")?);
        let dh = time("primitive_dh");
        Some(Self {
            sign: time("primitive_sign")?,
            verify,
            verify_many: time("primitive_verify_batch_1024").map_or(verify, |batch| batch.min(verify)),
            keygen,
            seal: dh.map(|dh| keygen + dh).or_else(|| time("primitive_hpke_seal"))?,
            open: dh.or_else(|| time("primitive_hpke_open"))?,
        })
    }

    /// Returns the floor of an operation in microseconds, for the given numbers of members and
    /// cores.
    #[must_use]
    pub fn floor(&self, op: &str, n: u64, cores: u64) -> Option<f64> {
        let Self { sign, verify, verify_many, keygen, seal, open } = *self;
        let (members, cores) = (n as f64, cores.max(1) as f64);
        let levels = f64::from(n.next_power_of_two().trailing_zeros());
        // A member derives a key pair for each parent above the lowest common ancestor of its leaf
        // and the committer's leaf. On average, there are two such parents.
        let path_read = open + 2.0 * keygen;
        let blank_path = members * seal / cores;
        // A joiner at the end of the tree encrypts to a single node for the largest full subtree,
        // because a path passes through its root. The joiner encrypts to each of the other members
        // separately.
        let blank_half = n.saturating_sub(1 << n.max(1).ilog2()) as f64 * seal / cores;
        let tree = members * verify_many / cores;
        Some(match op.trim_end_matches("_and_store") {
            "key_package_new" => 2.0 * keygen + 2.0 * sign,
            "create_group_add_all_build" | "create_group_add_all_oob_build" => {
                members * (2.0 * verify_many + seal) / cores + 2.0 * sign
            }
            "join_welcome_single" | "join_welcome_oob" => tree + open + verify,
            "update_commit_create" => blank_path + 2.0 * sign,
            "update_commit_warm_create" => levels * (keygen + seal) / cores + 2.0 * sign,
            "process_update_commit" | "process_update_commit_warm" | "process_remove_commit" => {
                2.0 * verify + path_read
            }
            "add_commit_nopath_create" => 2.0 * verify + seal + 2.0 * sign,
            "process_add_commit_nopath" => 3.0 * verify,
            "process_add_commit" => 4.0 * verify + path_read,
            "external_commit_join" => tree + blank_half + seal + verify + 2.0 * sign,
            "process_external_commit" => 2.0 * verify + open + path_read,
            "app_encrypt_32B" => sign,
            "app_decrypt_32B" => verify,
            _ => return None,
        })
    }
}

/// The formulas of the floors, as the report shows them.
pub const FORMULAS: &str = "\
`n` members, `c` cores, `l` levels of the tree (the logarithm of `n`); seal = keygen + dh and open = dh, or the times of
HPKE if dh was not measured. `batch` is the time to verify one signature of 1,024, or a single signature if that is faster.

| operation | floor |
|---|---|
| create a group by adding all | n (2 batch + seal) / c + 2 sign |
| join | n batch / c + open + verify |
| make an update commit, fresh tree | n seal / c + 2 sign |
| make an update commit, warm tree | l (keygen + seal) / c + 2 sign |
| process an update or a remove commit | 2 verify + open + 2 keygen |
| make an add commit without path | 2 verify + seal + 2 sign |
| process an add commit without path | 3 verify |
| process an add commit with path | 4 verify + open + 2 keygen |
| join by external commit, fresh tree | n batch / c + r seal / c + seal + verify + 2 sign, r = n less the largest power of two below |
| process an external commit | 2 verify + 2 open + 2 keygen |
| make a KeyPackage | 2 keygen + 2 sign |
| encrypt / decrypt 32 B | sign / verify |
";

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Primitives =
        Primitives { sign: 10.0, verify: 50.0, verify_many: 20.0, keygen: 5.0, seal: 65.0, open: 60.0 };

    #[test]
    fn floors_add_up() {
        let floor = |op, n| ROUND.floor(op, n, 2).unwrap();
        let close = |left: f64, right: f64| assert!((left - right).abs() < 1e-6, "{left} {right}");
        close(floor("update_commit_create", 1_000), 32_520.0);
        close(floor("update_commit_warm_create", 1_000), 10.0 * 70.0 / 2.0 + 20.0);
        close(floor("update_commit_warm_create", 2), 55.0);
        close(floor("join_welcome_oob", 50_000), 500_110.0);
        close(floor("external_commit_join", 50_000), 500_000.0 + 17_232.0 * 32.5 + 65.0 + 50.0 + 20.0);
        close(floor("process_update_commit", 7), 170.0);
        close(floor("app_decrypt_32B_and_store", 7), 50.0);
        assert_eq!(ROUND.floor("state_size", 7, 2), None);
    }

    #[test]
    fn what_was_not_measured_is_replaced() {
        let mut results = Results::default();
        let json = |op: &str, us: f64| {
            format!(r#"{{"impl":"pando","crypto":"aws-lc","op":"primitive_{op}","n":1,"median_us":{us}}}"#)
        };
        let column = super::super::results::PANDO[1];
        for (op, us) in [("sign", 10.0), ("verify", 40.0), ("keygen", 8.0)] {
            results.read(&json(op, us));
        }
        assert!(Primitives::of(&results, column).is_none());
        results.read(&json("hpke_seal", 50.0));
        results.read(&json("hpke_open", 45.0));
        let of_hpke = Primitives::of(&results, column).unwrap();
        assert_eq!((of_hpke.seal, of_hpke.open), (50.0, 45.0));
        results.read(&json("dh", 28.0));
        let without = Primitives::of(&results, column).unwrap();
        assert_eq!((without.seal, without.open), (36.0, 28.0));
        results.read(&json("verify_batch_1024", 20.0));
        let with = Primitives::of(&results, column).unwrap();
        assert_eq!((without.verify_many, with.verify_many), (40.0, 20.0));
    }
}
