//! Small crates that show which paths are resolved and which are not.

use crate::graph::Graph;
use crate::names::Sources;

fn graph(files: &[(&str, &str)]) -> Graph {
    let sources: Sources = files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    let graph = Graph::of(&sources, "lib.rs");
    assert!(graph.missing.is_empty(), "unresolved paths: {:?}", graph.missing);
    graph
}

fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    graph(files).circles().into_iter().map(|circle| circle.files).collect()
}

/// The root file of the small crates. The file declares modules and names `b` in all possible ways,
/// but defines no items.
const ROOT: &str = "
    mod a;
    mod b;
    mod outer;
    mod third;
    pub use b::B;
    pub use b::B as Renamed;
    pub use outer::Chained;
    pub use outer::inner as module_of_outer;
    pub use b::globbed::*;
    use b::B as Private;
    use b::b as shared;
    use third as shared;
";
const OUTER: &str = "
    pub use crate::Renamed as Chained;
    pub mod inner { pub use super::super::b::B as Nested; }
    pub mod same { pub use crate::b::b as same; }
    pub use same::same;
    pub mod twice { use crate::b; pub use b::b; }
    pub mod traits { pub use crate::b::Act; }
";
const B: &str = "
    pub struct B;
    impl B { pub const ONE: u8 = 1; pub fn new() {} }
    pub enum E { One, Two }
    pub trait Act { type Out; fn act(); }
    pub const ONE: u8 = 1;
    pub fn b() {}
    pub mod globbed { pub struct OnlyByGlob; }
    define! { pub struct Made; }
";
/// Additional text of `b` with which it imports `a`.
const BACK: &str = "pub fn back(_: crate::a::A) {}";

/// A file that imports nothing.
const THIRD: &str = "pub fn f() {}";

fn circles_with(a: &str, b: &str) -> Vec<Vec<String>> {
    circles(&[("lib.rs", ROOT), ("outer.rs", OUTER), ("third.rs", THIRD), ("a.rs", a), ("b.rs", b)])
}

/// Asserts that `a` imports `b` if it contains this text. The two files must form a circle if and
/// only if `b` imports `a` as well.
fn assert_imports(kind: &str, text: &str) {
    let a = format!("pub struct A; {text}");
    let b = format!("{B} {BACK}");
    assert_eq!(circles_with(&a, &b), [["a.rs", "b.rs"]], "{kind}");
    assert!(circles_with(&a, B).is_empty(), "{kind}: a circle without the way back");
    assert!(circles_with("pub struct A;", &b).is_empty(), "{kind}: a circle without the import");
}

/// Asserts that `a` does not import `b` if it contains this text.
fn assert_no_import(kind: &str, text: &str) {
    let a = format!("pub struct A; {text}");
    assert!(circles_with(&a, &format!("{B} {BACK}")).is_empty(), "{kind}");
}

#[test]
fn imports_by_use() {
    for (kind, text) in [
        ("a name", "use crate::b::B;"),
        ("a rename", "use crate::b::B as Other;"),
        ("a trait without a name", "use crate::b::Act as _;"),
        ("a tree", "use crate::{outer, b::{E, B}};"),
        ("super", "use super::b::B;"),
        ("self and super", "use self::super::b::B;"),
        ("super twice", "mod inner { use super::super::b::B; }"),
        ("a variant", "use crate::b::E::One;"),
        ("variants", "use crate::b::E::*;"),
        ("a glob", "use crate::b::*;"),
        ("a glob of a re-exported trait", "use crate::outer::traits::*;"),
        ("in a function", "fn f() { use crate::b::B; }"),
        ("in a block", "fn f() { if true { use super::b::B; } }"),
        ("a re-export that is not of a child", "pub use crate::b::B;"),
        ("a feature", "#[cfg(feature = \"x\")] use crate::b::B;"),
        ("tests or a feature", "#[cfg(any(test, feature = \"x\"))] use crate::b::B;"),
    ] {
        assert_imports(kind, text);
    }
}

