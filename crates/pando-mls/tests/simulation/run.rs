//! Functions that run histories and report failures in as few steps as possible.

use crate::failure::{Failure, Outcome};
use crate::history::Step;
use crate::random::Random;
use crate::shrink::shorten;
use crate::simulation::{Event, Parameters, Simulation, Tally};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// An additional check of the events, which supplements the simulation's own checks.
pub(crate) type Watch = fn(&[Event]) -> Outcome;

/// Performs no additional check.
pub(crate) const fn nothing(_: &[Event]) -> Outcome {
    Ok(())
}

/// A history that ends in a failure.
pub(crate) struct Broken {
    pub(crate) parameters: Parameters,
    pub(crate) steps: Vec<Step>,
    pub(crate) events: Vec<Event>,
    pub(crate) failure: Failure,
}

/// Runs a history until `epochs` Commits are accepted, and then delivers all messages.
pub(crate) fn run(
    parameters: Parameters,
    history: impl IntoIterator<Item = Step>,
    epochs: usize,
    watch: Watch,
) -> Result<Tally, Box<Broken>> {
    let mut steps = Vec::new();
    let mut simulation = None;
    let outcome = caught(|| {
        let simulation = simulation.insert(Simulation::new(parameters)?);
        for step in history {
            if simulation.commits >= epochs {
                break;
            }
            steps.push(step);
            simulation.step(step)?;
            watch(&simulation.events)?;
        }
        simulation.settle(&mut Random::new(parameters.seed))
    });
    let (events, tally) =
        simulation.map(|simulation| (simulation.events, simulation.tally)).unwrap_or_default();
    outcome.map(|()| tally).map_err(|failure| Box::new(Broken { parameters, steps, events, failure }))
}

/// Converts a panic into a failure.
fn caught(what: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Failure(format!("panic: {}", text.unwrap_or_default())))
    })
}

impl Broken {
    /// Returns the failure with as few steps as can be found within the given time.
    pub(crate) fn shortened(self: Box<Self>, time: Duration, watch: Watch) -> Box<Self> {
        let mut shortest = self;
        let (parameters, steps) = (shortest.parameters, shortest.steps.clone());
        shorten(&steps, time, |steps| match run(parameters, steps.iter().copied(), usize::MAX, watch) {
            Ok(_) => false,
            Err(broken) => {
                shortest = broken;
                true
            }
        });
        shortest
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameters, steps, events, failure } = self;
        writeln!(f, "{failure}\n\nin {parameters:?}, after {} steps:", steps.len())?;
        events.iter().try_for_each(|event| writeln!(f, "{event}"))
    }
}
