//! The imports between the files of a crate, and the circles that they form.

use crate::names::{Crate, Sources, Target, imports, is_test_only};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Item, ItemMod, ItemUse, LitStr, Macro, Meta, Path, Stmt, Visibility};

/// The path that causes an import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reason {
    line: usize,
    path: String,
}

/// The files of a crate, and the imports between them.
pub(crate) struct Graph {
    pub(crate) files: Vec<String>,
    edges: BTreeMap<(usize, usize), BTreeSet<Reason>>,
    /// Paths within the crate that lead to no item.
    pub(crate) missing: BTreeSet<String>,
}

/// Files that import each other, directly or through other files.
#[derive(Debug)]
pub(crate) struct Circle {
    pub(crate) files: Vec<String>,
    /// The imports of the circle, each with the importing file, the imported file, and the reasons.
    edges: Vec<(String, String, BTreeSet<Reason>)>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "circle of {} files: {}", self.files.len(), self.files.join(", "))?;
        for (from, to, reasons) in &self.edges {
            writeln!(f, "  {from} -> {to}")?;
            let mut lines = BTreeMap::<_, Vec<_>>::new();
            for Reason { line, path } in reasons {
                lines.entry(path).or_default().push(line.to_string());
            }
            for (path, lines) in lines {
                writeln!(f, "    {path} (line {})", lines.join(", "))?;
            }
        }
        Ok(())
    }
}

impl Graph {
    /// Computes the imports between all files of the crate whose root file is `root`.
    pub(crate) fn of(sources: &Sources, root: &str) -> Self {
        let tree = Crate::read(sources, root);
        let mut reader =
            Reader { tree, module: 0, is_test_only: false, edges: BTreeMap::new(), missing: BTreeSet::new() };
        // Reading a block may append modules to the list of modules.
        let mut module = 0;
        while module < reader.tree.modules.len() {
            reader.module = module;
            let items = std::mem::take(&mut reader.tree.modules[module].items);
            items.iter().for_each(|item| reader.visit_item(item));
            module += 1;
        }
        let Reader { tree, mut edges, missing, .. } = reader;
        edges.values_mut().for_each(keep_causes);
        Self { files: tree.files, edges, missing }
    }

    pub(crate) fn number_of_imports(&self) -> usize {
        self.edges.len()
    }

    /// Returns the strongly connected components with more than one file.
    pub(crate) fn circles(&self) -> Vec<Circle> {
        let reached: Vec<_> = (0..self.files.len()).map(|file| self.reached_from(file)).collect();
        let mut circles = Vec::new();
        let mut placed = BTreeSet::new();
        for file in 0..self.files.len() {
            let members: BTreeSet<_> =
                reached[file].iter().copied().filter(|other| reached[*other].contains(&file)).collect();
            if members.len() > 1 && placed.insert(members.clone()) {
                circles.push(self.circle(&members));
            }
        }
        circles
    }

    fn circle(&self, members: &BTreeSet<usize>) -> Circle {
        let name = |file: &usize| self.files[*file].clone();
        let within =
            self.edges.iter().filter(|((from, to), _)| members.contains(from) && members.contains(to));
        Circle {
            files: members.iter().map(name).collect(),
            edges: within.map(|((from, to), reasons)| (name(from), name(to), reasons.clone())).collect(),
        }
    }

    fn reached_from(&self, file: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(file) = open.pop() {
            for (_, to) in self.edges.keys().filter(|(from, _)| *from == file) {
                if reached.insert(*to) {
                    open.push(*to);
                }
            }
        }
        reached
    }
}

/// Drops each path whose first name is imported by another path.
fn keep_causes(reasons: &mut BTreeSet<Reason>) {
    let imported: BTreeSet<_> = reasons
        .iter()
        .filter_map(|reason| reason.path.strip_prefix("use "))
        .filter_map(|path| path.rsplit([':', ' ']).next().map(String::from))
        .collect();
    reasons.retain(|reason| !imported.contains(reason.path.split("::").next().unwrap_or_default()));
}

/// A reader of the items of a module, which records their imports.
struct Reader<'a> {
    tree: Crate<'a>,
    module: usize,
    /// Whether the current code is compiled only for tests and is therefore ignored.
    is_test_only: bool,
    edges: BTreeMap<(usize, usize), BTreeSet<Reason>>,
    missing: BTreeSet<String>,
}

