//! Checks rules of the public API of `pando-mls` and `pando-store` in rustdoc's JSON:
//!
//! - each public function that changes or creates a group returns an `Unpersisted`, or is on a list
//!   of exceptions with reasons;
//! - errors are `#[non_exhaustive]`, and so are structures that an application could make from
//!   their fields, unless they are on a list of exceptions with reasons;
//! - `ARCHITECTURE.md` lists exactly the types and traits of other crates in the API.
//!
//! The checks follow re-exports into the crates of the workspace, and cover implementations of
//! traits. `.ci/public-api` makes the JSON and runs this program.

mod docs;
mod exhaustive;
mod foreign;
mod surface;
mod unpersisted;

use docs::Docs;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};
use surface::Surface;

fn main() -> ExitCode {
    match check() {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the public API cannot be checked: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the violations of the rules.
fn check() -> Result<Vec<String>, String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, architecture] = arguments.as_slice() else {
        return Err("the arguments must be the folder of the JSON and ARCHITECTURE.md".to_owned());
    };
    let architecture = fs::read_to_string(architecture).map_err(|error| error.to_string())?;
    let docs = Docs::read(Path::new(folder))?;
    let surface = Surface::of(&docs, &["pando_mls", "pando_store"])?;
    println!("{} types and traits, {} functions", surface.types.len(), surface.functions.len());
    let mut complaints = unpersisted::check(&docs, &surface)?;
    complaints.extend(exhaustive::check(&docs, &surface)?);
    complaints.extend(foreign::check(&docs, &surface, &architecture)?);
    Ok(complaints)
}
