//! Measures Pando, OpenMLS and mls-rs, and creates the report.

use std::{
    error::Error,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Parser;
use pando_peers::report::{self, machine::Machine, results::Results};

const SIZES: [&str; 6] = ["2", "10", "100", "1000", "10000", "50000"];
const QUICK_SIZES: [&str; 3] = ["2", "10", "100"];
const SUITES_SIZE: &str = "1000";
const SUITES_OPS: &str = "key_package_new,create_group_add_all_build,join_welcome_single,update_commit_create,\
    process_update_commit,update_commit_warm_create,process_update_commit_warm,app_encrypt_32B,app_decrypt_32B";
const PEERS: [(&str, &str); 3] = [("openmls", "rustcrypto"), ("mls-rs", "rustcrypto"), ("mls-rs", "aws-lc")];

/// Measures all three libraries at all group sizes, which takes long, and writes
/// docs/benchmarks.md.
#[derive(Parser)]
struct Cli {
    /// Measure only small groups, which takes a few minutes.
    #[arg(long)]
    quick: bool,
    /// The date that the report states.
    #[arg(long, default_value = "no date given")]
    date: String,
    /// The maximum number of seconds for one run of a peer's operation. An operation that takes
    /// longer is left out.
    #[arg(long, default_value_t = 180)]
    budget: u64,
    /// The folder for the report; by default, the folder `docs` of the project.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("not in the project")?;
    let sizes = if cli.quick { QUICK_SIZES.join(",") } else { SIZES.join(",") };
    let folder = project.join("target/benchmarks");
    fs::create_dir_all(&folder)?;
    let mut files = Vec::new();

    for crypto in ["aws-lc", "rustcrypto"] {
        let arguments = ["--size", &sizes, "--json"];
        files.push(run(
            pando(project, crypto).args(arguments),
            &folder.join(format!("pando-{crypto}.jsonl")),
        )?);
        // AWS-LC does not support all cipher suites. The report leaves the missing ones out.
        for suite in (2..=7).filter(|_| !cli.quick).map(|suite: u16| suite.to_string()) {
            let arguments = ["--suite", &suite, "--size", SUITES_SIZE, "--op", SUITES_OPS, "--json"];
            let file = folder.join(format!("pando-{crypto}-suite-{suite}.jsonl"));
            files.push(run(pando(project, crypto).args(arguments), &file)?);
        }
    }

    let manifest = project.join("benches/peers/Cargo.toml");
    let build = ["build", "--release", "--bins", "--manifest-path"];
    if !Command::new("cargo").args(build).arg(manifest).status()?.success() {
        return Err("the peers do not build".into());
    }
    let peers =
        std::env::current_exe()?.with_file_name("peers").with_extension(std::env::consts::EXE_EXTENSION);
    // This is the program that the last run above compiled. The program lacks AWS-LC, which makes
    // no difference to the groups that it builds.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.join("target"), PathBuf::from);
    let builder = target.join("release/large-group").with_extension(std::env::consts::EXE_EXTENSION);
    for (implementation, crypto) in PEERS {
        let mut command = Command::new(&peers);
        command.args(["--impl", implementation, "--crypto", crypto, "--size", &sizes, "--json"]);
        command.args(["--budget", &cli.budget.to_string()]).arg("--builder").arg(&builder);
        files.push(run(&mut command, &folder.join(format!("{implementation}-{crypto}.jsonl")))?);
    }

    let mut results = Results::default();
    for file in files {
        results.read(&fs::read_to_string(file)?);
    }
    report::write(&results, &Machine::this(), &cli.date, &cli.out.unwrap_or_else(|| project.join("docs")))
}

/// Returns the command that runs Pando's own program with the given backend.
fn pando(project: &Path, crypto: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(project).args([
        "run",
        "--release",
        "--package",
        "pando-benches",
        "--bin",
        "large-group",
    ]);
    if crypto == "aws-lc" {
        command.args(["--features", "aws-lc"]);
    }
    command.args(["--", "--crypto", crypto]);
    command
}

/// Runs a program and writes its output to a file. If the program fails, its status is printed and
/// the output up to that point is used.
fn run(command: &mut Command, file: &Path) -> std::io::Result<PathBuf> {
    eprintln!("{}", file.file_stem().unwrap_or_default().display());
    let status = command.stdin(Stdio::null()).stdout(File::create(file)?).status()?;
    if !status.success() {
        eprintln!("{}: {status}", command.get_program().display());
    }
    Ok(file.to_owned())
}
