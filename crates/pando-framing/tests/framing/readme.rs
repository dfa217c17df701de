//! The example in the README is the one that is compiled.

#[test]
fn the_example_in_the_readme_is_from_the_examples() {
    let readme = include_str!("../../../../README.md");
    let example = include_str!("../../examples/private_message.rs");
    let (_, code) = readme.split_once("```rust\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    let (code, example) = (lines(code), lines(example));
    assert!(code.len() >= 8);
    assert!(example.windows(code.len()).any(|window| window == code), "the README is out of date");
}
