//! Test vectors of the kind `deserialization`: the length headers of variable-size vectors (RFC
//! 9420, section 2.1.2).

use crate::hex_bytes::Hex;
use crate::report::{MustSucceed, Outcome, must, must_equal};
use crate::run::Generated;
use pando_wire::{read_vector_header, vector_header};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    vlbytes_header: Hex,
    length: usize,
}

impl Case {
    pub(crate) fn verify(&self) -> Outcome {
        let (length, rest) = read_vector_header(&self.vlbytes_header).in_field("vlbytes_header")?;
        must("vlbytes_header", rest.is_empty(), "bytes follow after the header")?;
        must("length", length == self.length, &format!("the header says {length}"))?;
        let header = vector_header(self.length).in_field("length")?;
        must_equal("vlbytes_header", header.as_ref(), &self.vlbytes_header)
    }
}

pub(crate) fn generate() -> Generated<Case> {
    [
        0,
        1,
        0x3e,
        0x3f,
        0x40,
        0x41,
        0x1234,
        0x3ffe,
        0x3fff,
        0x4000,
        0x4001,
        0x0123_4567,
        0x3fff_fffe,
        0x3fff_ffff,
    ]
    .into_iter()
    .map(|length| Ok(Case { vlbytes_header: vector_header(length)?.as_ref().into(), length }))
    .collect()
}
