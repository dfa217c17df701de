//! Checks that rustdoc's JSON of `pando-mls` and `pando-store` follows these rules of the public
//! API:
//!
//! - each public function that changes or creates a group returns an `Unpersisted`, or is listed as
//!   an exception with a reason;
//! - error types are `#[non_exhaustive]`, and so are structures that an application could construct
//!   from their fields, unless they are listed as exceptions with a reason;
//! - `ARCHITECTURE.md` lists exactly those types and traits of other crates that occur in the API.
//!
//! The checks follow re-exports into the other crates of the workspace, and cover trait
//! implementations. `.ci/public-api` generates the JSON and runs this program.

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
