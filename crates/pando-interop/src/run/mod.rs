//! `pando-interop run`: runs scripts of the interoperability harness (mlswg/mls-implementations)
//! with any set of clients.
//!
//! A script is run with each cipher suite, with private and with public handshake messages, and
//! with clients assigned to its actors, either in all combinations or at random. The runner
//! performs all checks of the official runner. In addition, it checks after each step that all
//! actors in the same epoch have the same epoch authenticator and export the same secret.
//!
//! By design, the runner does not run scripts concurrently, because each client receives only one
//! call at a time.

mod agreement;
mod assign;
pub(crate) mod base64;
mod check;
mod clients;
mod config;
mod failure;
pub mod random;
mod report;
mod script;
mod session;
mod step;
#[cfg(test)]
mod tests;

use clap::{Args, ValueEnum};
use clients::Client;
use config::{Mode, Script};
use indicatif::{ProgressBar, ProgressStyle};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use report::{Results, ScriptResult, Summary};
use session::{Checks, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

/// The command line of `pando-interop run`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Configuration files: scripts in JSON
    #[arg(required = true, value_name = "CONFIG")]
    pub configs: Vec<PathBuf>,
    /// A client under test: the address of a gRPC server
    #[arg(long = "client", required = true, value_name = "HOST:PORT")]
    pub clients: Vec<String>,
    /// Assign clients to actors at random instead of trying all combinations
    #[arg(long)]
    pub random: bool,
    /// Number of random assignments
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub repeat: usize,
    /// Seed for random assignments
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,
    /// The form in which handshake messages are sent
    #[arg(long, value_enum, default_value_t = Handshakes::All)]
    pub handshakes: Handshakes,
    /// A cipher suite to run, given by its number; by default, all suites that the clients support
    #[arg(long = "suite", value_name = "N")]
    pub suites: Vec<u32>,
    /// A script to run, given by its name, with or without the name of its file; by default, all
    /// scripts
    #[arg(long = "script", value_name = "NAME")]
    pub scripts: Vec<String>,
    /// Stop at the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Make only the calls of the script, without comparing the secrets of members in the same
    /// epoch
    #[arg(long)]
    pub only_script: bool,
    /// Write results and transcripts, in the format of the official runner
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The wire format of handshake messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Handshakes {
    /// Send handshake messages as PublicMessages
    Public,
    /// Send handshake messages as PrivateMessages
    Private,
    /// Run each script with PublicMessages and with PrivateMessages
    All,
}

impl Handshakes {
    fn encrypted(self) -> &'static [bool] {
        match self {
            Self::Public => &[false],
            Self::Private => &[true],
            Self::All => &[false, true],
        }
    }
}

/// The results of all runs.
#[derive(Debug)]
pub struct Report {
    /// Number of runs that passed.
    pub passed: usize,
    /// Number of runs that failed.
    pub failed: usize,
    /// A table of the runs, followed by the reason for each failure.
    pub table: String,
}

/// One planned run.
struct Run<'a> {
    script: &'a Script,
    suite: u32,
    encrypt_handshake: bool,
    /// The index of the client that plays each actor.
    assignment: Vec<usize>,
}

/// Runs the scripts like [`run`], but in its own runtime, and prints the table to standard output.
/// Returns whether all runs passed.
///
/// # Errors
///
/// Returns an error in the same cases as [`run`].
pub fn execute(arguments: &Arguments) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let report = runtime.block_on(run(arguments))?;
    print!("{}", report.table);
    Ok(report.failed == 0)
}

/// Runs the scripts. Shows the progress if standard error is a terminal.
///
/// # Errors
///
/// Returns an error text if the runs cannot start. Possible reasons are an unreadable
/// configuration, an invalid script (the text names the file, the script and the step), a client
/// that does not answer, and a suite that no client supports. Failed scripts are not errors, but
/// part of the report.
pub async fn run(arguments: &Arguments) -> Result<Report, String> {
    let scripts = scripts(arguments)?;
    let mut clients = Vec::new();
    for address in &arguments.clients {
        clients.push(Client::connect(address).await?);
    }
    let runs = plan(arguments, &scripts, &clients)?;
    let checks = Checks { states: !arguments.only_script, transcript: arguments.json.is_some() };

    let mut json = match &arguments.json {
        None => None,
        Some(path) => {
            let unable = |error| format!("{}: {error}", path.display());
            Some(Results::begin(BufWriter::new(File::create(path).map_err(unable)?)).map_err(unable)?)
        }
    };
    let unwritten = |error| format!("cannot write the results: {error}");
    let progress = progress(runs.len());
    let mut rng = unpredictable()?;
    let mut summary = Summary::default();
    for run in runs {
        progress.set_message(run.script.name.clone());
        let result = run.execute(&clients, checks, ChaCha20Rng::from_rng(&mut rng)).await;
        summary.add(run.script, &result);
        if let Some(json) = &mut json {
            json.add(&run.script.name, &result).map_err(unwritten)?;
        }
        progress.inc(1);
        if arguments.fail_fast && result.error.is_some() {
            break;
        }
    }
    progress.finish_and_clear();
    if let Some(json) = json {
        json.end().map_err(unwritten)?;
    }
    Ok(Report { passed: summary.passed(), failed: summary.failed(), table: summary.table() })
}

