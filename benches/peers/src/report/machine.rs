//! Describes the machine on which the measurements were made.

use std::{fs, process::Command, thread};

/// The machine on which the measurements were made.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// The number of cores that were available to the programs.
    pub cores: u64,
    /// The size of the memory.
    pub memory: String,
    /// The version of the Rust compiler.
    pub rustc: String,
}

impl Machine {
    /// Returns the description of the machine on which this program runs.
    #[must_use]
    pub fn this() -> Self {
        let unknown = || "unknown".to_owned();
        let rustc = Command::new("rustc").arg("--version").output().ok();
        let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok());
        let memory =
            field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
            memory: memory.map_or_else(unknown, |kib| format!("{} GiB", (kib as f64 / 1_048_576.0).round())),
            rustc: rustc.map_or_else(unknown, |text| text.trim().to_owned()),
        }
    }
}

/// Returns the first value with the given name from a file that consists of lines `name : value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}
