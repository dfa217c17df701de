//! The program in the README equals the compiled example, and it is short.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[test]
fn the_program_in_the_readme_is_compiled() {
    let readme = include_str!("../../../README.md");
    let (_, program) = readme.split_once("```rust\n").unwrap();
    let (program, _) = program.split_once("```").unwrap();
    let example = include_str!("../examples/first.rs");
    let (_, example) = example.split_once("\n\n").unwrap();
    assert_eq!(program, example, "the README is out of date");
    assert!(example.lines().count() <= 30, "the shortest program has at most 30 lines");
}

#[test]
fn the_chat_is_short() {
    let lines = include_str!("../examples/chat.rs").lines().count();
    assert!(lines <= 150, "the example has {lines} lines, and at most 150 are allowed");
}
