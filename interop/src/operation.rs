//! What members do with each other, as it is counted and tabulated.

use std::fmt;

macro_rules! operations {
    ($($(#[doc = $doc:literal])* $name:ident => $text:literal,)*) => {
        /// Something that one member makes and another takes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[doc = $doc])* $name,)*
        }

        impl Operation {
            /// All of them, in the order of the tables.
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
    /// A KeyPackage of the taker's is added by a Commit of the maker's, which has a Welcome with the tree inside.
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
    /// A Commit that took the place of the taker's own.
    CommitWinsRace => "Commit that wins a race",
    /// By value in a Commit.
    Add => "Add by value",
    /// By value in a Commit.
    Remove => "Remove by value",
    /// By value in a Commit.
    ExternalPsk => "external PSK by value",
    /// By value in a Commit.
    ResumptionPsk => "resumption PSK by value",
    /// By value in a Commit.
    Extensions => "GroupContextExtensions by value",
    /// New extensions of the group, one of which is neither defined by the RFC nor in required_capabilities; by value or
    /// sent alone.
    ExtensionNotRequired => "GroupContextExtensions, one not required",
    /// Sent alone; the maker is who sent it.
    ProposedAdd => "Add proposed",
    /// Sent alone.
    ProposedUpdate => "Update proposed",
    /// Sent alone.
    ProposedRemove => "Remove proposed",
    /// Sent alone.
    ProposedExternalPsk => "external PSK proposed",
    /// Sent alone.
    ProposedResumptionPsk => "resumption PSK proposed",
    /// Sent alone.
    ProposedExtensions => "GroupContextExtensions proposed",
    /// By an external sender.
    OutsiderAdd => "Add by an external sender",
    /// By an external sender.
    OutsiderRemove => "Remove by an external sender",
    /// By a client that wants to be added.
    OwnAdd => "Add by the new member",
    /// A Commit that refers to somebody's proposals; the maker is the committer.
    CommitByReference => "Commit by reference",
    /// A Commit that has PSKs by value and by reference.
    CommitPsksBothWays => "Commit with PSKs by value and by reference",
    /// The maker exports, the taker joins.
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
    /// A message that comes after later ones of the same sender.
    MessageOutOfOrder => "message out of order",
    /// A message of an epoch that is over.
    MessageLate => "message of a past epoch",
    /// A message of an epoch that is over, by somebody who has left the group since, even if it has come back.
    MessageLateOfFormer => "message of a past epoch by a former member",
    /// The maker branches, the taker joins.
    Branch => "branch",
    /// The maker proposes, commits and creates the new group in turn; the takers follow.
    ReInit => "reinitialization",
    /// The same from a group in whose tree there are blank leaves before the last one.
    ReInitWithBlanks => "reinitialization of a group with blank leaves",
}
