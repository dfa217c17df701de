//! Runs of a group. In a run, members of different implementations go through a number of epochs,
//! following a script that is derived from a seed.

use crate::count::Counts;
use crate::library;
use crate::member::Setting;
use crate::simulation::Simulation;
use crate::trace::{Checked, Divergence, Failure};
use std::fmt;

/// The parameters of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The seed from which the script is derived.
    pub seed: u64,
    /// The names of the implementations that the members use.
    pub libraries: Vec<String>,
    /// The number of the cipher suite.
    pub suite: u16,
    /// Whether handshake messages are encrypted.
    pub encrypt: bool,
    /// The minimum number of epochs.
    pub epochs: u64,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, libraries, suite, encrypt, epochs } = self;
        let (libraries, handshakes) = (libraries.join(","), if *encrypt { "private" } else { "public" });
        write!(f, "--seed {seed} --libraries {libraries} --suite {suite}")?;
        write!(f, " --handshakes {handshakes} --epochs {epochs}")
    }
}

impl Run {
    /// Executes the run.
    ///
    /// # Errors
    /// Returns a [`Divergence`] if members disagree, or if a member rejects a message that another
    /// member has created.
    pub fn run(&self) -> Result<Counts, Box<Divergence>> {
        let fail = |what, trace| Box::new(Divergence { run: self.clone(), trace, what });
        let mut libraries = Vec::new();
        for name in &self.libraries {
            let library = library::named(name).filter(|library| library.has(self.suite));
            let missing = || fail(format!("there is no {name} with suite {}", self.suite), Vec::new());
            libraries.push(library.ok_or_else(missing)?);
        }
        let setting = Setting { suite: self.suite, encrypt: self.encrypt };
        let mut simulation = Simulation::new(libraries, setting, self.seed);
        match simulation.live(self.epochs) {
            Ok(()) => Ok(simulation.counts),
            Err(Failure(what)) => Err(fail(what, simulation.trace)),
        }
    }
}

impl Simulation {
    fn live(&mut self, epochs: u64) -> Checked {
        self.begin()?;
        self.add_initial_members()?;
        while self.counts.epochs < epochs {
            self.round()?;
        }
        self.reinitialize()
    }

    /// Runs one round, which consists of application messages and a Commit.
    fn round(&mut self) -> Checked {
        self.log_step(format!("epoch {}: {}", self.epoch, self.names(self.members())));
        self.deliver_late()?;
        self.chat()?;
        if self.random.percent(5) {
            self.branch()?;
        }
        match self.random.below(100) {
            0..10 => self.external_join(),
            10..18 => self.resync(),
            _ => self.commit(),
        }
    }
}
