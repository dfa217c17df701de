//! The identifiers of rules, and the sections of RFC 9420 that state them.

use pando_crypto::CryptoError;
use pando_framing::FramingError;
use pando_group::{GroupError, Violation};
use pando_schedule::ScheduleError;
use pando_tree::TreeError;
use std::fmt::Debug;

/// The sections of all errors other than [`Violation`], which provides its own sections. All
/// sections match those in docs/conformance.
const SECTIONS: &[(&str, &str)] = &[
    ("CryptoError::DecryptionFailed", "6.3.1"),
    ("CryptoError::InvalidSignature", "6.1"),
    ("DecodeError::BadLength", "2.1.2"),
    ("DecodeError::TrailingBytes", "2"),
    ("DecodeError::Truncated", "2"),
    ("DecodeError::Malformed", "2.1.1"),
    ("DecodeError::UnknownValue", "6"),
    ("FramingError::FormatNotAllowed", "6"),
    ("FramingError::MalformedContent", "6.3.1"),
    ("FramingError::MalformedSenderData", "6.3.2"),
    ("FramingError::NotAMember", "6.3.2"),
    ("FramingError::SenderNotAllowed", "6.1"),
    ("GroupError::EpochMismatch", "6"),
    ("FramingError::WrongGroup", "6"),
    ("FramingError::WrongMembershipTag", "6.2"),
    ("Missing::Proposal", "12.4.2"),
    ("Missing::Psk", "12.4.2"),
    ("Missing::WelcomeSecrets", "12.4.3.1"),
    ("ScheduleError::KeyGone", "9.2"),
    ("TreeError::CiphertextCount", "7.6"),
    ("TreeError::DuplicateEncryptionKey", "16.7"),
    ("TreeError::DuplicateSignatureKey", "16.7"),
    ("TreeError::Empty", "12.4.3.3"),
    ("TreeError::InvalidEncryptionKey", "5.1.1"),
    ("TreeError::LeafSignature", "7.3"),
    ("TreeError::ParentHash", "7.9.2"),
    ("TreeError::PathKeyReused", "12.4.2"),
    ("TreeError::PathLength", "7.6"),
    ("TreeError::PathParentHash", "7.9.2"),
    ("TreeError::PathSecret", "7.5"),
    ("TreeError::TrailingBlank", "12.4.3.3"),
    ("TreeError::TreeHash", "12.4.3.1"),
    ("TreeError::UnmergedGap", "12.4.3.1"),
    ("TreeError::UnmergedLeaf", "12.4.3.1"),
    ("TreeError::UnmergedOrder", "7.1"),
    ("TreeError::WrongKind", "12.4.3.3"),
];

/// Returns the section of RFC 9420 that states a rule, or `None` if no rule with this identifier
/// exists.
pub(crate) fn section(rule: &str) -> Option<&'static str> {
    let (sections, name) = match rule.strip_prefix("Violation::") {
        Some(name) => (Violation::ALL, name),
        None => (SECTIONS, rule),
    };
    sections.iter().find(|(known, _)| *known == name).map(|(_, section)| *section)
}

/// Returns the identifier of the rule that an error reports: the type and variant of the innermost
/// error, without its fields.
pub(crate) fn identifier(error: &GroupError) -> String {
    match error {
        GroupError::Malformed(error) => name("DecodeError", error),
        GroupError::Violation(violation)
        | GroupError::Leaf { violation, .. }
        | GroupError::Proposal { violation, .. } => name("Violation", violation),
        GroupError::Framing(FramingError::Crypto(error)) => crypto(error),
        GroupError::Framing(FramingError::Schedule(error)) | GroupError::Schedule(error) => match error {
            ScheduleError::Crypto(error) => crypto(error),
            ScheduleError::Decode(error) => name("DecodeError", error),
            other => name("ScheduleError", other),
        },
        GroupError::Framing(error) => name("FramingError", error),
        GroupError::Tree(TreeError::Crypto(error)) | GroupError::Crypto(error) => crypto(error),
        GroupError::Tree(TreeError::Decode(error)) => name("DecodeError", error),
        GroupError::Tree(error) => name("TreeError", error),
        GroupError::Missing(missing) => name("Missing", missing),
        GroupError::Misuse(misuse) => name("Misuse", misuse),
        other => name("GroupError", other),
    }
}

fn crypto(error: &CryptoError) -> String {
    name("CryptoError", error)
}

/// Returns the name of an error variant, prefixed with the name of its type.
fn name(of: &str, error: &dyn Debug) -> String {
    let text = format!("{error:?}");
    let variant: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{of}::{variant}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::LeafIndex;

    #[test]
    fn names_are_of_the_innermost_error() {
        for (error, rule) in [
            (Violation::SameLeaf(LeafIndex(1)).into(), "Violation::SameLeaf"),
            (Violation::PathRequired.into(), "Violation::PathRequired"),
            (FramingError::Crypto(CryptoError::InvalidSignature).into(), "CryptoError::InvalidSignature"),
            (FramingError::Schedule(ScheduleError::KeyGone(1)).into(), "ScheduleError::KeyGone"),
            (GroupError::EpochMismatch { message: 1, group: 2 }, "GroupError::EpochMismatch"),
            (TreeError::Crypto(CryptoError::DecryptionFailed).into(), "CryptoError::DecryptionFailed"),
            (TreeError::Empty.into(), "TreeError::Empty"),
        ] {
            let error: GroupError = error;
            assert_eq!(identifier(&error), rule);
            assert!(section(rule).is_some(), "{rule}");
        }
        assert_eq!(section("Violation::PathRequired"), Some("12.4"));
        assert_eq!(section("PathRequired"), None);
        assert_eq!(section("Violation::Nothing"), None);
    }
}
