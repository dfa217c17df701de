//! Checks that error types and structures can be extended without breaking applications.

use crate::docs::{Docs, Item, Target, field, list};
use crate::surface::Surface;
use std::collections::BTreeSet;

/// Structures that have only public fields and are exhaustive on purpose.
const EXHAUSTIVE: [(&str, &str); 17] = [
    ("Amount", "rows and bytes"),
    ("AnchorId", "a trust anchor consists of a name and a key"),
    ("Argon2Cost", "the parameters of Argon2"),
    ("Argon2Limit", "bounds of the parameters of Argon2"),
    ("Created", "a creator must not miss the Welcome"),
    ("HpkeKeyPair", "both keys"),
    ("Identity", "two identities are the same if all parts are"),
    ("IdentityError", "a text"),
    ("KeyPackageBundle", "a KeyPackage and its private keys, which a store reads back"),
    ("KeyPackageTemplate", "the fields that a client chooses (RFC 9420, section 10)"),
    ("LeafTemplate", "the fields that a client chooses (RFC 9420, section 7.2)"),
    ("NewLeaf", "a template and the signer for it"),
    ("NotContiguous", "a caller that takes the error apart must not miss a result"),
    ("OutboxId", "the key of a row"),
    ("PersistError", "a caller that takes the error apart must not miss the result"),
    ("StoredSigner", "an application names its identity by it"),
    ("StateRow", "the contents of a row, which a store compares"),
];

/// Returns whether a type implements `std::error::Error`.
fn is_error(docs: &Docs, item: Item<'_>) -> Result<bool, String> {
    let (_, inner) = item.inner()?;
    for id in list(inner, "impls")? {
        if let Target::Item(block) = docs.follow(item.krate, id)?
            && let Some(of) = block.inner()?.1.get("trait").and_then(|of| of.get("id"))
            && let Target::Foreign("core" | "std", "Error") = docs.follow(block.krate, of)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether a structure has at least one field and all its fields are public.
fn is_open(item: Item<'_>) -> Result<bool, String> {
    let kind = field(item.inner()?.1, "kind")?;
    if let Some(plain) = kind.get("plain") {
        return Ok(field(plain, "has_stripped_fields")? == false && !list(plain, "fields")?.is_empty());
    }
    Ok(kind
        .get("tuple")
        .and_then(|fields| fields.as_array())
        .is_some_and(|fields| !fields.is_empty() && fields.iter().all(|field| !field.is_null())))
}

/// Returns the error types and structures that must be `#[non_exhaustive]`, and the superfluous
/// entries of the list. Structures of the wire format are exempt, because the RFC defines them.
pub(crate) fn check(docs: &Docs, surface: &Surface<'_>) -> Result<Vec<String>, String> {
    let (mut complaints, mut found) = (Vec::new(), BTreeSet::new());
    for item in &surface.types {
        let (kind, _) = item.inner()?;
        if item.is_non_exhaustive()? {
            continue;
        }
        if kind == "enum" && is_error(docs, *item)? {
            complaints.push(format!("{}, an error, is not #[non_exhaustive]", item.name()));
        }
        if kind == "struct" && item.krate != "pando_wire" && is_open(*item)? {
            found.insert(item.name());
        }
    }
    let listed: BTreeSet<_> = EXHAUSTIVE.iter().map(|(name, _)| *name).collect();
    complaints.extend(
        found.difference(&listed).map(|name| {
            format!("{name} is neither #[non_exhaustive] nor on the list of exhaustive structures")
        }),
    );
    complaints.extend(
        listed
            .difference(&found)
            .map(|name| format!("{name} is needlessly on the list of exhaustive structures")),
    );
    Ok(complaints)
}
