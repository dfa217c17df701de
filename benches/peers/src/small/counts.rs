//! Counts instructions by running this program under callgrind.

use std::{
    error::Error,
    fs,
    process::{Command, Stdio},
};

use super::{Operation, Worlds};
use crate::library::Library;

/// Repeats each operation. Callgrind counts the instructions inside the function `measured`.
pub fn run<L: Library>(members: usize, stores: bool, operations: &[Operation], runs: usize) {
    let mut worlds = Worlds::<L>::new(members, stores);
    for operation in operations {
        for _ in 0..runs {
            worlds.run(*operation);
        }
    }
}

/// Runs this program under callgrind with the given arguments. Returns the instruction count of
/// each call of `measured`.
///
/// # Errors
/// Returns an error if callgrind cannot be started or fails.
pub fn count(arguments: &[String]) -> Result<Vec<u64>, Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("pando-small-{}", std::process::id()));
    let status = Command::new("valgrind")
        // Two different patterns identify the same function, because callgrind ignores the second
        // of two options that have the same pattern.
        .args(["--tool=callgrind", "--toggle-collect=*small::measured*", "--dump-after=*::measured*"])
        .args(["--combine-dumps=yes", "--dump-line=no", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .status()?;
    if !status.success() {
        return Err("valgrind has failed".into());
    }
    let text = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok(parts(&text))
}

/// Returns the instruction counts of the parts of a profile. The last part is omitted, because it
/// covers the work after the last call of `measured`.
fn parts(profile: &str) -> Vec<u64> {
    let counts = profile.lines().filter_map(|line| line.strip_prefix("summary: ")?.trim().parse().ok());
    let mut counts: Vec<u64> = counts.collect();
    counts.pop();
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_a_count() {
        let profile =
            "part: 1\nevents: Ir\nsummary: 12\nfn=(1)\n1 12\ntotals: 12\npart: 2\nsummary: 7\nsummary: 0\n";
        assert_eq!(parts(profile), [12, 7]);
    }
}
