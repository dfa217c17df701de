//! Operations on groups.

pub(crate) mod assemble_commit;
pub(crate) mod check_key_package;
pub(crate) mod commit;
pub(crate) mod create;
pub(crate) mod external_commit;
pub(crate) mod external_proposal;
pub(crate) mod group_info;
pub(crate) mod join;
pub(crate) mod key_package_bundle;
pub(crate) mod merge;
pub(crate) mod new_leaf;
pub(crate) mod outbox;
pub(crate) mod process;
pub(crate) mod proposal_filter;
pub(crate) mod propose;
pub(crate) mod refused_proposals;
pub(crate) mod resumption;
pub(crate) mod send;
pub(crate) mod transition;
pub(crate) mod welcome;
