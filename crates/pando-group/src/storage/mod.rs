//! Storage of a group as rows. The module covers row keys and contents, the changes of an
//! operation, and loading.

pub(crate) mod change_log;
pub(crate) mod changes;
pub(crate) mod delta;
#[cfg(test)]
mod delta_histories;
pub(crate) mod lineage;
pub(crate) mod load;
pub(crate) mod position;
pub(crate) mod row_codec;
pub(crate) mod row_key;
pub(crate) mod row_source;
pub(crate) mod stored_group;
pub(crate) mod unpersisted;
