//! The modules of a crate, and the resolution of paths to the files that define their items.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use syn::punctuated::Punctuated;
use syn::{Attribute, Item, ItemUse, Meta, Token, UseTree};

/// The text of each file. The keys are paths relative to `src`.
pub(crate) type Sources = BTreeMap<String, String>;

/// A module, or a block that declares its own items.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) file: usize,
    parent: Option<usize>,
    is_block: bool,
    names: BTreeMap<String, Vec<Binding>>,
    globs: Vec<Vec<String>>,
    /// Whether the module invokes macros that may define items.
    has_macros: bool,
    pub(crate) items: Vec<Item>,
}

enum Binding {
    Module(usize),
    Item(Kind),
    Import(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Trait,
    Macro,
    Other,
}

/// The target of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Module(usize),
    Item {
        module: usize,
        kind: Kind,
    },
    External,
    /// A path within the crate that leads to no item, because of an error in the source or in the
    /// resolution.
    Missing(String),
}

/// A name or a glob that a `use` declaration imports.
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// The name under which the item is imported, or `None` for a glob.
    alias: Option<String>,
    pub(crate) line: usize,
}

impl Import {
    pub(crate) fn is_glob(&self) -> bool {
        self.alias.is_none()
    }
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "use {}", self.path.join("::"))?;
        match &self.alias {
            None => f.write_str("::*"),
            Some(alias) if self.path.last() == Some(alias) => Ok(()),
            Some(alias) => write!(f, " as {alias}"),
        }
    }
}

/// Returns the imports of a `use` declaration. A declaration that starts with `::` names another
/// crate, so it has no imports.
pub(crate) fn imports(item: &ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    if item.leading_colon.is_none() {
        flatten(&item.tree, &[], &mut imports);
    }
    imports
}

fn flatten(tree: &UseTree, prefix: &[String], imports: &mut Vec<Import>) {
    let (ident, alias) = match tree {
        UseTree::Path(path) => return flatten(&path.tree, &joined(prefix, &path.ident), imports),
        UseTree::Group(group) => return group.items.iter().for_each(|tree| flatten(tree, prefix, imports)),
        UseTree::Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            return imports.push(Import { path: prefix.to_vec(), alias: None, line });
        }
        UseTree::Name(name) => (&name.ident, None),
        UseTree::Rename(rename) => (&rename.ident, Some(rename.rename.to_string())),
    };
    let path = if ident == "self" { prefix.to_vec() } else { joined(prefix, ident) };
    let alias = alias.or_else(|| path.last().cloned());
    imports.push(Import { path, alias, line: ident.span().start().line });
}

fn joined(prefix: &[String], ident: &syn::Ident) -> Vec<String> {
    prefix.iter().cloned().chain([ident.to_string()]).collect()
}

/// Returns whether code with this attribute is compiled only for tests.
pub(crate) fn is_test_only(attribute: &Attribute) -> bool {
    fn needs_test(condition: &Meta) -> bool {
        let Meta::List(list) = condition else { return condition.path().is_ident("test") };
        let inner = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
        match list.path.get_ident().map(ToString::to_string).as_deref() {
            Some("all") => inner.iter().any(needs_test),
            Some("any") => !inner.is_empty() && inner.iter().all(needs_test),
            _ => false,
        }
    }
    attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(|condition| needs_test(&condition))
}

/// The bindings that are being followed, each given by its module, name and position. A binding is
/// not followed again while it is in this list.
type Followed = Vec<(usize, String, usize)>;

pub(crate) struct Crate<'a> {
    sources: &'a Sources,
    pub(crate) files: Vec<String>,
    pub(crate) modules: Vec<Module>,
}

impl<'a> Crate<'a> {
    /// Reads the files of a crate from `root` on by following `mod` declarations, except those that
    /// are only for tests.
    pub(crate) fn read(sources: &'a Sources, root: &str) -> Self {
        let mut tree = Self { sources, files: Vec::new(), modules: Vec::new() };
        tree.read_file(root, None);
        tree
    }

    fn read_file(&mut self, path: &str, parent: Option<usize>) -> usize {
        let parsed = syn::parse_file(&self.sources[path]).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = self.files.len();
        self.files.push(path.into());
        let folder = ["lib.rs", "main.rs", "mod.rs"].iter().find_map(|name| path.strip_suffix(name));
        let folder = folder.map_or_else(|| path.replace(".rs", "/"), Into::into);
        let module = Module { file, parent, items: parsed.items, ..Module::default() };
        self.add(module, &folder)
    }