impl Reader<'_> {
    fn file(&self) -> usize {
        self.tree.modules[self.module].file
    }

    fn record(&mut self, target: usize, line: usize, path: &str) {
        let (from, to) = (self.file(), self.tree.modules[target].file);
        if from != to {
            self.edges.entry((from, to)).or_default().insert(Reason { line, path: path.into() });
        }
    }

    /// Resolves `path` and records the items that it leads to.
    fn read_path(&mut self, path: &[String], line: usize) {
        for target in self.tree.resolve(self.module, path) {
            match target {
                Target::Item { module, .. } => self.record(module, line, &path.join("::")),
                Target::Missing(path) => self.record_missing(&path, line),
                // A path that ends at a module imports nothing. Only a path to one of its items is
                // an import.
                Target::Module(_) | Target::External => {}
            }
        }
    }

    fn record_missing(&mut self, path: &str, line: usize) {
        let file = &self.tree.files[self.file()];
        self.missing.insert(format!("{file}:{line}: {path}"));
    }

    /// Reads the paths that occur in the tokens of a macro or an attribute: identifiers joined by
    /// `::`. If the tokens are a group of a `use` declaration, `prefix` is the path before the
    /// braces.
    fn read_tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is_punct =
            |at: usize, char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == char);
        let is_separator = |at: usize| is_punct(at, ':') && is_punct(at + 1, ':');
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let start = at;
            at += 1;
            let first = match token {
                TokenTree::Ident(first) => first,
                TokenTree::Group(group) => {
                    self.read_tokens(group.stream(), &[]);
                    continue;
                }
                _ => continue,
            };
            let mut path = prefix.to_vec();
            path.push(first.to_string());
            while is_separator(at)
                && let Some(TokenTree::Ident(next)) = tokens.get(at + 2)
            {
                path.push(next.to_string());
                at += 3;
            }
            let follows = |char| start > 0 && is_punct(start - 1, char);
            let is_member = follows('.') && !(start > 1 && is_punct(start - 2, '.'));
            let goes_on = start > 1 && is_separator(start - 2);
            let is_variable = follows('$') && first != "crate";
            if is_member || goes_on || is_variable || follows('\'') {
                continue;
            }
            match tokens.get(at + 2) {
                Some(TokenTree::Group(group))
                    if is_separator(at) && group.delimiter() == Delimiter::Brace =>
                {
                    self.read_tokens(group.stream(), &path);
                    at += 3;
                }
                _ => self.read_path(&path, first.span().start().line),
            }
        }
    }

    /// Reads the paths in the strings of an attribute, as in `#[serde(with = "crate::hex")]`.
    fn read_strings(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.read_strings(group.stream()),
                TokenTree::Literal(literal) => {
                    let line = literal.span().start().line;
                    let text = syn::parse2::<LitStr>(TokenTree::from(literal).into());
                    if let Ok(path) = text.and_then(|text| text.parse::<Path>()) {
                        self.read_path(&names(&path), line);
                    }
                }
                _ => {}
            }
        }
    }
}

fn names(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Visits a node and then forgets its attributes. The attributes are visited before the rest of the
/// node, so that `#[cfg(test)]` applies to all of it.
macro_rules! with_attributes {
    ($($visit:ident: $node:ty),* $(,)?) => {
        $(fn $visit(&mut self, node: &'ast $node) {
            let outside = self.is_test_only;
            visit::$visit(self, node);
            self.is_test_only = outside;
        })*
    };
}

impl<'ast> Visit<'ast> for Reader<'_> {
    with_attributes! {
        visit_arm: syn::Arm,
        visit_expr: syn::Expr,
        visit_field: syn::Field,
        visit_field_pat: syn::FieldPat,
        visit_field_value: syn::FieldValue,
        visit_fn_arg: syn::FnArg,
        visit_foreign_item: syn::ForeignItem,
        visit_generic_param: syn::GenericParam,
        visit_impl_item: syn::ImplItem,
        visit_item: Item,
        visit_stmt: Stmt,
        visit_trait_item: syn::TraitItem,
        visit_variant: syn::Variant,
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.is_test_only |= is_test_only(attribute);
        if self.is_test_only || attribute.path().is_ident("cfg") {
            return;
        }
        if let Meta::List(list) = &attribute.meta {
            self.read_tokens(list.tokens.clone(), &[]);
            self.read_strings(list.tokens.clone());
        }
    }

    /// Does nothing, because the items of a module are read separately.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        if self.is_test_only {
            return;
        }
        let is_re_export = !matches!(item.vis, Visibility::Inherited);
        for import in imports(item) {
            let mut modules = BTreeSet::new();
            for target in self.tree.resolve(self.module, &import.path) {
                match target {
                    Target::Item { module, .. } => _ = modules.insert(module),
                    Target::Module(module) if import.is_glob() => {
                        if self.tree.defines_items(module) {
                            modules.insert(module);
                        }
                        modules.extend(self.tree.traits(module));
                    }
                    Target::Missing(path) => self.record_missing(&path, import.line),
                    Target::Module(_) | Target::External => {}
                }
            }
            for module in modules {
                // A parent does not use an item merely by re-exporting it from one of its
                // descendants.
                if !is_re_export || !self.tree.is_below(module, self.file()) {
                    self.record(module, import.line, &import.to_string());
                }
            }
        }
    }

    fn visit_block(&mut self, block: &'ast Block) {
        let items = block.stmts.iter().filter_map(|statement| match statement {
            Stmt::Item(item) => Some(item.clone()),
            _ => None,
        });
        let items: Vec<_> = items.collect();
        let outside = self.module;
        if !items.is_empty() {
            self.module = self.tree.add_block(outside, items);
        }
        visit::visit_block(self, block);
        self.module = outside;
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if self.is_test_only {
            return;
        }
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            self.read_path(&names(path), first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        if self.is_test_only {
            return;
        }
        if let Some(name) = invocation.path.get_ident()
            && let Some(module) = self.tree.textual_macro(self.module, &name.to_string())
        {
            self.record(module, name.span().start().line, &format!("{name}!"));
        }
        self.visit_path(&invocation.path);
        self.read_tokens(invocation.tokens.clone(), &[]);
    }
}
