//! The types and traits of other crates that occur in the API. A new version of one of these crates
//! can break an application.

use crate::docs::{Docs, Item, Target, field};
use crate::surface::{Surface, paths};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The line in `ARCHITECTURE.md` that precedes the list.
const BEGIN: &str = "<!-- The public dependencies, checked by `.ci/public-api`. -->";

type Names<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Returns whether a crate belongs to the standard library.
fn is_of_the_language(krate: &str) -> bool {
    matches!(krate, "std" | "core" | "alloc")
}

/// Returns the parts of an item that name other items. For an implementation block, these are the
/// trait and the type, but not the contents.
fn part<'a>(item: Item<'a>) -> Result<Vec<&'a Value>, String> {
    let (kind, inner) = item.inner()?;
    match kind {
        "impl" => ["trait", "for", "generics"].map(|name| field(inner, name)).into_iter().collect(),
        "function" => ["sig", "generics"].map(|name| field(inner, name)).into_iter().collect(),
        "struct" | "enum" => Ok(vec![field(inner, "generics")?]),
        "trait" => ["bounds", "generics"].map(|name| field(inner, name)).into_iter().collect(),
        _ => Ok(vec![inner]),
    }
}

/// Returns the names in the API that belong to other crates, grouped by crate.
fn names<'a>(docs: &'a Docs, surface: &Surface<'a>) -> Result<Names<'a>, String> {
    let mut names = Names::new();
    let mut add = |krate, name| {
        if !is_of_the_language(krate) {
            names.entry(krate).or_default().insert(name);
        }
    };
    surface.foreign.iter().for_each(|(krate, name)| add(krate, name));
    let functions = surface.functions.iter().map(|function| &function.item);
    for item in surface.types.iter().chain(&surface.others).chain(functions) {
        for part in part(*item)? {
            let mut found = Vec::new();
            paths(part, &mut |path| found.push(path));
            for path in found {
                if let Target::Foreign(krate, name) = docs.follow(item.krate, field(path, "id")?)? {
                    add(krate, name);
                }
            }
        }
    }
    Ok(names)
}

/// Returns the names in the table of `ARCHITECTURE.md`. Each row contains a crate and its types and
/// traits, all in backticks.
fn listed(architecture: &str) -> Result<Names<'_>, String> {
    let (_, table) = architecture.split_once(BEGIN).ok_or("there is no list in ARCHITECTURE.md")?;
    let rows = table.trim_start().lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let mut cells = row.split('|').skip(1).map(|cell| cell.split('`').skip(1).step_by(2));
        let krate = cells.next().and_then(|mut names| names.next());
        let krate = krate.ok_or_else(|| format!("a row names no crate: {row}"))?;
        Ok((krate, cells.next().into_iter().flatten().collect()))
    })
    .collect()
}

/// Returns the differences between the API and the list.
pub(crate) fn check(docs: &Docs, surface: &Surface<'_>, architecture: &str) -> Result<Vec<String>, String> {
    let (found, listed) = (names(docs, surface)?, listed(architecture)?);
    let flat = |names: &Names<'_>| -> BTreeSet<String> {
        names
            .iter()
            .flat_map(|(krate, names)| names.iter().map(move |name| format!("{krate}::{name}")))
            .collect()
    };
    let (found, listed) = (flat(&found), flat(&listed));
    let new =
        found.difference(&listed).map(|name| format!("{name} is in the API, but not in ARCHITECTURE.md"));
    let gone =
        listed.difference(&found).map(|name| format!("{name} is in ARCHITECTURE.md, but not in the API"));
    Ok(new.chain(gone).collect())
}
