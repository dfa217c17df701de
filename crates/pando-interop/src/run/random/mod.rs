//! `pando-interop scripts random`: generates long random histories of a group as scripts.
//!
//! A history consists of chapters: Commits with proposals of all kinds from all kinds of senders,
//! external joins, application messages in any order, reinitializations and branches. The script
//! uses only functions that any client supports. Messages arrive at most one epoch late, and
//! resumption PSKs are from epochs in which all members took part. A former member returns under
//! its old name only by an external Commit.

mod chapters;
mod commit;

use super::assign::{below, pick};
use clap::Args;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The command line of `pando-interop scripts random`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Minimum number of steps
    #[arg(long, default_value_t = 200)]
    pub steps: usize,
    /// Maximum number of members of a group
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(3..))]
    pub members: u16,
    /// Seed of the history
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Returns a configuration that contains one script, written with one step per line.
#[must_use]
pub fn script(arguments: &Arguments) -> String {
    let mut history = History::begin(arguments);
    while history.steps.len() < arguments.steps {
        history.chapter();
    }
    let steps: Vec<String> = history.steps.iter().map(|step| format!("      {step}")).collect();
    format!(
        "{{\n  \"mode\": \"random\",\n  \"scripts\": {{\n    \"random_{}\": [\n{}\n    ]\n  }}\n}}\n",
        arguments.seed,
        steps.join(",\n")
    )
}

/// The state of the group after the steps generated so far.
struct History {
    rng: ChaCha20Rng,
    steps: Vec<Value>,
    most: usize,
    /// The members, each with the first epoch in which it was a member.
    members: BTreeMap<String, u64>,
    epoch: u64,
    /// The external signers of the group.
    signers: Vec<String>,
    /// The messages that some members have not read, each as its step, its sender and its epoch.
    unread: Vec<(usize, String, u64)>,
    names: usize,
}

impl History {
    fn begin(arguments: &Arguments) -> Self {
        let mut history = Self {
            rng: ChaCha20Rng::seed_from_u64(arguments.seed),
            steps: Vec::new(),
            most: usize::from(arguments.members),
            members: BTreeMap::new(),
            epoch: 1,
            signers: Vec::new(),
            unread: Vec::new(),
            names: 0,
        };
        let size = history.most.div_ceil(2).max(2);
        let names: Vec<String> = (0..size).map(|_| history.name("member")).collect();
        if let Some((creator, members)) = names.split_first() {
            history.step(json!({"action": "createGroup", "actor": creator, "members": members}));
        }
        history.members = names.into_iter().map(|name| (name, 1)).collect();
        history
    }

    fn chapter(&mut self) {
        match below(100, &mut self.rng) {
            0..60 => self.commit(),
            60..75 => self.talk(),
            75..88 => self.external_join(),
            88..91 => self.reinit(),
            91..94 => self.branch(),
            94..97 => self.group_info(),
            _ => self.commit_and_talk(),
        }
    }

    /// Appends a step to the script and returns the step's number.
    fn step(&mut self, step: Value) -> usize {
        self.steps.push(step);
        self.steps.len().saturating_sub(1)
    }

    /// Returns an unused name that begins with `kind`.
    fn name(&mut self, kind: &str) -> String {
        self.names = self.names.saturating_add(1);
        format!("{kind}{}", self.names)
    }

    /// Returns `true` with a probability of `percent` percent.
    fn happens(&mut self, percent: usize) -> bool {
        below(100, &mut self.rng) < percent
    }

    /// Returns a random name from a list that contains at least one name.
    fn one_of(&mut self, names: &[String]) -> String {
        pick(names, &mut self.rng).cloned().unwrap_or_default()
    }

    /// Returns the members in random order.
    fn shuffled(&mut self) -> Vec<String> {
        let mut keyed: Vec<(u64, String)> =
            self.members.keys().map(|name| (self.rng.next_u64(), name.clone())).collect();
        keyed.sort();
        keyed.into_iter().map(|(_, name)| name).collect()
    }

    /// Replaces the group by a new group with the given members.
    fn start_over(&mut self, names: Vec<String>) {
        self.members = names.into_iter().map(|name| (name, 1)).collect();
        self.epoch = 1;
        self.signers.clear();
        self.unread.clear();
    }

    fn extensions(&mut self) -> Value {
        pick(
            &[
                json!([]),
                json!([{"extension_type": REQUIRED_CAPABILITIES, "extension_data": "AAAA"}]),
                json!([{"extension_type": EXTERNAL_SENDERS, "extension_data": "AA=="}]),
                json!([
                    {"extension_type": REQUIRED_CAPABILITIES, "extension_data": "AAAA"},
                    {"extension_type": EXTERNAL_SENDERS, "extension_data": "AA=="}
                ]),
            ],
            &mut self.rng,
        )
        .cloned()
        .unwrap_or_default()
    }
}

/// The extension types that a GroupContext can contain (RFC 9420, section 17.3). The scripts use
/// them with empty contents.
const REQUIRED_CAPABILITIES: u32 = 3;
const EXTERNAL_SENDERS: u32 = 5;