    /// Adds the anonymous module of a block inside `parent`. The items of the block are read
    /// together with the block.
    pub(crate) fn add_block(&mut self, parent: usize, items: Vec<Item>) -> usize {
        let file = self.modules[parent].file;
        let block =
            self.add(Module { file, parent: Some(parent), is_block: true, items, ..Module::default() }, "");
        self.modules[block].items.clear();
        block
    }

    fn add(&mut self, mut module: Module, folder: &str) -> usize {
        let items = std::mem::take(&mut module.items);
        let (id, file) = (self.modules.len(), module.file);
        self.modules.push(module);
        for item in &items {
            let (ident, kind) = match item {
                Item::Mod(inner) if inner.attrs.iter().any(is_test_only) => continue,
                Item::Use(uses) if uses.attrs.iter().any(is_test_only) => continue,
                Item::Mod(inner) => {
                    let name = inner.ident.to_string();
                    let child = match &inner.content {
                        Some((_, items)) => {
                            let items = items.clone();
                            let module = Module { file, parent: Some(id), items, ..Module::default() };
                            self.add(module, &format!("{folder}{name}/"))
                        }
                        None => self.read_file(&self.file_of(folder, &name), Some(id)),
                    };
                    self.bind(id, name, Binding::Module(child));
                    continue;
                }
                Item::Use(uses) => {
                    for Import { path, alias, .. } in imports(uses) {
                        match alias {
                            Some(alias) => self.bind(id, alias, Binding::Import(path)),
                            None => self.modules[id].globs.push(path),
                        }
                    }
                    continue;
                }
                Item::Macro(item) => match &item.ident {
                    Some(ident) => (ident, Kind::Macro),
                    None => {
                        self.modules[id].has_macros = true;
                        continue;
                    }
                },
                Item::Const(item) => (&item.ident, Kind::Other),
                Item::Enum(item) => (&item.ident, Kind::Other),
                Item::Fn(item) => (&item.sig.ident, Kind::Other),
                Item::Static(item) => (&item.ident, Kind::Other),
                Item::Struct(item) => (&item.ident, Kind::Other),
                Item::Trait(item) => (&item.ident, Kind::Trait),
                Item::TraitAlias(item) => (&item.ident, Kind::Trait),
                Item::Type(item) => (&item.ident, Kind::Other),
                Item::Union(item) => (&item.ident, Kind::Other),
                _ => continue,
            };
            self.bind(id, ident.to_string(), Binding::Item(kind));
        }
        self.modules[id].items = items;
        id
    }

    fn bind(&mut self, module: usize, name: String, binding: Binding) {
        self.modules[module].names.entry(name).or_default().push(binding);
    }

