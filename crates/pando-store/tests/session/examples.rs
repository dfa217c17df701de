//! Runs the examples and their assertions.

#![allow(unreachable_pub, reason = "each example is a program")]

use std::error::Error;

#[path = "../../examples/chat.rs"]
mod chat;
#[path = "../../examples/first.rs"]
mod first;

#[test]
fn chat() -> Result<(), Box<dyn Error + Send + Sync>> {
    chat::main()
}

#[test]
fn first() -> Result<(), Box<dyn Error>> {
    first::main()
}
