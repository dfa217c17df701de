//! The rules for the text of identifiers (docs/protocol.md, section 2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The largest number of bytes of a domain.
const MAX_DOMAIN: usize = 253;
/// The largest number of bytes of a label of a domain.
const MAX_LABEL: usize = 63;
/// The largest number of bytes of the name of a user or device.
const MAX_NAME: usize = 64;
/// The smallest and the largest number of bytes of an MLS group id.
const GROUP_ID: std::ops::RangeInclusive<usize> = 16..=64;

/// The rule that the text of an identifier violates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The domain is empty or too long.
    #[error("domain has {0} bytes instead of 1 to 253")]
    DomainLength(usize),
    /// A label of the domain is empty or too long.
    #[error("label of the domain has {0} bytes instead of 1 to 63")]
    LabelLength(usize),
    /// The domain contains a character that is not allowed.
    #[error("domain contains {0:?}: only a-z, 0-9, hyphens and dots are allowed")]
    DomainCharacter(char),
    /// A label of the domain begins or ends with a hyphen.
    #[error("label of the domain begins or ends with a hyphen")]
    LabelHyphen,
    /// The last label of the domain does not begin with a letter.
    #[error("last label of the domain does not begin with a letter")]
    LastLabel,
    /// The name of a user or device is empty or too long.
    #[error("name of a user or device has {0} bytes instead of 1 to 64")]
    NameLength(usize),
    /// The name of a user or device contains a character that is not allowed.
    #[error(
        "name of a user or device contains {0:?}: only a-z, 0-9, dots, underscores and hyphens are allowed"
    )]
    NameCharacter(char),
    /// The name of a user or device begins with a dot, an underscore or a hyphen.
    #[error("name of a user or device does not begin with a letter or digit")]
    NameStart,
    /// The text has no `@` before a domain.
    #[error("no @ between a name and a domain")]
    NoDomain,
    /// The text has no `/` before a device.
    #[error("no / between a user and a device")]
    NoDevice,
    /// The part before the `@` is not the base64url of an MLS group id.
    #[error("group id is not in base64url without padding")]
    GroupEncoding,
    /// The MLS group id is too short or too long.
    #[error("group id has {0} bytes instead of 16 to 64")]
    GroupLength(usize),
}

/// Checks the text of a domain.
pub(crate) fn check_domain(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > MAX_DOMAIN {
        return Err(IdError::DomainLength(text.len()));
    }
    text.split('.').try_for_each(check_label)?;
    // So no domain is also the text of an IP address.
    let starts_with_letter = |label: &str| label.starts_with(|first: char| first.is_ascii_lowercase());
    if text.rsplit('.').next().is_some_and(starts_with_letter) { Ok(()) } else { Err(IdError::LastLabel) }
}

fn check_label(label: &str) -> Result<(), IdError> {
    let is_allowed = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
    if let Some(other) = label.chars().find(|letter| !is_allowed(*letter)) {
        return Err(IdError::DomainCharacter(other));
    }
    if label.is_empty() || label.len() > MAX_LABEL {
        return Err(IdError::LabelLength(label.len()));
    }
    if label.starts_with('-') || label.ends_with('-') { Err(IdError::LabelHyphen) } else { Ok(()) }
}

/// Checks the name of a user or device.
pub(crate) fn check_name(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > MAX_NAME {
        return Err(IdError::NameLength(text.len()));
    }
    let is_allowed = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    if let Some(other) = text.chars().find(|letter| !is_allowed(*letter)) {
        return Err(IdError::NameCharacter(other));
    }
    if text.starts_with(['.', '_', '-']) { Err(IdError::NameStart) } else { Ok(()) }
}

/// Checks the text of a user.
pub(crate) fn check_user(text: &str) -> Result<(), IdError> {
    let (name, domain) = text.split_once('@').ok_or(IdError::NoDomain)?;
    check_name(name)?;
    check_domain(domain)
}

/// Checks the text of a client.
pub(crate) fn check_client(text: &str) -> Result<(), IdError> {
    let (user, device) = text.split_once('/').ok_or(IdError::NoDevice)?;
    check_user(user)?;
    check_name(device)
}

/// Checks the text of a group's address.
pub(crate) fn check_group(text: &str) -> Result<(), IdError> {
    let (group_id, domain) = text.split_once('@').ok_or(IdError::NoDomain)?;
    let group_id = decode_group_id(group_id).ok_or(IdError::GroupEncoding)?;
    if !GROUP_ID.contains(&group_id.len()) {
        return Err(IdError::GroupLength(group_id.len()));
    }
    check_domain(domain)
}

/// Decodes the base64url of an MLS group id. The decoder accepts one text for each value: without
/// padding, and with zeros in the unused bits of the last character.
pub(crate) fn decode_group_id(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes an MLS group id in base64url.
pub(crate) fn encode_group_id(group_id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(group_id)
}
