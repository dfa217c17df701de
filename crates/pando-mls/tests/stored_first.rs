//! Checks that the result of an operation is available only after its changes are stored.
//!
//! Each public function of `pando-group` that changes or creates a group returns an `Unpersisted`,
//! or is listed with the reason why it does not. The test reads the sources, so that no new
//! function is missed. Clippy rejects the functions that give a result without storing its changes
//! ([`clippy.toml`](../../../clippy.toml)), except in tests and measurements. Documents and
//! examples do without them.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::{FnArg, ImplItem, ImplItemFn, Item, ReturnType, Type, Visibility};

/// Types that are a group or contain one.
const GROUPS: [&str; 6] =
    ["Group", "GroupBuilder", "PublicGroup", "CommitBuilder", "ExternalJoin", "VerifiedOffer"];

/// Types of results that are a group or contain one.
const RESULTS: [&str; 4] = ["Group", "PublicGroup", "Created", "CommitOutput"];

/// Functions that change or return a group without an `Unpersisted`.
const NOTHING_TO_STORE: [(&str, &str); 5] = [
    ("Group::load", "it is what was stored"),
    ("Group::open", "it is what was stored"),
    ("PublicGroup::load", "it is what was stored"),
    ("PublicGroup::open", "it is what was stored"),
    ("Group::commit", "it changes nothing before `CommitBuilder::build`"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the names of all types in a type, without paths.
fn names(of: &Type) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl<'ast> syn::visit::Visit<'ast> for Names {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            self.0.insert(segment.ident.to_string());
            syn::visit::visit_path_segment(self, segment);
        }
    }
    let mut names = Names(BTreeSet::new());
    syn::visit::Visit::visit_type(&mut names, of);
    names.0
}

/// Returns whether a function changes a group of the type `of`, or returns a group.
fn is_to_be_stored(of: &str, function: &ImplItemFn) -> bool {
    let changes = GROUPS.contains(&of)
        && function.sig.inputs.iter().any(|input| match input {
            FnArg::Receiver(receiver) => receiver.reference.is_some() && receiver.mutability.is_some(),
            FnArg::Typed(_) => false,
        });
    let ReturnType::Type(_, returned) = &function.sig.output else { return changes };
    let returned = names(returned);
    let is_builder = of == "CommitBuilder";
    let returns_self = returned.contains("Self") && (of == "Group" || of == "PublicGroup");
    let gives = RESULTS.iter().any(|name| returned.contains(*name)) || returns_self;
    changes || gives || (is_builder && !returned.contains("Self"))
}

/// Returns the public functions that should return an `Unpersisted` but do not, and the listed
/// ones.
fn without_unpersisted() -> BTreeSet<String> {
    let (mut files, mut found) = (Vec::new(), BTreeSet::new());
    sources(&repository().join("crates/pando-group/src"), &mut files);
    let mut seen = 0;
    for file in files {
        let parsed = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
        for item in parsed.items {
            let Item::Impl(block) = item else { continue };
            let Type::Path(of) = &*block.self_ty else { continue };
            let of = of.path.segments.last().unwrap().ident.to_string();
            for item in &block.items {
                let ImplItem::Fn(function) = item else { continue };
                if !matches!(function.vis, Visibility::Public(_)) || !is_to_be_stored(&of, function) {
                    continue;
                }
                seen += 1;
                let ReturnType::Type(_, returned) = &function.sig.output else {
                    found.insert(format!("{of}::{}", function.sig.ident));
                    continue;
                };
                if !names(returned).contains("Unpersisted") {
                    found.insert(format!("{of}::{}", function.sig.ident));
                }
            }
        }
    }
    assert!(seen > 20, "{seen}");
    found
}

#[test]
fn results_of_operations_are_unpersisted() {
    let listed: BTreeSet<_> = NOTHING_TO_STORE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found = without_unpersisted();
    let (new, gone): (Vec<_>, Vec<_>) =
        (found.difference(&listed).collect(), listed.difference(&found).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "without an Unpersisted: {new:?}; not in the sources: {gone:?}"
    );
}

/// Documents and examples show how to store. Measurements of a store say why they do not.
#[test]
fn documents_and_examples_store_everything() {
    let mut files = vec![repository().join("README.md")];
    for folder in ["docs", "crates/pando-mls/examples", "crates/pando-store/examples"] {
        let mut folders = vec![repository().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
    }
    assert!(files.len() > 20);
    let libraries = ["pando-mls", "pando-group", "pando-store"];
    files.extend(libraries.map(|name| repository().join(format!("crates/{name}/src/lib.rs"))));
    for file in files.iter().filter(|file| !file.ends_with("cost.rs")) {
        let Ok(text) = fs::read_to_string(file) else { continue };
        for skips in ["assume_persisted(", "into_parts("] {
            assert!(!text.contains(skips), "{} stores no changes: {skips}", file.display());
        }
    }
}
