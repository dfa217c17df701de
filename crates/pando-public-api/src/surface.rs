//! The public items of crates: all items that are reachable from the root modules.

use crate::docs::{Docs, Item, Target, field, list};
use serde_json::Value;
use std::collections::HashSet;

/// A public function.
pub(crate) struct Function<'a> {
    pub(crate) item: Item<'a>,
    /// The type or trait that a method belongs to.
    pub(crate) of: Option<Item<'a>>,
}

/// The public items of crates.
#[derive(Default)]
pub(crate) struct Surface<'a> {
    /// Structures, enumerations and traits.
    pub(crate) types: Vec<Item<'a>>,
    pub(crate) functions: Vec<Function<'a>>,
    /// Other items that can name types: fields, implementations, aliases and constants.
    pub(crate) others: Vec<Item<'a>>,
    /// Re-exported items of other crates, each given by its crate and its name.
    pub(crate) foreign: Vec<(&'a str, &'a str)>,
    seen: HashSet<(&'a str, &'a str)>,
}

impl<'a> Surface<'a> {
    pub(crate) fn of(docs: &'a Docs, roots: &[&str]) -> Result<Self, String> {
        let mut surface = Self::default();
        for root in roots {
            surface.add(docs, docs.root(root)?, None)?;
        }
        Ok(surface)
    }

    fn add_all(
        &mut self,
        docs: &'a Docs,
        krate: &str,
        ids: &[Value],
        of: Option<Item<'a>>,
    ) -> Result<(), String> {
        // A private field of a tuple structure has no identifier.
        for id in ids.iter().filter(|id| !id.is_null()) {
            match docs.follow(krate, id)? {
                Target::Item(item) => self.add(docs, item, of)?,
                Target::Foreign(krate, name) => self.foreign.push((krate, name)),
            }
        }
        Ok(())
    }

    /// Adds an item and all items that are reachable from it.
    fn add(&mut self, docs: &'a Docs, item: Item<'a>, of: Option<Item<'a>>) -> Result<(), String> {
        if !self.seen.insert((item.krate, item.id)) {
            return Ok(());
        }
        let (kind, inner) = item.inner()?;
        match kind {
            "module" => self.add_all(docs, item.krate, list(inner, "items")?, None)?,
            "use" => self.add_all(docs, item.krate, std::slice::from_ref(field(inner, "id")?), None)?,
            "function" => self.functions.push(Function { item, of }),
            "struct" => {
                self.types.push(item);
                let kind = field(inner, "kind")?;
                if let Some(plain) = kind.get("plain") {
                    self.add_all(docs, item.krate, list(plain, "fields")?, Some(item))?;
                } else if kind.get("tuple").is_some() {
                    self.add_all(docs, item.krate, list(kind, "tuple")?, Some(item))?;
                } else if kind != "unit" {
                    return Err(format!("unknown format of rustdoc: a struct is {kind:.300}"));
                }
                self.add_all(docs, item.krate, list(inner, "impls")?, Some(item))?;
            }
            "enum" => {
                self.types.push(item);
                self.add_all(docs, item.krate, list(inner, "variants")?, Some(item))?;
                self.add_all(docs, item.krate, list(inner, "impls")?, Some(item))?;
            }
            "variant" => {
                let kind = field(inner, "kind")?;
                if let Some(fields) = kind.get("struct") {
                    self.add_all(docs, item.krate, list(fields, "fields")?, of)?;
                } else if kind.get("tuple").is_some() {
                    self.add_all(docs, item.krate, list(kind, "tuple")?, of)?;
                } else if kind != "plain" {
                    return Err(format!("unknown format of rustdoc: a variant is {kind:.300}"));
                }
            }
            "trait" => {
                self.types.push(item);
                self.add_all(docs, item.krate, list(inner, "items")?, Some(item))?;
                self.add_all(docs, item.krate, list(inner, "implementations")?, None)?;
            }
            // Automatic and blanket implementations are skipped, because they are not ours.
            "impl" if field(inner, "is_synthetic")? == true || !field(inner, "blanket_impl")?.is_null() => {}
            "impl" => {
                let is_of_trait = !field(inner, "trait")?.is_null();
                self.others.push(item);
                for id in list(inner, "items")? {
                    if let Target::Item(found) = docs.follow(item.krate, id)?
                        && (is_of_trait || found.is_public())
                    {
                        self.add(docs, found, of)?;
                    }
                }
            }
            "struct_field" | "type_alias" | "constant" | "assoc_const" | "assoc_type" => {
                self.others.push(item);
            }
            "macro" => {}
            kind => return Err(format!("{} is a {kind}, which cannot be checked", item.name())),
        }
        Ok(())
    }
}

/// Calls a function with each path to a type or a trait that occurs in a part of the JSON.
pub(crate) fn paths<'a>(part: &'a Value, each: &mut impl FnMut(&'a Value)) {
    match part {
        Value::Object(object) => {
            if object.contains_key("path") && object.contains_key("id") && object.contains_key("args") {
                each(part);
            }
            object.values().for_each(|value| paths(value, each));
        }
        Value::Array(list) => list.iter().for_each(|value| paths(value, each)),
        _ => {}
    }
}