/// Reads the scripts that the command line selects.
fn scripts(arguments: &Arguments) -> Result<Vec<Script>, String> {
    let mut scripts = Vec::new();
    for path in &arguments.configs {
        scripts.extend(config::read(path)?);
    }
    let is = |script: &Script, name: &String| {
        script.name == *name || script.name.split_once('/').is_some_and(|(_, short)| short == name)
    };
    if let Some(missing) =
        arguments.scripts.iter().find(|name| !scripts.iter().any(|script| is(script, name)))
    {
        return Err(format!("unknown script {missing}"));
    }
    if !arguments.scripts.is_empty() {
        scripts.retain(|script| arguments.scripts.iter().any(|name| is(script, name)));
    }
    if scripts.is_empty() {
        return Err("no scripts in the configurations".to_owned());
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = scripts.iter().find(|script| !names.insert(&script.name)) {
        return Err(format!("duplicate script {}", twice.name));
    }
    Ok(scripts)
}

/// Plans all runs. The runs of one script are next to each other.
fn plan<'a>(
    arguments: &Arguments,
    scripts: &'a [Script],
    clients: &[Client],
) -> Result<Vec<Run<'a>>, String> {
    let supported: Vec<_> = clients.iter().map(|client| &client.suites).collect();
    let suites = assign::suites(&supported, &arguments.suites)?;
    let mut lots = ChaCha20Rng::seed_from_u64(arguments.seed);
    let mut runs = Vec::new();
    for script in scripts {
        for (suite, able) in &suites {
            for encrypt_handshake in arguments.handshakes.encrypted() {
                let slots = script.actors.len();
                let assignments = if arguments.random || script.mode == Mode::Random {
                    (0..arguments.repeat).map(|_| assign::random(able, slots, &mut lots)).collect()
                } else {
                    assign::combinations(able, slots).map_err(|error| format!("{}: {error}", script.name))?
                };
                runs.extend(assignments.into_iter().map(|assignment| Run {
                    script,
                    suite: *suite,
                    encrypt_handshake: *encrypt_handshake,
                    assignment,
                }));
            }
        }
    }
    Ok(runs)
}

impl Run<'_> {
    async fn execute(&self, clients: &[Client], checks: Checks, rng: ChaCha20Rng) -> ScriptResult {
        let roles: BTreeMap<&str, &Client> = self
            .script
            .actors
            .iter()
            .zip(&self.assignment)
            .filter_map(|(actor, client)| Some((actor.as_str(), clients.get(*client)?)))
            .collect();
        let actors = roles.iter().map(|(actor, client)| ((*actor).to_owned(), client.name.clone())).collect();
        let mut result = ScriptResult {
            cipher_suite: self.suite,
            actors,
            encrypt_handshake: self.encrypt_handshake,
            transcript: Vec::new(),
            error: None,
            failed_step: None,
            failed_step_json: None,
        };
        let mut session = Session::new(roles, self.suite, self.encrypt_handshake, checks, rng);
        for (index, step) in self.script.steps.iter().enumerate() {
            match step::run(&mut session, step).await {
                Ok(output) => session.outputs.push(output),
                Err(failure) => {
                    result.error = Some(failure.to_string());
                    result.failed_step = Some(index);
                    result.failed_step_json = self.script.sources.get(index).map(ToString::to_string);
                    break;
                }
            }
        }
        let freed = session.finish().await;
        if let (Err(failure), None) = (freed, &result.error) {
            result.error = Some(failure.to_string());
            result.failed_step = Some(self.script.steps.len());
        }
        result.transcript = session.transcript;
        result
    }
}

/// Returns a randomly seeded generator for names and pre-shared keys. The seed of the command line
/// determines only the assignments, because a client may remember the names of an earlier run.
fn unpredictable() -> Result<ChaCha20Rng, String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(ChaCha20Rng::from_seed(seed))
}

fn progress(runs: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(runs).unwrap_or(u64::MAX));
    // If the template is invalid, the progress bar keeps its default style.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar
}
