//! The kinds of test vectors.

use std::fmt;
use std::str::FromStr;

/// A kind of test vectors, identified by its official name. [`Kind::Negative`] is specific to Pando
/// and contains messages that a client must reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Kind {
    TreeMath,
    CryptoBasics,
    SecretTree,
    MessageProtection,
    KeySchedule,
    PskSecret,
    TranscriptHashes,
    Welcome,
    TreeOperations,
    TreeValidation,
    TreeKem,
    Messages,
    Deserialization,
    PassiveClient,
    Negative,
}

impl Kind {
    /// All kinds of test vectors.
    pub const ALL: [Self; 15] = [
        Self::TreeMath,
        Self::CryptoBasics,
        Self::SecretTree,
        Self::MessageProtection,
        Self::KeySchedule,
        Self::PskSecret,
        Self::TranscriptHashes,
        Self::Welcome,
        Self::TreeOperations,
        Self::TreeValidation,
        Self::TreeKem,
        Self::Messages,
        Self::Deserialization,
        Self::PassiveClient,
        Self::Negative,
    ];

    /// Returns the official name of this kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TreeMath => "tree-math",
            Self::CryptoBasics => "crypto-basics",
            Self::SecretTree => "secret-tree",
            Self::MessageProtection => "message-protection",
            Self::KeySchedule => "key-schedule",
            Self::PskSecret => "psk_secret",
            Self::TranscriptHashes => "transcript-hashes",
            Self::Welcome => "welcome",
            Self::TreeOperations => "tree-operations",
            Self::TreeValidation => "tree-validation",
            Self::TreeKem => "treekem",
            Self::Messages => "messages",
            Self::Deserialization => "deserialization",
            Self::PassiveClient => "passive-client",
            Self::Negative => "negative",
        }
    }

    /// Returns the kind of a test vector file, given its file name without the extension. The file
    /// name is the official name, optionally followed by a hyphen and a suffix
    /// (`passive-client-welcome`).
    #[must_use]
    pub fn of_file(stem: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            stem.strip_prefix(kind.name()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("unknown kind {name:?}; known kinds are {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_names_of_their_kinds() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_file(kind.name()), Some(kind));
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!(Kind::of_file("passive-client-random"), Some(Kind::PassiveClient));
        assert_eq!(Kind::of_file("welcome-2"), Some(Kind::Welcome));
        assert_eq!(Kind::of_file("welcomes"), None);
        assert_eq!(Kind::of_file("tree"), None);
        assert!("nonsense".parse::<Kind>().unwrap_err().contains("tree-math"));
    }
}
