//! The operations between two members that are counted and shown in tables.

use std::fmt;

macro_rules! operations {
    ($($(#[doc = $doc:literal])* $name:ident => $text:literal,)*) => {
        /// An operation in which one member creates a message and another member processes it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[doc = $doc])* $name,)*
        }

        impl Operation {
            /// All operations, in the order in which the tables list them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }

        impl fmt::Display for Operation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

operations! {
    /// The maker's Commit adds the receiver by its KeyPackage, and the Welcome contains the tree.
    Welcome => "Welcome, tree inside",
    /// The maker's Commit adds the receiver by its KeyPackage, and the tree is sent out of band.
    WelcomeTreeApart => "Welcome, tree out of band",
    /// A Commit that contains no proposals.
    EmptyCommit => "Commit without proposals",
    /// A Commit that contains no path.
    CommitWithoutPath => "Commit without a path",
    /// A Commit that covers several proposals.
    CommitSeveral => "Commit of several proposals",
    /// A Commit that carries authenticated data.
    CommitAuthenticated => "Commit with authenticated data",
    /// A Commit that was accepted instead of the receiver's own pending Commit.
    CommitWinsRace => "Commit that wins a race",
    /// An Add that a Commit contains by value.
    Add => "Add by value",
    /// A Remove that a Commit contains by value.
    Remove => "Remove by value",
    /// An external PSK that a Commit contains by value.
    ExternalPsk => "external PSK by value",
    /// A resumption PSK that a Commit contains by value.
    ResumptionPsk => "resumption PSK by value",
    /// A GroupContextExtensions proposal that a Commit contains by value.
    Extensions => "GroupContextExtensions by value",
    /// A GroupContextExtensions proposal, by value or standalone. One of its extensions is neither
    /// defined by the RFC nor listed in `required_capabilities`.
    ExtensionNotRequired => "GroupContextExtensions, one not required",
    /// A standalone Add proposal. The maker is the sender of the proposal.
    ProposedAdd => "Add proposed",
    /// A standalone Update proposal.
    ProposedUpdate => "Update proposed",
    /// A standalone Remove proposal.
    ProposedRemove => "Remove proposed",
    /// A standalone proposal of an external PSK.
    ProposedExternalPsk => "external PSK proposed",
    /// A standalone proposal of a resumption PSK.
    ProposedResumptionPsk => "resumption PSK proposed",
    /// A standalone GroupContextExtensions proposal.
    ProposedExtensions => "GroupContextExtensions proposed",
    /// An Add proposal from an external sender.
    OutsiderAdd => "Add by an external sender",
    /// A Remove proposal from an external sender.
    OutsiderRemove => "Remove by an external sender",
    /// A proposal from a client that asks to be added.
    OwnAdd => "Add by the new member",
    /// A Commit that contains proposals by reference. The maker is the committer.
    CommitByReference => "Commit by reference",
    /// A Commit that contains PSKs both by value and by reference.
    CommitPsksBothWays => "Commit with PSKs by value and by reference",
    /// The maker exports a GroupInfo that contains the tree, and the receiver joins with it.
    GroupInfo => "GroupInfo, tree inside",
    /// The maker exports a GroupInfo without the tree. The receiver joins with the GroupInfo and
    /// with the tree, which is sent out of band.
    GroupInfoTreeApart => "GroupInfo, tree out of band",
    /// An external Commit by which a new member joins.
    ExternalJoin => "external Commit",
    /// An external Commit that removes the joiner's former leaf.
    Resync => "external Commit, resync",
    /// An external Commit that uses an external PSK.
    ExternalJoinPsk => "external Commit with a PSK",
    /// An application message of the current or a past epoch.
    Message => "message",
    /// An application message that arrives after a later message from the same sender.
    MessageOutOfOrder => "message out of order",
    /// An application message of a past epoch.
    MessageLate => "message of a past epoch",
    /// An application message of a past epoch from a member that has left the group in the
    /// meantime, even if it has returned.
    MessageLateOfFormer => "message of a past epoch by a former member",
    /// The maker creates a branch, and the receiver joins it.
    Branch => "branch",
    /// A reinitialization. The maker creates the new group after the group has been ended by a
    /// ReInit, and the receivers join it.
    ReInit => "reinitialization",
    /// A reinitialization of a group whose tree has blank leaves before its last member.
    ReInitWithBlanks => "reinitialization of a group with blank leaves",
}