#[test]
fn imports_through_re_exports() {
    for (kind, text) in [
        ("of the root", "use crate::B;"),
        ("of the root, from below", "use super::B;"),
        ("renamed", "fn f(_: crate::Renamed) {}"),
        ("a chain", "fn f(_: crate::Chained) {}"),
        ("of a module", "fn f(_: crate::module_of_outer::Nested) {}"),
        ("by a glob", "fn f(_: crate::OnlyByGlob) {}"),
        ("an import of the parent", "fn f(_: super::Private) {}"),
        ("by a glob import", "use crate::*; fn f(_: Chained) {}"),
        ("a function named as an imported module", "fn f() { crate::outer::twice::b() }"),
        ("a function named as its module", "use crate::outer::same; fn f() { same() }"),
    ] {
        assert_imports(kind, text);
    }
}

#[test]
fn imports_through_modules_in_scope() {
    for (kind, text) in [
        ("a module", "use crate::b; fn f() { b::ONE }"),
        ("a renamed module", "use crate::b as other; fn f() { other::E::One }"),
        ("a module of a group", "use crate::b::{self}; fn f() -> b::B {}"),
        ("a renamed module of a group", "use super::{b::{self as other}}; fn f() -> other::B {}"),
        ("a module by a glob", "use crate::outer::*; fn f() -> inner::Nested {}"),
        ("a module of a function", "fn f() { use crate::b; fn g() { b::ONE } }"),
        ("a module outside of a block", "fn f() { use crate::b; { use std::fmt; b::ONE } }"),
        ("the parent", "use super::{self as root}; fn f() -> root::b::B {}"),
    ] {
        assert_imports(kind, text);
    }
}

#[test]
fn imports_by_inline_paths() {
    for (kind, text) in [
        ("a type", "struct S { field: crate::b::B }"),
        ("super", "struct S { field: super::b::B }"),
        ("super twice", "mod inner { struct S { field: super::super::b::B } }"),
        ("super from a block", "fn f() { use std::fmt; super::b::ONE }"),
        ("a generic argument", "type T = Vec<Option<crate::b::B>>;"),
        ("an expression", "fn f() { crate::b::b() }"),
        ("an associated item", "fn f() { crate::b::B::new() }"),
        ("a qualified path", "fn f() { <A as crate::b::Act>::act() }"),
        ("a qualified type", "fn f() { <crate::b::B>::new() }"),
        ("a literal", "fn f() { crate::b::B {} }"),
        ("a pattern", "fn f() { match 1 { crate::b::ONE => {} } }"),
        ("a pattern of a variant", "fn f() { let crate::b::E::One = x else { return }; }"),
        ("a bound", "fn f<T: crate::b::Act>() {}"),
        ("a where clause", "fn f<T>() where T: crate::b::Act {}"),
        ("impl Trait", "fn f() -> impl crate::b::Act {}"),
        ("dyn Trait", "fn f(_: &dyn crate::b::Act) {}"),
        ("an implementation", "impl crate::b::Act for A {}"),
        ("an implementation for", "trait T {} impl T for crate::b::B {}"),
        ("a supertrait", "trait T: crate::b::Act {}"),
        ("a default", "trait T { fn t() { crate::b::b() } }"),
        ("a constant", "const C: [u8; crate::b::ONE] = [];"),
        ("an inline module", "mod inner { fn f() { crate::b::b() } }"),
        ("a module in a function", "fn f() { mod inner { fn f() { crate::b::b() } } }"),
        ("an item made by a macro", "type T = crate::b::Made;"),
    ] {
        assert_imports(kind, text);
    }
}

