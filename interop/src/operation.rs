//! The operations between members that are counted and tabulated.

use std::fmt;

macro_rules! operations {
    ($($(#[doc = $doc:literal])* $name:ident => $text:literal,)*) => {
        /// An operation in which one member makes a message and another processes it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[doc = $doc])* $name,)*
        }

        impl Operation {
            /// All operations, in the order of the tables.
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
    /// A Commit of the maker adds the receiver's KeyPackage, with the tree in the Welcome.
    Welcome => "Welcome, tree inside",
    /// The same with the tree out of band.
    WelcomeTreeApart => "Welcome, tree out of band",
    /// A Commit without proposals.
    EmptyCommit => "Commit without proposals",
    /// A Commit without a path.
    CommitWithoutPath => "Commit without a path",
    /// A Commit of several proposals.
    CommitSeveral => "Commit of several proposals",
    /// A Commit with authenticated data.
    CommitAuthenticated => "Commit with authenticated data",
    /// A Commit that was accepted instead of the receiver's pending one.
    CommitWinsRace => "Commit that wins a race",
    /// An Add by value in a Commit.
    Add => "Add by value",
    /// A Remove by value in a Commit.
    Remove => "Remove by value",
    /// An external PSK by value in a Commit.
    ExternalPsk => "external PSK by value",
    /// A resumption PSK by value in a Commit.
    ResumptionPsk => "resumption PSK by value",
    /// GroupContextExtensions by value in a Commit.
    Extensions => "GroupContextExtensions by value",
    /// New extensions of the group, one of which is neither defined by the RFC nor in
    /// required_capabilities; by value or as a standalone proposal.
    ExtensionNotRequired => "GroupContextExtensions, one not required",
    /// A standalone Add. The maker is its sender.
    ProposedAdd => "Add proposed",
    /// A standalone Update.
    ProposedUpdate => "Update proposed",
    /// A standalone Remove.
    ProposedRemove => "Remove proposed",
    /// A standalone proposal of an external PSK.
    ProposedExternalPsk => "external PSK proposed",
    /// A standalone proposal of a resumption PSK.
    ProposedResumptionPsk => "resumption PSK proposed",
    /// A standalone GroupContextExtensions proposal.
    ProposedExtensions => "GroupContextExtensions proposed",
    /// An Add proposed by an external sender.
    OutsiderAdd => "Add by an external sender",
    /// A Remove proposed by an external sender.
    OutsiderRemove => "Remove by an external sender",
    /// A proposal of a client that asks to be added.
    OwnAdd => "Add by the new member",
    /// A Commit with proposals by reference. The maker is the committer.
    CommitByReference => "Commit by reference",
    /// A Commit that has PSKs by value and by reference.
    CommitPsksBothWays => "Commit with PSKs by value and by reference",
    /// The maker exports a GroupInfo, and the receiver joins with it.
    GroupInfo => "GroupInfo, tree inside",
    /// The same with the tree out of band.
    GroupInfoTreeApart => "GroupInfo, tree out of band",
    /// An external Commit.
    ExternalJoin => "external Commit",
    /// An external Commit that removes a former leaf of the joiner.
    Resync => "external Commit, resync",
    /// An external Commit with an external PSK.
    ExternalJoinPsk => "external Commit with a PSK",
    /// An application message.
    Message => "message",
    /// A message that arrives after later ones of the same sender.
    MessageOutOfOrder => "message out of order",
    /// A message of a past epoch.
    MessageLate => "message of a past epoch",
    /// A message of a past epoch from a member that has left the group since, even if it has
    /// returned.
    MessageLateOfFormer => "message of a past epoch by a former member",
    /// The maker creates a branch, and the receiver joins.
    Branch => "branch",
    /// The maker proposes, commits and creates the new group in turn, and the receivers follow.
    ReInit => "reinitialization",
    /// A reinitialization of a group whose tree has blank leaves before the last leaf.
    ReInitWithBlanks => "reinitialization of a group with blank leaves",
}