    fn file_of(&self, folder: &str, name: &str) -> String {
        let candidates = [format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs")];
        let found = candidates.into_iter().find(|path| self.sources.contains_key(path));
        found.unwrap_or_else(|| panic!("no file for the module {folder}{name}"))
    }

    /// Returns the targets of `path`, as seen from `module`. There are several targets if
    /// namespaces share the name.
    pub(crate) fn resolve(&self, module: usize, path: &[String]) -> BTreeSet<Target> {
        self.follow(module, path, &mut Vec::new())
    }

    fn follow(&self, from: usize, path: &[String], followed: &mut Followed) -> BTreeSet<Target> {
        let Some((first, rest)) = path.split_first() else { return [Target::Module(0)].into() };
        let mut targets = match first.as_str() {
            "crate" => [Target::Module(0)].into(),
            "self" => [Target::Module(self.named_module(from))].into(),
            "super" => [self.above(self.named_module(from))].into(),
            name => self.in_scope(from, name, followed),
        };
        for name in rest {
            if targets.iter().any(|target| matches!(target, Target::Module(_))) {
                targets.retain(|target| matches!(target, Target::Module(_)));
            }
            let mut next = BTreeSet::new();
            for target in targets {
                match target {
                    Target::Module(module) if name == "super" => _ = next.insert(self.above(module)),
                    Target::Module(module) => next.extend(self.member(module, name, path, followed)),
                    // The next name is an associated item or a variant, so the path ends at its
                    // type.
                    other => _ = next.insert(other),
                }
            }
            targets = next;
        }
        targets
    }

    /// Returns the targets of `name` in `from`, or, if `from` is a block, in the modules around it.
    fn in_scope(&self, from: usize, name: &str, followed: &mut Followed) -> BTreeSet<Target> {
        let found = self.lookup(from, name, followed);
        match self.modules[from].parent {
            Some(parent) if found.is_empty() && self.modules[from].is_block => {
                self.in_scope(parent, name, followed)
            }
            _ if found.is_empty() => [Target::External].into(),
            _ => found,
        }
    }

    fn member(&self, id: usize, name: &str, path: &[String], followed: &mut Followed) -> BTreeSet<Target> {
        let found = self.lookup(id, name, followed);
        if !found.is_empty() {
            return found;
        }
        let module = &self.modules[id];
        let is_open = |glob: &Vec<String>| {
            let targets = self.follow(id, glob, &mut followed.clone());
            targets.iter().any(|target| !matches!(target, Target::Module(_)))
        };
        let target = if module.has_macros {
            Target::Item { module: id, kind: Kind::Other }
        } else if module.globs.iter().any(is_open) {
            Target::External
        } else {
            Target::Missing(path.join("::"))
        };
        [target].into()
    }

    fn lookup(&self, id: usize, name: &str, followed: &mut Followed) -> BTreeSet<Target> {
        let module = &self.modules[id];
        let mut found = BTreeSet::new();
        let bindings = module.names.get(name).map_or(&[][..], Vec::as_slice);
        for (position, binding) in bindings.iter().enumerate() {
            match binding {
                Binding::Module(inner) => _ = found.insert(Target::Module(*inner)),
                Binding::Item(kind) => _ = found.insert(Target::Item { module: id, kind: *kind }),
                Binding::Import(path) => {
                    found.extend(guarded(followed, (id, name.into(), position), |followed| {
                        self.follow(id, path, followed)
                    }));
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        for (position, glob) in module.globs.iter().enumerate() {
            let position = bindings.len() + position;
            found.extend(guarded(followed, (id, name.into(), position), |followed| {
                let mut found = BTreeSet::new();
                for target in self.follow(id, glob, followed) {
                    if let Target::Module(inner) = target {
                        found.extend(self.lookup(inner, name, followed));
                    }
                }
                found
            }));
        }
        found
    }

    /// Returns the innermost module, at or around `module`, that defines `macro_rules! name`. Such
    /// a macro needs no path.
    pub(crate) fn textual_macro(&self, module: usize, name: &str) -> Option<usize> {
        let is_macro = |binding: &Binding| matches!(binding, Binding::Item(Kind::Macro));
        let here = self.modules[module].names.get(name);
        if here.is_some_and(|bindings| bindings.iter().any(is_macro)) {
            return Some(module);
        }
        self.textual_macro(self.modules[module].parent?, name)
    }

    pub(crate) fn defines_items(&self, module: usize) -> bool {
        let module = &self.modules[module];
        let mut bindings = module.names.values().flatten();
        module.has_macros || bindings.any(|binding| matches!(binding, Binding::Item(_)))
    }

    /// Returns the modules of the traits that a glob import of `module` brings into scope.
    pub(crate) fn traits(&self, module: usize) -> BTreeSet<usize> {
        let names = self.modules[module].names.keys();
        let targets = names.flat_map(|name| self.lookup(module, name, &mut Vec::new()));
        let traits = targets.filter_map(|target| match target {
            Target::Item { module, kind: Kind::Trait } => Some(module),
            _ => None,
        });
        traits.collect()
    }

    /// Returns whether `module` is in the file `file`, or in a file below `file` in the module
    /// tree.
    pub(crate) fn is_below(&self, module: usize, file: usize) -> bool {
        let module = &self.modules[module];
        module.file == file || module.parent.is_some_and(|parent| self.is_below(parent, file))
    }

    fn named_module(&self, module: usize) -> usize {
        match self.modules[module].parent {
            Some(parent) if self.modules[module].is_block => self.named_module(parent),
            _ => module,
        }
    }

    fn above(&self, module: usize) -> Target {
        let missing = || Target::Missing("super of the root".into());
        self.modules[module].parent.map_or_else(missing, |parent| Target::Module(self.named_module(parent)))
    }
}

fn guarded(
    followed: &mut Followed,
    binding: (usize, String, usize),
    follow: impl FnOnce(&mut Followed) -> BTreeSet<Target>,
) -> BTreeSet<Target> {
    if followed.contains(&binding) {
        return BTreeSet::new();
    }
    followed.push(binding);
    let found = follow(followed);
    followed.pop();
    found
}