#[test]
fn imports_by_macros_and_attributes() {
    for (kind, text) in [
        ("an argument", "fn f() { println!(\"{}\", crate::b::ONE) }"),
        ("super", "fn f() { println!(\"{}\", [super::b::ONE]) }"),
        ("super in a closure", "fn f() { m!(|| { vec![..super::b::ONE] }) }"),
        ("a module in scope", "use crate::b; fn f() { assert!(b::ONE == 1) }"),
        ("a statement", "fn f() { m! { let x = crate::b::b(); } }"),
        ("items", "m! { fn f() -> crate::b::B {} }"),
        ("an import", "m! { use crate::b::{B, E}; }"),
        ("a definition", "macro_rules! m { () => { $crate::b::b() } }"),
        ("the path of a macro", "fn f() { crate::b::define!() }"),
        ("a derive", "#[derive(Clone, crate::b::Derive)] struct S;"),
        ("a list", "#[attribute(by(crate::b::b))] struct S;"),
        ("a string", "struct S { #[serde(with = \"crate::b::globbed::OnlyByGlob\")] field: u8 }"),
    ] {
        assert_imports(kind, text);
    }
}

#[test]
fn no_imports() {
    for (kind, text) in [
        ("a comment", "// crate::b::B\nfn f() {}"),
        ("documentation", "/// [`crate::b::B`]: [B](crate::b::B)\nfn f() {}"),
        ("a string", "fn f() { println!(\"crate::b::B\") }"),
        ("another crate", "use ::b::B; fn f(_: ::b::B) { other::b::ONE; }"),
        ("an item of the same name", "mod b { pub struct B; } fn f(_: b::B, _: self::b::B) {}"),
        ("a member", "use crate::b; fn f(x: A) { x.b; m!(x.b); m!('b: loop {}); m!($b::c) }"),
        ("only a module", "use crate::b; use super::b as other;"),
        ("a module named as a function", "fn f() { super::shared::f() }"),
        ("a visibility", "pub(in crate) fn f() {}"),
        ("tests", "#[cfg(test)] mod tests { use crate::b::B; }"),
        ("a file of tests", "#[cfg(test)] mod tests;"),
        ("an import for tests", "#[cfg(test)] use crate::b::B;"),
        ("tests with a feature", "#[cfg(all(test, feature = \"x\"))] fn f() { crate::b::b() }"),
        ("a statement for tests", "fn f() { #[cfg(test)] crate::b::B.count(); }"),
        ("a macro for tests", "fn f() { #[cfg(test)] println!(\"{}\", crate::b::ONE); }"),
        ("a field for tests", "struct S { #[cfg(test)] field: crate::b::B }"),
        ("an associated function for tests", "impl A { #[cfg(test)] fn f() { crate::b::b() } }"),
        ("an arm for tests", "fn f() { match 1 { #[cfg(test)] 1 => crate::b::b(), _ => {} } }"),
    ] {
        assert_no_import(kind, text);
    }
}

/// Shows that the code that follows test-only code is read.
#[test]
fn imports_beside_tests() {
    for (kind, text) in [
        ("after a module", "#[cfg(test)] mod tests {} use crate::b::B;"),
        ("after a statement", "fn f() { #[cfg(test)] g(); crate::b::b() }"),
        ("after a field", "struct S { #[cfg(test)] x: u8, y: crate::b::B }"),
        ("after a function", "impl A { #[cfg(test)] fn f() {} fn g() { crate::b::b() } }"),
        ("without tests", "#[cfg(not(test))] use crate::b::B;"),
    ] {
        assert_imports(kind, text);
    }
}

#[test]
fn parents_that_only_re_export_are_in_no_circle() {
    let a = ("a.rs", "use crate::Limit; pub struct A; pub fn f() {}");
    let limit = "mod a; pub struct Limit;";
    let with = |root: &str| circles(&[("lib.rs", &format!("{limit} {root}")), a]);
    assert!(with("").is_empty());
    assert!(with("pub use a::A; pub use a::*; pub(crate) use a::A as B;").is_empty());
    assert!(with("pub mod prelude { pub use crate::a::A; }").is_empty());
    let circle = [["lib.rs", "a.rs"]];
    assert_eq!(with("use a::A;"), circle);
    assert_eq!(with("use a::*;"), circle);
    assert_eq!(with("fn g() { a::f() }"), circle);
    assert_eq!(with("pub use a::A; fn g(_: A) {}"), circle);
    assert_eq!(with("pub use a::A as B; fn g(_: B) {}"), circle);
    assert_eq!(with("pub use a::*; fn g() { f() }"), circle);
    assert_eq!(with("pub use a::*; fn g() { m!(f()) }"), circle);
    assert_eq!(with("impl a::A {}"), circle);
}

