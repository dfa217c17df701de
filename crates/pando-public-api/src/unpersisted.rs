//! Checks that each function that changes or creates a group returns the changes, so that they are
//! stored before the result is used.

use crate::docs::{Docs, Item, Target, field, list};
use crate::surface::{Function, Surface};
use serde_json::Value;
use std::collections::BTreeSet;

/// Types that are a group or contain a group.
const GROUPS: [&str; 6] =
    ["Group", "GroupBuilder", "PublicGroup", "CommitBuilder", "ExternalJoin", "VerifiedOffer"];

/// Types of results that are a group or contain a group.
const RESULTS: [&str; 4] = ["Group", "PublicGroup", "Created", "CommitOutput"];

/// Functions that change or return a group according to their signature, but have nothing to store
/// and return no `Unpersisted`.
const NOTHING_TO_STORE: [(&str, &str); 7] = [
    ("Group::load", "its state is stored already"),
    ("Group::open", "its state is stored already"),
    ("PublicGroup::load", "its state is stored already"),
    ("PublicGroup::open", "its state is stored already"),
    (
        "PublicGroup::clone",
        "the copy has the same rows; a store refuses the changes of the copy that is late",
    ),
    ("Group::commit", "it changes nothing before `CommitBuilder::build`"),
    ("CommitBuilder::fmt", "it shows the builder"),
];

/// The way in which a signature borrows a type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Borrowed {
    Not,
    Mutably,
}

/// Adds the names of those types of the workspace that a part of a signature uses in the way
/// `wanted`. Signatures of closures are ignored.
fn names<'a>(
    docs: &'a Docs,
    function: &Function<'a>,
    part: &Value,
    is: Borrowed,
    wanted: Borrowed,
    found: &mut BTreeSet<&'a str>,
) -> Result<(), String> {
    match part {
        Value::Object(object) => {
            if let Some(borrowed) = object.get("borrowed_ref") {
                if field(borrowed, "is_mutable")? == true {
                    names(docs, function, field(borrowed, "type")?, Borrowed::Mutably, wanted, found)?;
                }
                return Ok(());
            }
            if is == wanted {
                if object.get("generic").is_some_and(|name| name == "Self") {
                    found.extend(function.of.map(Item::name));
                }
                if object.contains_key("path")
                    && let Some(id) = object.get("id")
                    && let Target::Item(item) = docs.follow(function.item.krate, id)?
                {
                    found.insert(item.name());
                }
            }
            for value in object.iter().filter(|(key, _)| *key != "parenthesized").map(|(_, value)| value) {
                names(docs, function, value, is, wanted, found)?;
            }
        }
        Value::Array(list) => {
            for value in list {
                names(docs, function, value, is, wanted, found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Returns whether a function violates the rule.
fn is_without(docs: &Docs, function: &Function<'_>) -> Result<bool, String> {
    let (_, inner) = function.item.inner()?;
    let signature = field(inner, "sig")?;
    let (mut changed, mut given) = (BTreeSet::new(), BTreeSet::new());
    for input in list(signature, "inputs")? {
        names(docs, function, input, Borrowed::Not, Borrowed::Mutably, &mut changed)?;
    }
    let output = field(signature, "output")?;
    // A group that the function returns as a mutable borrow can be changed.
    for wanted in [Borrowed::Not, Borrowed::Mutably] {
        names(docs, function, output, Borrowed::Not, wanted, &mut given)?;
    }
    let of = function.of.map_or("", Item::name);
    let finishes = of == "CommitBuilder" && !given.contains("CommitBuilder");
    let concerns_a_group = finishes
        || GROUPS.iter().any(|group| changed.contains(group))
        || RESULTS.iter().any(|result| given.contains(result));
    Ok(concerns_a_group && !given.contains("Unpersisted"))
}

/// Returns the functions that must return an `Unpersisted` but do not, and the superfluous entries
/// of the list.
pub(crate) fn check(docs: &Docs, surface: &Surface<'_>) -> Result<Vec<String>, String> {
    let mut found = BTreeSet::new();
    for function in &surface.functions {
        if is_without(docs, function)? {
            let of = function.of.map_or("", Item::name);
            found.insert(format!("{of}::{}", function.item.name()));
        }
    }
    let listed: BTreeSet<_> = NOTHING_TO_STORE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let new = found.difference(&listed).map(|name| {
        format!("{name} changes or creates a group, but neither returns an `Unpersisted` nor is on the list")
    });
    let gone = listed.difference(&found).map(|name| format!("{name} is needlessly on the list"));
    Ok(new.chain(gone).collect())
}
