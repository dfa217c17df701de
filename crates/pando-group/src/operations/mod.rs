//! Operations on groups, in the order of the RFC's sections.

pub(crate) mod commit;
pub(crate) mod external_commit;
pub(crate) mod external_proposal;
pub(crate) mod join;
pub(crate) mod key_package_bundle;
pub(crate) mod process;
pub(crate) mod proposal_filter;
pub(crate) mod propose;
pub(crate) mod resumption;
pub(crate) mod transition;
