//! The command `pando store`, which inspects and checks a client's store without printing its
//! secrets.

use clap::Subcommand;
use pando_mls::{BasicIdentities, GroupId, GroupState, RustCrypto, SecretBytes};
use pando_store::{Inventory, Key, Sqlite, SqliteStore, StoreError, StoredGroupEntry};
use serde_json::json;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the contents of a store: groups, keys, and the number of rows and bytes
    Inspect(Arguments),
    /// Check that all rows can be read, and that every group is consistent
    Verify(Arguments),
    /// Release unused space, and overwrite deleted data
    Compact(Arguments),
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The database file
    path: PathBuf,
    /// A file with the store's key: 32 bytes, or 64 hexadecimal digits
    #[arg(long, conflicts_with = "passphrase_file")]
    key_file: Option<PathBuf>,
    /// A file with the store's passphrase; a line break at its end is ignored
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// An error of the command `pando store`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreCommandError {
    #[error("{path}: {error}{}", hint(error))]
    Store { path: PathBuf, error: StoreError },
    #[error("{0}: the store is encrypted; give its key with --key-file or --passphrase-file")]
    KeyNeeded(PathBuf),
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    #[error("{0}: not a key of 32 bytes or 64 hexadecimal digits")]
    Key(PathBuf),
    #[error("output: {0}")]
    Output(io::Error),
}

/// Returns advice for the user, to be appended to an error.
const fn hint(error: &StoreError) -> &'static str {
    match error {
        StoreError::NotADatabase | StoreError::NoStore => "; give the file in which a client keeps its store",
        _ => "",
    }
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, StoreCommandError> {
    match command {
        Command::Inspect(arguments) => inspect(arguments).map(|()| ExitCode::SUCCESS),
        Command::Verify(arguments) => verify(arguments),
        Command::Compact(arguments) => compact(arguments).map(|()| ExitCode::SUCCESS),
    }
}

fn inspect(arguments: &Arguments) -> Result<(), StoreCommandError> {
    let store = open(arguments)?;
    let inventory = store.inspect().map_err(|error| arguments.failed(error))?;
    let mut out = io::stdout().lock();
    let printed = if arguments.json { print_json(&mut out, &inventory) } else { print(&mut out, &inventory) };
    printed.map_err(StoreCommandError::Output)
}

