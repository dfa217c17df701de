//! Runs each scenario in a separate process, and stops the process if a step takes too long.

use std::{
    io::{BufRead, BufReader, IsTerminal, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
};

use super::{Scenario, Settings, meter::STEP};
use crate::line::Line;

/// Runs all scenarios that contain selected operations, and passes each line of JSON to `print`.
///
/// # Errors
///
/// Returns an error if a process cannot be started.
pub fn measure(settings: &Settings, mut print: impl FnMut(&str)) -> std::io::Result<()> {
    for scenario in Scenario::ALL {
        let mut left = scenario.ops(&settings.implementation);
        left.retain(|op| settings.ops.is_empty() || settings.ops.iter().any(|wanted| wanted == op));
        if left.is_empty() {
            continue;
        }
        if let Some(why) = run(settings, scenario, &mut left, &mut print)? {
            for op in left {
                let Settings { implementation, crypto, size, .. } = settings;
                let mut line = Line::new(implementation, crypto, op, *size as u64, &[]);
                line.note = Some(why.clone());
                print(&serde_json::to_string(&line)?);
            }
        }
    }
    Ok(())
}

/// Runs one scenario. Removes the operations that produced output from `left`. If the scenario
/// ended early, returns the reason.
fn run(
    settings: &Settings,
    scenario: Scenario,
    left: &mut Vec<&str>,
    print: &mut impl FnMut(&str),
) -> std::io::Result<Option<String>> {
    let mut child = start(settings, scenario)?;
    let (sender, receiver) = mpsc::channel();
    let output = child.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?;
    let reader = thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut step = String::from("starting");
    let why = loop {
        match receiver.recv_timeout(settings.budget) {
            Ok(line) => match line.strip_prefix(STEP) {
                Some(next) => {
                    step = next.into();
                    progress(settings, &step);
                }
                None => {
                    if let Ok(measured) = serde_json::from_str::<Line>(&line) {
                        left.retain(|op| *op != measured.op);
                        print(&line);
                    }
                }
            },
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                break Some(format!("stopped: over {} s for: {step}", settings.budget.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    let status = child.wait()?;
    let _ = reader.join();
    progress(settings, "");
    Ok(why.or_else(|| (!status.success()).then(|| format!("failed: {step}: {status}"))))
}

fn start(settings: &Settings, scenario: Scenario) -> std::io::Result<Child> {
    let program = if scenario == Scenario::Heap { "peers-heap" } else { "peers" };
    let program =
        std::env::current_exe()?.with_file_name(program).with_extension(std::env::consts::EXE_EXTENSION);
    let mut command = Command::new(program);
    command.args(["--impl", &settings.implementation, "--crypto", &settings.crypto]);
    command.args(["--size", &settings.size.to_string(), "--runs", &settings.runs.to_string()]);
    command.args(["--budget", &settings.budget.as_secs().to_string()]);
    if !settings.ops.is_empty() {
        command.args(["--op", &settings.ops.join(",")]);
    }
    if let Some(builder) = &settings.builder {
        command.arg("--builder").arg(builder);
    }
    let name = clap::ValueEnum::to_possible_value(&scenario).map(|value| value.get_name().to_owned());
    command
        .arg("--scenario")
        .arg(name.unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}

/// Shows the current step if standard error is a terminal.
fn progress(settings: &Settings, step: &str) {
    let mut error = std::io::stderr();
    if error.is_terminal() {
        let Settings { implementation, crypto, size, .. } = settings;
        let _ = write!(error, "\r\x1b[K");
        if !step.is_empty() {
            let _ = write!(error, "{implementation} {crypto}, {size} members: {step}");
        }
        let _ = error.flush();
    }
}