#[test]
fn macros_of_parents_are_imported_without_a_path() {
    let root = "macro_rules! define { () => {} } mod a;";
    let a = ("a.rs", "define!(); pub struct A;");
    assert!(circles(&[("lib.rs", root), a]).is_empty());
    assert_eq!(circles(&[("lib.rs", &format!("{root} type T = a::A;")), a]), [["lib.rs", "a.rs"]]);
    let other = ("a.rs", "other!(); pub struct A;");
    assert!(circles(&[("lib.rs", &format!("{root} type T = a::A;")), other]).is_empty());
}

#[test]
fn files_are_found_in_folders() {
    let root = ("lib.rs", "mod x; mod y { pub mod z; }");
    let x = ("x/mod.rs", "pub mod deep; pub mod deeper; pub use deep::D;");
    let deep = ("x/deep.rs", "mod er; pub struct D; use super::deeper::E;");
    let er = ("x/deep/er.rs", "");
    let deeper = ("x/deeper.rs", "pub struct E; fn f(_: super::super::y::z::Z) {}");
    let z = ("y/z.rs", "pub struct Z; use crate::x::D;");
    let circle = ["x/deep.rs", "x/deeper.rs", "y/z.rs"];
    assert_eq!(circles(&[root, x, deep, er, deeper, z]), [circle]);
    let z = ("y/z.rs", "pub struct Z; use crate::x;");
    let files = [root, x, deep, er, deeper, z];
    assert!(circles(&files).is_empty());
    assert_eq!(graph(&files).files.len(), files.len());
}

#[test]
fn circles_are_told_apart() {
    let root = ("lib.rs", "mod a; mod b; mod c; mod d; mod e;");
    let a = ("a.rs", "pub struct A; use crate::{b::B, c::C};");
    let b = ("b.rs", "pub struct B; use crate::a::A;");
    let c = ("c.rs", "pub struct C; use crate::d::D;");
    let d = ("d.rs", "pub struct D; use crate::e::E;");
    let e = ("e.rs", "pub struct E; use crate::c::C;");
    let (two, three) = (vec!["a.rs", "b.rs"], vec!["c.rs", "d.rs", "e.rs"]);
    assert_eq!(circles(&[root, a, b, c, d, e]), [two, three.clone()]);
    let b = ("b.rs", "pub struct B; pub use self::B as Other;");
    assert_eq!(circles(&[root, a, b, c, d, e]), [three]);
}

#[test]
fn a_report_names_the_lines() {
    let root = ("lib.rs", "mod a; mod b; pub use b::B;");
    let a = ("a.rs", "use crate::B;\npub struct A(B);\nfn f() {\n    crate::b::f();\n    crate::b::f()\n}");
    let b = ("b.rs", "pub struct B;\npub fn f() { assert!(super::a::A) }");
    let report = graph(&[root, a, b]).circles()[0].to_string();
    let lines = [
        "circle of 2 files: a.rs, b.rs",
        "  a.rs -> b.rs",
        "    crate::b::f (line 4, 5)",
        "    use crate::B (line 1)",
        "  b.rs -> a.rs",
        "    super::a::A (line 2)",
    ];
    assert_eq!(report.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn unresolved_paths_are_told() {
    let files = [("lib.rs", "mod a;"), ("a.rs", "\nuse super::nothing::A;")];
    let sources: Sources = files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    let missing = Graph::of(&sources, "lib.rs").missing;
    assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["a.rs:2: super::nothing::A"]);
}
