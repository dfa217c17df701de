//! The golden encodings of all structures of docs/protocol.md.
//!
//! The files `NAME.hex` contain the encodings, in hexadecimal digits. Authors of clients and
//! servers in other languages can test their codecs with these files. If a structure changes on
//! purpose, delete its file and run the test with `WRITE_GOLDEN=1` in the environment, which writes
//! the missing files.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod codec;
mod contract;
mod files;
mod mutations;
mod values;
