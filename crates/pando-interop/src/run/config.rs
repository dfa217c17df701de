//! Configurations: files that contain scripts (mlswg/mls-implementations, test-config.md).
//!
//! The format is `{"mode": "allCombinations" or "random", "scripts": {name: [step, ...]}}`, where
//! the mode is optional. Any other member of the top-level object is ignored. Error messages name
//! the file, the script and the step.

use super::check;
use super::script::Step;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The way in which clients are assigned to the actors of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Mode {
    /// Run the script with every combination of actors and clients.
    #[default]
    #[serde(rename = "allCombinations")]
    AllCombinations,
    /// Run the script with a random client for each actor.
    #[serde(rename = "random")]
    Random,
}

/// A script that has been checked.
#[derive(Debug)]
pub(crate) struct Script {
    /// The name of the file without its extension, a slash, and the name of the script within the
    /// file.
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) steps: Vec<Step>,
    /// The steps as the file contains them.
    pub(crate) sources: Vec<Value>,
    /// The names of the actors, in the order of their first steps.
    pub(crate) actors: Vec<String>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    mode: Mode,
    scripts: BTreeMap<String, Vec<Value>>,
}

/// Reads the scripts of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Script>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    parse(&stem, &text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Parses the scripts in a configuration text.
pub(crate) fn parse(stem: &str, text: &str) -> Result<Vec<Script>, String> {
    let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
    config
        .scripts
        .into_iter()
        .map(|(name, sources)| {
            script(&name, config.mode, sources)
                .map(|script| Script { name: format!("{stem}/{name}"), ..script })
                .map_err(|(step, error)| format!("script {name}, step {step}: {error}"))
        })
        .collect()
}

fn script(name: &str, mode: Mode, sources: Vec<Value>) -> Result<Script, (usize, String)> {
    let steps = sources
        .iter()
        .enumerate()
        .map(|(index, source)| Step::deserialize(source).map_err(|error| (index, error.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    check::check(&steps)?;
    let mut known = BTreeSet::new();
    let actors =
        steps.iter().flat_map(Step::actors).filter(|actor| known.insert(*actor)).map(str::to_owned).collect();
    Ok(Script { name: name.to_owned(), mode, steps, sources, actors })
}
