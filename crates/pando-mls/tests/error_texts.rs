//! Checks that the text of each error names the same section of RFC 9420 as its documentation.
//!
//! Logs contain the text of an error but not its documentation. The test reads the source files, so
//! it covers every new error. The rules of groups, `Violation`, have their sections in a table, and
//! `GroupError` adds these sections to their texts.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is a failure and that is all")]

use std::path::Path;
use std::{fs, iter};
use syn::{Expr, Item, Lit, Meta, Variant};

/// The files that define the library's errors.
const FILES: [&str; 7] = [
    "pando-crypto/src/error.rs",
    "pando-framing/src/error.rs",
    "pando-group/src/error.rs",
    "pando-schedule/src/error.rs",
    "pando-tree/src/error.rs",
    "pando-wire/src/codec.rs",
    "pando-x509/src/error.rs",
];

/// Returns the documentation of a variant as a single line.
fn documentation(variant: &Variant) -> String {
    let lines = variant.attrs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(value) => match &value.lit {
                Lit::Str(line) => Some(line.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.collect()
}

/// Returns the argument of the variant's `#[error(...)]`.
fn text(variant: &Variant) -> Option<String> {
    variant.attrs.iter().find(|attribute| attribute.path().is_ident("error")).map(|attribute| {
        let argument = attribute.meta.require_list().unwrap();
        argument.tokens.to_string()
    })
}

/// Returns the first reference in parentheses that consists only of sections, such as `section 7.3`
/// or `sections 6 and 6.3.2`.
fn sections(documentation: &str) -> Option<&str> {
    let mut rest = documentation;
    iter::from_fn(|| {
        let (reference, after) = rest.split_once('(')?.1.split_once(')')?;
        rest = after;
        Some(reference)
    })
    .find(|reference| reference.starts_with("section"))
}

#[test]
fn texts_of_errors_have_the_sections_of_their_documentation() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut with_section, mut without) = (0, Vec::new());
    for file in FILES {
        let parsed = syn::parse_file(&fs::read_to_string(crates.join(file)).unwrap()).unwrap();
        let variants = parsed.items.into_iter().filter_map(|item| match item {
            Item::Enum(item) => Some(item.variants),
            _ => None,
        });
        for variant in variants.flatten() {
            let documentation = documentation(&variant);
            let (Some(sections), Some(text)) = (sections(&documentation), text(&variant)) else { continue };
            with_section += 1;
            if !text.contains(&format!("(RFC 9420, {sections})")) {
                without.push(format!("{file}: {} ({sections}): {text}", variant.ident));
            }
        }
    }
    assert!(with_section > 20, "{with_section}");
    assert!(without.is_empty(), "texts without the section:\n{}", without.join("\n"));
}
