//! Configurations: files of scripts (mlswg/mls-implementations, test-config.md).
//!
//! The format is `{"mode": "allCombinations" or "random", "scripts": {name: [step, ...]}}`, where
//! the mode is optional. Other members of the file's header are ignored. Errors name the file, the
//! script and the step.

use super::check;
use super::script::Step;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The way to assign clients to the actors of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Mode {
    /// All combinations of actors and clients.
    #[default]
    #[serde(rename = "allCombinations")]
    AllCombinations,
    /// A random client for each actor.
    #[serde(rename = "random")]
    Random,
}

/// A checked script.
#[derive(Debug)]
pub(crate) struct Script {
    /// The file's name without its ending, a slash, and the name in the file.
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) steps: Vec<Step>,
    /// The steps as they are in the file.
    pub(crate) sources: Vec<Value>,
    /// In the order of their first step.
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

/// Parses the scripts in a text.
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
