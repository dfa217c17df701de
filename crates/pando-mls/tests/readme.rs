//! The example in the README is a part of the compiled example in the crate's documentation.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[test]
fn the_example_in_the_readme_is_compiled() {
    let readme = include_str!("../../../README.md");
    let (_, example) = readme.rsplit_once("```rust\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let documentation: Vec<_> = include_str!("../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let lines: Vec<_> = example.lines().collect();
    assert!(lines.len() > 5);
    assert!(documentation.windows(lines.len()).any(|window| window == lines), "the README is out of date");
}
