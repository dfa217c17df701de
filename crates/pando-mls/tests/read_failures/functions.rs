//! A search for the public functions of `pando-group`, which ensures that the tests call all of
//! them.

use crate::{FIXTURE, check_reads_nothing};
use crate::{operations, public_group, reading};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Public functions that cannot be called on an opened group.
const ELSEWHERE: &[&str] = &[
    // These functions create a group in memory from arguments in memory.
    "ExternalJoin::build",
    "Group::join",
    "Group::load",
    "GroupBuilder::build",
    "Invitation::mix_psks",
    "Invitation::open",
    "Offer::verify",
    "PublicGroup::load",
    "PublicGroup::new",
    "VerifiedOffer::accept",
    // These functions do not involve a group.
    "ApplicationData::authenticated_data",
    "ApplicationData::new",
    "Client::at",
    "Client::capabilities",
    "Client::config",
    "Client::crypto",
    "Client::new",
    "Client::with_config",
    "Client::with_crypto",
    "Client::with_extensions",
    "Client::with_rules",
    "Client::without_clock",
    "Context::at",
    "Context::key_package",
    "Context::policy",
    "Context::signer",
    "Context::with_config",
    "Context::with_crypto",
    "Context::with_groups",
    "Context::with_policy",
    "Context::with_psks",
    "Context::with_rules",
    "Context::with_signer",
    "Delta::apply",
    "Delta::becomes",
    "Delta::check",
    "Delta::deletes",
    "Delta::follows",
    "Delta::forget_before",
    "Delta::group_id",
    "Delta::instance",
    "Delta::is_empty",
    "Delta::is_whole",
    "Delta::state",
    "Delta::then",
    "Delta::writes",
    "ExternalJoin::authenticated_data",
    "ExternalJoin::new",
    "ExternalJoin::psks",
    "ExternalJoin::replace_leaf",
    "ExternalJoin::replace_own_leaf",
    "ExternalJoin::tree",
    "Group::builder",
    "GroupBuilder::extensions",
    "GroupBuilder::group_id",
    "GroupError::is_storage",
    "GroupError::violation",
    "GroupInfoBuilder::extension",
    "GroupInfoBuilder::without_external_pub",
    "Instance::as_bytes",
    "Invitation::psk_ids",
    "KeyPackageBuilder::build",
    "KeyPackageBuilder::capabilities",
    "KeyPackageBuilder::extensions",
    "KeyPackageBuilder::leaf_extensions",
    "KeyPackageBuilder::lifetime",
    "KeyPackageBundle::new",
    "Limits::decode",
    "Offer::epoch",
    "Offer::group_id",
    "Offer::needs_tree",
    "Position::as_bytes",
    "RowKey::from_bytes",
    "RowKey::to_bytes",
    "RuleError::refused",
    "StateRow::read",
    "StoredGroup::read",
    "Successor::new",
    "Successor::with_path",
    "Successor::with_tree_in_welcome",
    "Unpersisted::assume_persisted",
    "Unpersisted::delta",
    "Unpersisted::into_parts",
    "Unpersisted::map",
    "Unpersisted::peek",
    "Unpersisted::persist",
    "Unpersisted::persist_to",
    "Unpersisted::then",
    "Unpersisted::try_map",
    "VerifiedOffer::inviter",
    "VerifiedOffer::key_package",
    "VerifiedOffer::own_leaf",
    "VerifiedOffer::state",
    "check_key_package",
    "propose_as_external_sender",
    "propose_own_add",
];

/// Adds the public functions in a folder to the set, in the form `Type::function` or `function`.
fn find(folder: &Path, functions: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, functions);
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let mut of_type = None;
        for line in source.lines() {
            let word = |text: &str| -> String {
                text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
            };
            if let Some(rest) = line.strip_prefix("impl") {
                let rest = if rest.starts_with('<') { rest.split_once("> ").unwrap().1 } else { rest.trim() };
                of_type = (!rest.contains(" for ")).then(|| word(rest));
            }
            let function =
                line.trim_start().strip_prefix("pub ").map(|rest| rest.trim_start_matches("const "));
            let Some(name) = function.and_then(|rest| rest.strip_prefix("fn ")).map(word) else { continue };
            match line.len() - line.trim_start().len() {
                0 => functions.insert(name),
                4 => functions.insert(format!("{}::{name}", of_type.clone().unwrap())),
                // Any other function is in the macros that define violations, or changes a setting.
                _ => {
                    assert!(name == "section" || name.is_empty(), "{name}");
                    false
                }
            };
        }
    }
}

/// Checks that each public function that can be called on an opened group is among the operations.
#[test]
fn every_public_function_is_an_operation_or_needs_no_opened_group() {
    let fixture = &*FIXTURE;
    let mut called = BTreeSet::new();
    for operations in [
        operations::sending(fixture),
        operations::committing(fixture),
        operations::receiving(fixture),
        reading::reading(fixture),
    ] {
        let mut reads: BTreeMap<_, usize> = BTreeMap::new();
        for operation in &operations {
            let (_, count) = operation.expected(fixture);
            operation.functions.iter().for_each(|function| *reads.entry(function).or_default() += count);
        }
        assert!(reads.values().all(|reads| *reads > 0), "{reads:?}");
        called.extend(reads.into_keys().copied());
    }
    let mut reads: BTreeMap<_, usize> = BTreeMap::new();
    for operation in public_group::reading(fixture) {
        let count = operation.expected(fixture).reads;
        operation.functions.iter().for_each(|function| *reads.entry(*function).or_default() += count);
    }
    assert!(reads.values().all(|reads| *reads > 0), "{reads:?}");
    called.extend(reads.into_keys());
    for operation in public_group::reading_nothing(fixture) {
        operation.check_reads_nothing(fixture);
        called.extend(operation.functions);
    }
    for operation in reading::reading_nothing(fixture) {
        check_reads_nothing(&operation);
        called.extend(operation.functions);
    }
    let mut functions = BTreeSet::new();
    find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../pando-group/src"), &mut functions);
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().copied().collect();
    assert!(called.is_disjoint(&elsewhere), "{:?}", called.intersection(&elsewhere));
    let known: BTreeSet<_> = called.union(&elsewhere).map(|function| (*function).to_owned()).collect();
    let (new, gone): (Vec<_>, Vec<_>) =
        (functions.difference(&known).collect(), known.difference(&functions).collect());
    assert!(new.is_empty() && gone.is_empty(), "not in a list: {new:#?}; not in the sources: {gone:#?}");
}
