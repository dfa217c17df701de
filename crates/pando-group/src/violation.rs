//! The rules that a peer can violate, each with its section of RFC 9420.

use pando_wire::{CredentialType, ExtensionType, LeafIndex, ProposalType};

macro_rules! violations {
    ($($(#[$doc:meta])* $section:literal $message:literal $variant:ident $(($($field:ty),*))?,)*) => {
        /// A violated rule of RFC 9420.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum Violation {
            $($(#[$doc])* #[error($message)] $variant $(($($field),*))?,)*
        }

        impl Violation {
            /// All rules, each with the name of its variant and its section.
            pub const ALL: &'static [(&'static str, &'static str)] =
                &[$((stringify!($variant), $section),)*];

            /// Returns the section of RFC 9420 that contains the rule.
            #[must_use]
            pub const fn section(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $section,)*
                }
            }
        }
    };
}

violations! {
    /// A credential is not acceptable to the identity policy.
    "5.3.1" "a credential is not acceptable: {0}" Credential(String),
    /// The credential of an external sender is not acceptable to the identity policy.
    "5.3.1" "the credential of an external sender is not acceptable: {0}" ExternalSenderCredential(String),
    /// A member's new credential is not a permitted successor of its old one.
    "5.3.1" "the new credential may not replace the old one" CredentialSuccession,
    /// The capabilities of a leaf do not list its own credential type.
    "7.2" "the leaf's own credential type is not in its capabilities" OwnCredentialUnsupported,
    /// The signature of a leaf is not valid.
    "7.3" "the signature of a leaf node is not valid" LeafSignature,
    /// A leaf lacks a required extension type.
    "7.3" "the leaf lacks the required extension type {0}" RequiredExtension(ExtensionType),
    /// A leaf lacks a required proposal type.
    "7.3" "the leaf lacks the required proposal type {0}" RequiredProposal(ProposalType),
    /// A leaf lacks a required credential type.
    "7.3" "the leaf lacks the required credential type {0}" RequiredCredential(CredentialType),
    /// A member does not support the credential type of a leaf.
    "7.3" "a member does not support the credential type {0}" CredentialUnsupportedByMember(CredentialType),
    /// A leaf does not support a credential type that a member uses.
    "7.3" "the leaf does not support the credential type {0}, which is in use" CredentialInUseUnsupported(CredentialType),
    /// A leaf's lifetime has not begun or has ended.
    "7.3" "the lifetime of a leaf has not begun or has ended" Lifetime,
    /// A leaf's lifetime ends before it begins, or is longer than the application accepts.
    "7.2" "the lifetime of a leaf is too long, or negative" LifetimeTooLong,
    /// A leaf has an extension that its capabilities do not list.
    "7.3" "the leaf has the extension {0}, which is not in its capabilities" LeafExtensionUnsupported(ExtensionType),
    /// A leaf has the wrong `leaf_node_source`.
    "7.3" "the leaf has the wrong source" LeafSource,
    /// An update does not change the encryption key of the leaf.
    "7.3" "the encryption key of an updated leaf is the old one" EncryptionKeyUnchanged,
    /// Another member already uses the signature key.
    "7.3" "{0} already has the signature key" SignatureKeyInUse(LeafIndex),
    /// The tree already contains the encryption key.
    "7.3" "the encryption key is already in the tree" EncryptionKeyInUse,
    /// A key of a leaf is not valid in the cipher suite.
    "5.1.1" "a key is not valid in the cipher suite" InvalidKey,
    /// A KeyPackage is for another version or cipher suite.
    "10.1" "the KeyPackage is for another version or cipher suite" KeyPackageSuite,
    /// The signature of a KeyPackage is not valid.
    "10.1" "the signature of the KeyPackage is not valid" KeyPackageSignature,
    /// The init key of a KeyPackage is the encryption key of its leaf.
    "10.1" "the init key is the leaf's encryption key" InitKeyIsEncryptionKey,
    /// A Remove proposal refers to a leaf that does not belong to a member.
    "12.1.3" "{0}, to be removed, is not a member" RemovedIsNoMember(LeafIndex),
    /// A PSK nonce has the wrong length.
    "12.1.4" "the nonce of a PSK has the wrong length" PskNonce,
    /// A resumption PSK for reinitialization or branching is used outside the Commit that sets up a
    /// successor group.
    "12.1.4" "a resumption PSK for reinitialization or branching is used elsewhere" PskUsage,
    /// A ReInit proposal lowers the version.
    "12.1.5" "the reinitialization would lower the version" ReInitVersion,
    /// New group extensions require a capability that a member does not support.
    "12.1.7" "a member does not support what the new extensions require" RequiredUnsupportedByMember,
    /// A group extension is not supported by a member.
    "13.4" "a member does not support the extension {0}" ExtensionUnsupportedByMember(ExtensionType),
    /// A list contains two extensions of the same type.
    "13.4" "there are two extensions of type {0}" DuplicateExtension(ExtensionType),
    /// The contents of an extension are malformed.
    "13.4" "the extension {0} is malformed" MalformedExtension(ExtensionType),
    /// An external sender is not listed in the group's `external_senders`.
    "12.1.8" "there is no external sender {0}" UnknownExternalSender(u32),
    /// A non-member sends a proposal of a type that it must not send.
    "12.1.8" "a proposal of type {0} cannot come from outside" ProposalFromOutside(ProposalType),
    /// The application's rules refuse a Commit, a proposal of our own, or the creation of a group.
    "12.2" "the group's rules refuse it: {0}" GroupRules(String),
    /// The committer commits its own Update.
    "12.2" "the committer commits its own Update" OwnUpdate,
    /// The committer removes itself.
    "12.2" "the committer removes itself" OwnRemove,
    /// Two proposals of a list apply to the same leaf.
    "12.2" "two proposals apply to {0}" SameLeaf(LeafIndex),
    /// A list adds a client twice, or a client that is already in the group.
    "12.2" "an added client is already in the group" SameClient,
    /// A list contains a PSK twice.
    "12.2" "a PSK occurs twice" DuplicatePsk,
    /// A list contains two GroupContextExtensions proposals.
    "12.2" "there are two GroupContextExtensions proposals" SeveralGroupContextExtensions,
    /// A list contains a ReInit and another proposal.
    "12.2" "a ReInit proposal is not alone" ReInitNotAlone,
    /// A member proposes or commits an ExternalInit.
    "12.2" "a member proposes an ExternalInit" ExternalInitInRegularCommit,
    /// A remaining member does not support a proposal type.
    "12.2" "a member does not support proposals of type {0}" ProposalTypeUnsupported(ProposalType),
    /// An external Commit does not contain exactly one ExternalInit.
    "12.2" "an external Commit must have exactly one ExternalInit proposal" ExternalInitCount,
    /// An external Commit removes more than one member.
    "12.2" "an external Commit removes more than one member" SeveralExternalRemoves,
    /// An external Commit contains a proposal of a type that it must not contain.
    "12.2" "an external Commit cannot have a proposal of type {0}" ProposalInExternalCommit(ProposalType),
    /// An external Commit contains a proposal by reference.
    "12.4.3.2" "an external Commit refers to a proposal" ReferenceInExternalCommit,
    /// A Commit lacks its path.
    "12.4" "the Commit lacks a path" PathRequired,
    /// A handshake message is encrypted or public, but the client's settings do not accept that
    /// format.
    "6" "handshake messages are not accepted in this format" HandshakeFormat,
    /// The confirmation tag of a Commit or GroupInfo is wrong.
    "6.1" "the confirmation tag is wrong" ConfirmationTag,
    /// The epoch would exceed 2^64 - 1.
    "8.1" "the epoch would exceed 2^64 - 1" EpochOverflow,
    /// The GroupInfo for a Commit describes a different epoch than the epoch that the Commit
    /// begins.
    "12.4.1" "the GroupContext of the GroupInfo does not match the new epoch" GroupInfoContext,
    /// The signer of a GroupInfo is not a member.
    "12.4.3.1" "the signer of the GroupInfo, {0}, is not a member" GroupInfoSigner(LeafIndex),
    /// The signature of a GroupInfo is not valid.
    "12.4.3.1" "the signature of the GroupInfo is not valid" GroupInfoSignature,
    /// A GroupInfo has a different cipher suite or version than the KeyPackage.
    "12.4.3.1" "the GroupInfo is for another version or cipher suite" GroupInfoSuite,
    /// A Welcome is for a group that the client is already in.
    "12.4.3.1" "the client is already in a group with this identifier" AlreadyInGroup,
    /// The tree does not contain the leaf of the KeyPackage.
    "12.4.3.1" "the tree does not have the leaf of the KeyPackage" OwnLeafMissing,
    /// A Welcome contains two PSKs for reinitialization or branching.
    "12.4.3.1" "a Welcome has two PSKs for reinitialization or branching" SeveralResumptionPsks,
    /// The successor of a group does not begin with epoch 1.
    "12.4.3.1" "a group that was reinitialized or branched does not begin with epoch 1" FirstEpoch,
    /// A group is not a successor of the given group.
    "12.4.3.1" "the group is not a successor of the old one" NoSuccessor,
    /// The successor of a group has the wrong parameters.
    "12.4.3.1" "the successor of the group has the wrong parameters" SuccessorParameters,
    /// A member of a reinitialized group is not in its successor.
    "12.4.3.1" "{0} of the old group is not in the new one" MemberMissing(LeafIndex),
    /// A member of a branch is not in the group that it branches from.
    "12.4.3.1" "{0} of the branch is not in the old group" NotInOldGroup(LeafIndex),
}
