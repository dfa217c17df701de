//! The rules of RFC 9420: one function for each sentence that requires rejection.

pub(crate) mod extensions;
pub(crate) mod key_package;
pub(crate) mod leaf_node;
pub(crate) mod proposal;
pub(crate) mod proposal_list;
pub(crate) mod sending;
