//! The specification and the crate have the same structures.

use crate::values::goldens;
use std::collections::BTreeSet;

const SPECIFICATION: &str = include_str!("../../../../docs/protocol.md");

/// Structures without a golden of their own. Each is a part of another structure or the input of a
/// hash.
const COVERED: [(&str, &str); 1] = [
    // The type is private, and every RevocationList contains it.
    ("Revocation", "RevocationList"),
];

/// Structures that only clients exchange. Tests of `pando-client` contain their goldens.
const OF_CLIENTS: [&str; 1] = ["Attachment"];

/// Returns the names of the structures in the specification: in blocks of text, and in the form
/// `Name { uint64 field; }` within paragraphs.
fn structures(specification: &str) -> BTreeSet<String> {
    let (mut names, mut paragraphs) = (BTreeSet::new(), String::new());
    let (mut is_in_block, mut is_in_struct) = (false, false);
    for line in specification.lines() {
        if line.starts_with("```") {
            is_in_block = !is_in_block;
        } else if !is_in_block {
            paragraphs.extend([line, " "]);
        } else if line == "struct {" {
            is_in_struct = true;
        } else if is_in_struct && line.starts_with("} ") {
            let name = line.trim_start_matches("} ").trim_end_matches(';');
            names.insert(name.split('<').next().unwrap().to_owned());
            is_in_struct = false;
        }
    }
    let code = paragraphs.split('`').skip(1).step_by(2).filter(|code| code.ends_with("; }"));
    names.extend(code.filter_map(|code| Some(code.split_once(" { ")?.0.to_owned())));
    names
}

#[test]
fn structures_are_found_in_the_text() {
    let text = "Text `Inline { uint64\nseq; }` and `Not` one.\n```text\nstruct {\n    uint8 a;\n} Block;\n\n\
                enum { a(1), (255) } Kind;\n\nstruct {\n    T body;\n} Generic<T>;\n```\n";
    assert_eq!(structures(text), ["Block", "Generic", "Inline"].map(str::to_owned).into());
}

#[test]
fn each_structure_of_the_specification_has_a_golden() {
    let mut specified = structures(SPECIFICATION);
    assert!(specified.len() > 30, "{specified:?}");
    // Inputs of signatures and hashes are parts of the structures that carry the result.
    specified.retain(|name| !name.ends_with("TBS") && !name.ends_with("HashInput"));
    let goldens: BTreeSet<_> = goldens().iter().map(|golden| golden.name.to_owned()).collect();
    for (part, whole) in COVERED {
        assert!(specified.remove(part) && goldens.contains(whole), "{part}");
    }
    for name in OF_CLIENTS {
        assert!(specified.remove(name), "{name}");
    }
    assert_eq!(goldens, specified);
}
