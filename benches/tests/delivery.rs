//! Test of the program `delivery`: it runs with a group of 300 members, and checks the numbers of
//! rows and bytes by itself.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::process::Command;

#[test]
fn a_group_of_300_members_meets_the_targets() {
    let program = env!("CARGO_BIN_EXE_delivery");
    let output = Command::new(program).args(["--members", "300", "--messages", "4"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("| 10 members | 300 members |"), "{table}");
}
