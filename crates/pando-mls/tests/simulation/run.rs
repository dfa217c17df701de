//! Runs histories, and reports failures in as few steps as possible.

use crate::dice::Dice;
use crate::failure::{Failure, Outcome};
use crate::history::Step;
use crate::shrink::shorten;
use crate::world::{Event, Setting, Tally, World};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// An additional check on the events, beside the simulation's own checks.
pub(crate) type Watch = fn(&[Event]) -> Outcome;

/// No additional check.
pub(crate) const fn nothing(_: &[Event]) -> Outcome {
    Ok(())
}

/// A history that ends in a failure.
pub(crate) struct Broken {
    pub(crate) setting: Setting,
    pub(crate) steps: Vec<Step>,
    pub(crate) events: Vec<Event>,
    pub(crate) failure: Failure,
}

/// Runs a history until `epochs` Commits are accepted, and then delivers everything.
pub(crate) fn run(
    setting: Setting,
    history: impl IntoIterator<Item = Step>,
    epochs: usize,
    watch: Watch,
) -> Result<Tally, Box<Broken>> {
    let mut steps = Vec::new();
    let mut world = None;
    let outcome = caught(|| {
        let world = world.insert(World::new(setting)?);
        for step in history {
            if world.commits >= epochs {
                break;
            }
            steps.push(step);
            world.step(step)?;
            watch(&world.events)?;
        }
        world.settle(&mut Dice::new(setting.seed))
    });
    let (events, tally) = world.map(|world| (world.events, world.tally)).unwrap_or_default();
    outcome.map(|()| tally).map_err(|failure| Box::new(Broken { setting, steps, events, failure }))
}

/// Turns a panic into a failure.
fn caught(what: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Failure(format!("panic: {}", text.unwrap_or_default())))
    })
}

impl Broken {
    /// Returns the failure with as few steps as can be found in the given time.
    pub(crate) fn shortened(self: Box<Self>, time: Duration, watch: Watch) -> Box<Self> {
        let mut shortest = self;
        let (setting, steps) = (shortest.setting, shortest.steps.clone());
        shorten(&steps, time, |steps| match run(setting, steps.iter().copied(), usize::MAX, watch) {
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
        let Self { setting, steps, events, failure } = self;
        writeln!(f, "{failure}\n\nin {setting:?}, after {} steps:", steps.len())?;
        events.iter().try_for_each(|event| writeln!(f, "{event}"))
    }
}