fn verify(arguments: &Arguments) -> Result<ExitCode, StoreCommandError> {
    let store = open(arguments)?;
    let findings = store.verify(&RustCrypto, &BasicIdentities).map_err(|error| arguments.failed(error))?;
    let mut out = io::stdout().lock();
    let printed = if arguments.json {
        let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
        writeln!(out, "{}", json!({ "findings": findings }))
    } else if findings.is_empty() {
        writeln!(out, "no problems found")
    } else {
        findings.iter().try_for_each(|finding| writeln!(out, "{finding}"))
    };
    printed.map_err(StoreCommandError::Output)?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compact(arguments: &Arguments) -> Result<(), StoreCommandError> {
    let mut store = open(arguments)?;
    let bytes = || {
        let metadata = fs::metadata(&arguments.path);
        metadata.map(|metadata| metadata.len()).map_err(|error| file(&arguments.path, error))
    };
    let before = bytes()?;
    store.compact().map_err(|error| arguments.failed(error))?;
    let after = bytes()?;
    let mut out = io::stdout().lock();
    let printed = if arguments.json {
        writeln!(out, "{}", json!({ "before": before, "after": after }))
    } else {
        writeln!(out, "{before} bytes before, {after} after")
    };
    printed.map_err(StoreCommandError::Output)
}

impl Arguments {
    fn failed(&self, error: StoreError) -> StoreCommandError {
        StoreCommandError::Store { path: self.path.clone(), error }
    }
}

fn file(path: &Path, error: io::Error) -> StoreCommandError {
    StoreCommandError::File { path: path.to_owned(), error }
}

/// Opens an existing store.
fn open(arguments: &Arguments) -> Result<SqliteStore, StoreCommandError> {
    let key = key(arguments)?;
    let opened = Sqlite::open_existing(&arguments.path).and_then(|sqlite| {
        if sqlite.has_store() { SqliteStore::new(sqlite, &key) } else { Err(StoreError::NoStore) }
    });
    opened.map_err(|error| match (error, &key) {
        (StoreError::WrongKey, Key::None) => StoreCommandError::KeyNeeded(arguments.path.clone()),
        (error, _) => arguments.failed(error),
    })
}

fn key(arguments: &Arguments) -> Result<Key, StoreCommandError> {
    if let Some(path) = &arguments.key_file {
        let bytes = read(path)?;
        let key = Key::bytes(bytes.expose()).ok().or_else(|| hexadecimal(bytes.expose()));
        return key.ok_or_else(|| StoreCommandError::Key(path.clone()));
    }
    let Some(path) = &arguments.passphrase_file else { return Ok(Key::None) };
    let bytes = read(path)?;
    let passphrase = bytes.expose();
    let passphrase = passphrase.strip_suffix(b"\n").unwrap_or(passphrase);
    let passphrase = passphrase.strip_suffix(b"\r").unwrap_or(passphrase);
    let (cost, limit) = Default::default();
    Ok(Key::Passphrase { passphrase: passphrase.into(), cost, limit })
}

fn read(path: &Path) -> Result<SecretBytes, StoreCommandError> {
    fs::read(path).map(SecretBytes::from).map_err(|error| file(path, error))
}

fn hexadecimal(text: &[u8]) -> Option<Key> {
    let text = str::from_utf8(text).ok()?.trim_end();
    let mut key = SecretBytes::from(vec![0; 32]);
    if text.len() != 64 {
        return None;
    }
    for (at, byte) in key.expose_mut().iter_mut().enumerate() {
        let digits = text.get(at.checked_mul(2)?..at.checked_mul(2)?.checked_add(2)?)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Key::bytes(key.expose()).ok()
}

/// Returns an identifier as text if it is printable, and otherwise as hexadecimal digits.
fn readable(group_id: &GroupId) -> String {
    match str::from_utf8(group_id) {
        Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => format!("{text:?}"),
        _ => digits(group_id),
    }
}

/// Returns bytes as hexadecimal digits.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn print(out: &mut impl Write, inventory: &Inventory) -> io::Result<()> {
    let Inventory { format, store_id, encrypted, groups, key_packages, psks, signers, records, .. } =
        inventory;
    let encrypted = if *encrypted { "encrypted" } else { "not encrypted" };
    writeln!(out, "store {}, format {format}, {encrypted}", digits(store_id))?;
    for group in groups {
        let StoredGroupEntry { group_id, cipher_suite, epoch, members, proposals, .. } = group;
        let id = readable(group_id);
        write!(out, "group {id}: epoch {epoch}, {members} members, {cipher_suite}")?;
        if let Some(leaf) = group.own_leaf {
            write!(out, ", own {leaf}")?;
        } else {
            write!(out, ", without secrets")?;
        }
        match group.state {
            GroupState::Active => {}
            GroupState::Joining | GroupState::Reinitialized | GroupState::Removed => {
                write!(out, ", {}", state(group.state))?;
            }
        }
        if group.joining {
            write!(out, ", an external Commit pending")?;
        }
        if *proposals > 0 {
            write!(out, ", {proposals} proposals pending")?;
        }
        if group.pending_commit {
            write!(out, ", a Commit pending")?;
        }
        writeln!(out)?;
    }
    let Inventory { last_resort, last_resort_uses, .. } = inventory;
    writeln!(
        out,
        "{key_packages} KeyPackages and {last_resort} of last resort (used {last_resort_uses} times), {psks} pre-shared keys, {signers} signature keys"
    )?;
    for (name, amount) in records {
        writeln!(out, "{:>10} rows {:>12} bytes  {name}", amount.rows, amount.bytes)?;
    }
    Ok(())
}

/// Returns the name of a group state.
const fn state(state: GroupState) -> &'static str {
    match state {
        GroupState::Active => "active",
        GroupState::Joining => "joining",
        GroupState::Reinitialized => "reinitialized",
        GroupState::Removed => "removed",
    }
}

fn print_json(out: &mut impl Write, inventory: &Inventory) -> io::Result<()> {
    let groups: Vec<_> = inventory
        .groups
        .iter()
        .map(|group| {
            json!({
                "group_id": digits(&group.group_id),
                "cipher_suite": group.cipher_suite.0,
                "epoch": group.epoch,
                "members": group.members,
                "own_leaf": group.own_leaf.map(|leaf| leaf.0),
                "state": state(group.state),
                "joining": group.joining,
                "proposals": group.proposals,
                "pending_commit": group.pending_commit,
            })
        })
        .collect();
    let records: Vec<_> = inventory
        .records
        .iter()
        .map(|(name, amount)| json!({ "kind": name, "rows": amount.rows, "bytes": amount.bytes }))
        .collect();
    let line = json!({
        "format": inventory.format,
        "store_id": digits(&inventory.store_id),
        "encrypted": inventory.encrypted,
        "groups": groups,
        "key_packages": inventory.key_packages,
        "last_resort": inventory.last_resort,
        "last_resort_uses": inventory.last_resort_uses,
        "psks": inventory.psks,
        "signers": inventory.signers,
        "records": records,
    });
    writeln!(out, "{line}")
}
