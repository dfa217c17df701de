//! The policy of a group (docs/protocol.md, section 9).
//!
//! A [`Policy`] is in an extension of the GroupContext, so all members and the delivery service
//! agree on the policy. [`PolicyRules`] evaluate the policy, by the same function in members and
//! servers. They judge a Commit by the policy of the epoch before the Commit.
//!
//! # Left out on purpose
//!
//! - Certificates are only read here. The identity policy verifies them, and checks that a
//!   credential succeeds only a credential of the same client.
//! - The [`Parameters`] are not rules: clients and servers apply them to the messages that they
//!   send and admit.

mod component;
mod content;
mod parameters;
mod rules;
mod users;
mod violation;

pub use component::{ComponentData, POLICY_COMPONENT, POLICY_EXTENSION};
pub use content::{ExternalCommits, MAX_POLICY_BYTES, Permission, Policy, PolicyError};
pub use parameters::{PaddingRule, Parameters};
pub use rules::PolicyRules;
pub use violation::PolicyViolation;
