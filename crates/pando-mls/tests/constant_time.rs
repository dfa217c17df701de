//! Shows that secrets, tags and digests are compared in constant time. A test of the timing would
//! sometimes fail for no reason, so this test searches the sources for other comparisons.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Types without secrets, whose values may be compared in any way.
const PUBLIC: [&str; 3] = ["Suite", "PublicKey<G>", "SourceError"];

/// Returns the source files of all crates, without their unit tests.
fn sources() -> Vec<(PathBuf, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut unvisited: Vec<_> =
        fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path().join("src")).collect();
    let mut sources = Vec::new();
    while let Some(path) = unvisited.pop() {
        if path.is_dir() {
            unvisited.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs")
            && !path.iter().any(|part| part == "tests" || part == "tests.rs")
        {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            sources.push((path, code));
        }
    }
    assert!(sources.len() > 100, "the sources have moved");
    sources
}

/// Returns the block at the beginning of a text, including the line that ends it.
fn block(text: &str) -> &str {
    text.split("\n}").next().unwrap_or_default()
}

/// Returns the types in a file that implement their own comparison, each with the code of that
/// comparison.
fn comparisons(code: &str) -> impl Iterator<Item = (&str, &str)> {
    code.split("PartialEq for ")
        .skip(1)
        .map(|rest| (rest.split(" {").next().unwrap_or_default(), block(rest)))
}

/// Returns the insecure comparisons in a file.
fn careless(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, comparison) in comparisons(code) {
        let constant = comparison.contains("ct_eq(")
            || comparison.contains("self.matches(other)")
                && code.split("fn matches(").nth(1).is_some_and(|body| block(body).contains("ct_eq("));
        if !PUBLIC.contains(&name) && !constant {
            found.push(format!("{name} is not compared in constant time"));
        }
    }
    // `expose` returns a slice, and `==` on slices stops at the first byte that differs.
    let compared = |line: &&str| {
        [" == ", " != "].into_iter().filter_map(|operator| line.split_once(operator)).any(|(left, right)| {
            left.ends_with("expose()")
                || right.split(' ').next().is_some_and(|term| term.contains("expose()"))
        })
    };
    found.extend(code.lines().filter(compared).map(|line| line.trim().to_owned()));
    // A derived comparison is not constant-time either, if the secret consists of bytes instead of
    // `SecretBytes`.
    for item in code.split("#[derive(").skip(1) {
        let (derived, rest) = item.split_once(")]").unwrap_or_default();
        let item: String = rest.lines().take_while(|line| !line.starts_with('}')).collect();
        let secret = ["Zeroize", "ZeroizeOnDrop"].iter().any(|name| derived.contains(name));
        if secret && derived.contains("PartialEq") && !item.contains("SecretBytes") {
            found.push(format!("a comparison is derived for a secret: {}", rest.trim()));
        }
    }
    found
}

#[test]
fn secrets_are_compared_in_constant_time() {
    for (path, code) in sources() {
        assert_eq!(careless(&code), [""; 0], "{}", path.display());
    }
}

#[test]
fn secrets_tags_and_digests_have_comparisons_of_their_own() {
    let sources = sources();
    let all: Vec<_> = sources.iter().flat_map(|(_, code)| comparisons(code)).map(|(name, _)| name).collect();
    for name in ["SecretBytes", "Mac", "Digest"] {
        assert!(all.contains(&name), "{name}");
    }
}

#[test]
fn a_careless_comparison_is_found() {
    for code in [
        "impl PartialEq for Tag {\n    fn eq(&self, other: &Self) -> bool {\n        self.0 == other.0\n    }\n}\n",
        "impl PartialEq for Tag {\n    fn eq(&self, other: &Self) -> bool {\n        self.matches(other)\n    }\n}\n\
         fn matches(&self, bytes: &[u8]) -> bool {\n    **self == *bytes\n}\nfn other() {\n    a.ct_eq(b)\n}\n",
        "    if key.expose() == other.expose() {\n",
        "    assert!(left != right.expose());\n",
        "#[derive(Zeroize, PartialEq)]\nstruct Key([u8; 32]);\n",
    ] {
        assert_eq!(careless(code).len(), 1, "{code}");
    }
}
