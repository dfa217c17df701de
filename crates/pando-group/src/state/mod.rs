//! The state of a group in one epoch, for members and for observers.

pub(crate) mod client_index;
pub(crate) mod commit_view;
pub(crate) mod decrypted_commits;
pub(crate) mod epoch_secrets;
pub(crate) mod group;
pub(crate) mod group_state;
pub(crate) mod history;
pub(crate) mod leaf_change;
pub(crate) mod outbox;
pub(crate) mod own_proposals;
pub(crate) mod pending_proposal;
pub(crate) mod proposal_store;
pub(crate) mod public_state;
pub(crate) mod staged;
