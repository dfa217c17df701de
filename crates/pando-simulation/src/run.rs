//! Running and shrinking simulations.

use crate::action::{Action, schedule};
use crate::authority::Certificates;
use crate::checker::Violation;
use crate::world::{Failure, Fault, World};
use pando_client::Mistake;
use std::collections::BTreeMap;

/// The result of a simulation.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// The violations of invariants.
    pub violations: Vec<Violation>,
    /// How often each kind of fault happened.
    pub faults: BTreeMap<Fault, u64>,
    /// What happened, for people.
    pub story: Vec<String>,
}

/// Runs the simulation of a seed, with engines that make a mistake.
///
/// # Errors
/// A failure of the simulation itself.
pub async fn run_seed(
    certificates: &Certificates,
    seed: u64,
    length: usize,
    mistake: Option<Mistake>,
) -> Result<Outcome, Failure> {
    run_actions(certificates, seed, &schedule(seed, length), mistake).await
}

/// Runs a schedule.
///
/// # Errors
/// A failure of the simulation itself.
pub async fn run_actions(
    certificates: &Certificates,
    seed: u64,
    actions: &[Action],
    mistake: Option<Mistake>,
) -> Result<Outcome, Failure> {
    let mut world = World::with_mistake(certificates, seed, mistake)?;
    let violations = match play(&mut world, actions).await {
        Ok(violations) => violations,
        Err(error) => vec![Violation { rule: "no error", what: error.to_string() }],
    };
    let events = world.devices.iter().flat_map(|device| {
        device.events(None).map(move |event| format!("{}: {:?} {:?}", device.client, event.id, event.event))
    });
    let events: Vec<_> = events.collect();
    world.story.extend(events);
    Ok(Outcome { violations, faults: world.faults, story: world.story })
}

/// Performs the actions, lets the simulation settle, and checks it.
async fn play(world: &mut World<'_>, actions: &[Action]) -> Result<Vec<Violation>, Failure> {
    for action in actions {
        world.act(*action).await?;
    }
    world.story.push("no more faults".to_owned());
    let mut violations = Vec::new();
    if !world.settle().await? {
        let busy = world
            .devices
            .iter()
            .filter(|device| device.engine.as_ref().is_some_and(pando_client::Engine::is_busy));
        let busy: Vec<_> = busy.map(|device| device.client.to_string()).collect();
        let what = format!("these clients are still busy: {}", busy.join(", "));
        violations.push(Violation { rule: "progress", what });
    }
    violations.extend(world.check().await?);
    Ok(violations)
}

/// Removes actions from a failing schedule while it fails with the same rule.
///
/// # Errors
/// A failure of the simulation itself.
pub async fn shrink(
    certificates: &Certificates,
    seed: u64,
    actions: Vec<Action>,
    rule: &str,
    mistake: Option<Mistake>,
) -> Result<Vec<Action>, Failure> {
    let mut actions = actions;
    let mut size = actions.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < actions.len() {
            let end = start.saturating_add(size).min(actions.len());
            let mut fewer = actions.clone();
            fewer.drain(start..end);
            let fails = match run_actions(certificates, seed, &fewer, mistake).await {
                Ok(outcome) => outcome.violations.iter().any(|violation| violation.rule == rule),
                Err(_) => false,
            };
            if fails {
                actions = fewer;
            } else {
                start = end;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    Ok(actions)
}
