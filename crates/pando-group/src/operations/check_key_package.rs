//! Checking a KeyPackage outside of a group (RFC 9420, section 10.1), for example when a delivery
//! service stores it.

use crate::GroupError;
use crate::identity::{Identities, IdentityPolicy};
use crate::rules::extensions::Requirements;
use crate::rules::{key_package, sending};
use pando_crypto::Suite;
use pando_wire::{Extensions, KeyPackage};

/// Checks that members of a group without requirements would add the client of a KeyPackage.
/// `suite` is the cipher suite of the KeyPackage. `now` is in seconds since 1970; without it, the
/// lifetime is not compared with the time.
///
/// A group can have requirements that the KeyPackage does not meet. The member that adds the client
/// checks them.
///
/// # Errors
/// - [`Violation`](crate::Violation) if the KeyPackage violates a rule of section 10.1, which
///   includes the signatures and the rules for its leaf.
/// - [`Misuse::SuiteNotListed`](crate::Misuse) if the leaf does not list the version and the cipher
///   suite, because no client sends an Add with such a leaf.
pub fn check_key_package(
    key_package: &KeyPackage,
    suite: Suite,
    identities: &dyn IdentityPolicy,
    now: Option<u64>,
) -> Result<(), GroupError> {
    let requirements = Requirements::of(&Extensions::default())?;
    let identities = Identities { policy: identities, now };
    key_package::contents_are_valid(key_package, suite, &requirements, identities)?;
    sending::suite_is_listed(&key_package.leaf_node.capabilities, suite)?;
    key_package::signatures_are_valid(&[key_package], suite)?;
    Ok(())
}
