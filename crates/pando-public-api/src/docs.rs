//! A reader for those fields of rustdoc's JSON that the checks need. The format changes with the
//! toolchain, so unexpected contents are reported as errors.

use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// All kinds of items that occur in rustdoc's JSON.
const KINDS: [&str; 22] = [
    "module",
    "extern_crate",
    "use",
    "union",
    "struct",
    "struct_field",
    "enum",
    "variant",
    "function",
    "trait",
    "trait_alias",
    "impl",
    "type_alias",
    "constant",
    "static",
    "extern_type",
    "macro",
    "proc_macro",
    "primitive",
    "assoc_const",
    "assoc_type",
    "keyword",
];

/// The rustdoc JSON of the crates of the workspace.
pub(crate) struct Docs {
    crates: HashMap<String, Value>,
    /// For each path, the crate and the identifier of the item with this path.
    items: HashMap<Vec<String>, (String, String)>,
}

/// An item, together with the crate that its identifiers belong to.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) krate: &'a str,
    pub(crate) id: &'a str,
    pub(crate) value: &'a Value,
}

/// The item that an identifier refers to.
pub(crate) enum Target<'a> {
    Item(Item<'a>),
    /// An item of a crate outside the workspace, given by its crate and its name.
    Foreign(&'a str, &'a str),
}

/// Returns a field of a JSON object.
pub(crate) fn field<'a>(of: &'a Value, name: &str) -> Result<&'a Value, String> {
    of.get(name).ok_or_else(|| format!("unknown format of rustdoc: no {name} in {of:.300}"))
}

pub(crate) fn list<'a>(of: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    field(of, name)?.as_array().ok_or_else(|| format!("unknown format of rustdoc: {name} is not a list"))
}

pub(crate) fn object<'a>(of: &'a Value, name: &str) -> Result<&'a Map<String, Value>, String> {
    field(of, name)?.as_object().ok_or_else(|| format!("unknown format of rustdoc: {name} is not an object"))
}

impl Docs {
    /// Reads the JSON files of all crates whose names begin with `pando_`.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let (mut crates, mut items) = (HashMap::new(), HashMap::new());
        let shown = folder.display();
        for entry in fs::read_dir(folder).map_err(|error| format!("{shown}: {error}"))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if !name.starts_with("pando_") || path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read(&path).map_err(|error| error.to_string())?;
            let json: Value = serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))?;
            for (id, summary) in object(&json, "paths")? {
                if field(summary, "crate_id")? == 0 {
                    let path = list(summary, "path")?.iter().filter_map(Value::as_str);
                    items.insert(path.map(ToOwned::to_owned).collect(), (name.clone(), id.clone()));
                }
            }
            crates.insert(name, json);
        }
        Ok(Self { crates, items })
    }

    fn json(&self, krate: &str) -> Result<&Value, String> {
        self.crates.get(krate).ok_or_else(|| format!("no JSON of {krate}"))
    }

    /// Returns the root module of a crate.
    pub(crate) fn root(&self, krate: &str) -> Result<Item<'_>, String> {
        let (krate, json) = self.crates.get_key_value(krate).ok_or_else(|| format!("no JSON of {krate}"))?;
        let id = field(json, "root")?.to_string();
        let (id, value) =
            object(json, "index")?.get_key_value(&id).ok_or_else(|| format!("{krate} has no root"))?;
        Ok(Item { krate, id, value })
    }

    /// Returns the target of an identifier in the JSON of a crate.
    pub(crate) fn follow(&self, krate: &str, id: &Value) -> Result<Target<'_>, String> {
        let (name, json) = self.crates.get_key_value(krate).ok_or_else(|| format!("no JSON of {krate}"))?;
        let id = id.to_string();
        if let Some((id, value)) = object(json, "index")?.get_key_value(&id) {
            return Ok(Target::Item(Item { krate: name, id, value }));
        }
        let summary = object(json, "paths")?.get(&id).ok_or_else(|| format!("{krate} has no item {id}"))?;
        let path: Vec<&str> = list(summary, "path")?.iter().filter_map(Value::as_str).collect();
        let (Some(first), Some(last)) = (path.first(), path.last()) else {
            return Err(format!("item {id} of {krate} has no path"));
        };
        if !first.starts_with("pando_") {
            return Ok(Target::Foreign(first, last));
        }
        let path: Vec<String> = path.iter().map(|&segment| segment.to_owned()).collect();
        let (krate, id) = self.items.get(&path).ok_or_else(|| format!("no JSON of {path:?}"))?;
        let (id, value) = object(self.json(krate)?, "index")?
            .get_key_value(id)
            .ok_or_else(|| format!("{path:?} is not documented"))?;
        Ok(Target::Item(Item { krate, id, value }))
    }
}

impl<'a> Item<'a> {
    /// Returns the kind and the contents of the item.
    pub(crate) fn inner(self) -> Result<(&'a str, &'a Value), String> {
        let inner = object(self.value, "inner")?;
        match inner.iter().next() {
            Some((kind, value)) if inner.len() == 1 && KINDS.contains(&kind.as_str()) => Ok((kind, value)),
            _ => Err(format!("unknown format of rustdoc: an item of {:?}", inner.keys())),
        }
    }

    pub(crate) fn name(self) -> &'a str {
        self.value.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn is_public(self) -> bool {
        self.value.get("visibility").is_some_and(|visibility| visibility == "public")
    }

    pub(crate) fn is_non_exhaustive(self) -> Result<bool, String> {
        Ok(list(self.value, "attrs")?.iter().any(|attribute| attribute == "non_exhaustive"))
    }
}
