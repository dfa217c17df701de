//! The 23 actions of a script, each with its own type, in the format of the interoperability
//! harness (mlswg/mls-implementations, test-config.md). A script tells the story of a group step by
//! step.
//!
//! Actors are identified by names. A step refers to the object of an earlier step by the number of
//! that step, counted from zero. `check.rs` checks the references. An unknown member of an action
//! is an error, because a misspelt option would silently weaken a test. Some options have two
//! spellings, because the official configurations use both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::proto;

/// A step, which consists of an action with its parameters.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub(crate) enum Step {
    CreateGroup(CreateGroup),
    CreateKeyPackage(Alone),
    JoinGroup(JoinGroup),
    ExternalJoin(ExternalJoin),
    #[serde(rename = "installExternalPSK")]
    InstallExternalPsk(InstallExternalPsk),
    GroupInfo(GroupInfo),
    AddProposal(AddProposal),
    UpdateProposal(Alone),
    RemoveProposal(RemoveProposal),
    #[serde(rename = "externalPSKProposal")]
    ExternalPskProposal(ExternalPskProposal),
    #[serde(rename = "resumptionPSKProposal")]
    ResumptionPskProposal(ResumptionPskProposal),
    GroupContextExtensionsProposal(GroupContextExtensionsProposal),
    FullCommit(FullCommit),
    Commit(Commit),
    HandleCommit(HandleCommit),
    HandlePendingCommit(Alone),
    Protect(Protect),
    Unprotect(Unprotect),
    #[serde(rename = "reinit")]
    ReInit(ReInit),
    Branch(Branch),
    NewMemberAddProposal(NewMemberAddProposal),
    AddExternalSigner(AddExternalSigner),
    ExternalSignerProposal(ExternalSignerProposal),
}

/// An action whose only parameter is the actor.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Alone {
    pub(crate) actor: String,
}

/// The actor creates a group and adds the members with a single Commit.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateGroup {
    pub(crate) actor: String,
    #[serde(default)]
    pub(crate) members: Vec<String>,
}

/// The actor joins by the Welcome of an earlier Commit.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct JoinGroup {
    pub(crate) actor: String,
    pub(crate) welcome: usize,
}

/// The joiner joins by an external Commit that uses the actor's GroupInfo. The actor and the
/// members process this Commit.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExternalJoin {
    pub(crate) actor: String,
    pub(crate) joiner: String,
    #[serde(default)]
    pub(crate) members: Vec<String>,
    #[serde(default, alias = "external_tree")]
    pub(crate) external_tree: bool,
    #[serde(default, alias = "remove_prior")]
    pub(crate) remove_prior: bool,
    #[serde(default)]
    pub(crate) psks: Vec<usize>,
}

/// The clients receive a fresh pre-shared key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InstallExternalPsk {
    #[serde(default, rename = "actor")]
    _actor: IgnoredAny,
    pub(crate) clients: Vec<String>,
}

/// The actor exports a GroupInfo.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GroupInfo {
    pub(crate) actor: String,
    #[serde(default, alias = "external_tree")]
    pub(crate) external_tree: bool,
}

/// The actor proposes to add the owner of a KeyPackage.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddProposal {
    pub(crate) actor: String,
    pub(crate) key_package: usize,
}

/// The actor proposes to remove another member.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RemoveProposal {
    pub(crate) actor: String,
    pub(crate) removed: String,
}

/// The actor proposes an external PSK that was installed in an earlier step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExternalPskProposal {
    pub(crate) actor: String,
    #[serde(rename = "pskID", alias = "pskId")]
    pub(crate) psk: usize,
}

/// The actor proposes the resumption PSK of an earlier epoch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResumptionPskProposal {
    pub(crate) actor: String,
    #[serde(rename = "epochID", alias = "epochId")]
    pub(crate) epoch: u64,
}

/// The actor proposes new group context extensions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GroupContextExtensionsProposal {
    pub(crate) actor: String,
    #[serde(default)]
    pub(crate) extensions: Vec<Extension>,
}

/// The actor creates a Commit, the members process it, and the joiners join by its Welcome.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FullCommit {
    pub(crate) actor: String,
    #[serde(default)]
    pub(crate) by_reference: Vec<usize>,
    #[serde(default)]
    pub(crate) by_value: Vec<Description>,
    #[serde(default)]
    pub(crate) members: Vec<String>,
    #[serde(default)]
    pub(crate) joiners: Vec<String>,
    #[serde(default, alias = "force_path")]
    pub(crate) force_path: bool,
    #[serde(default, alias = "external_tree")]
    pub(crate) external_tree: bool,
}

/// The actor creates a Commit without applying it yet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Commit {
    pub(crate) actor: String,
    #[serde(default)]
    pub(crate) by_reference: Vec<usize>,
    #[serde(default)]
    pub(crate) by_value: Vec<Description>,
    #[serde(default, alias = "force_path")]
    pub(crate) force_path: bool,
    #[serde(default, alias = "external_tree")]
    pub(crate) external_tree: bool,
}

/// The actor processes another member's Commit and the proposals to which the Commit refers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HandleCommit {
    pub(crate) actor: String,
    pub(crate) commit: usize,
    #[serde(default)]
    pub(crate) by_reference: Vec<usize>,
}

/// The actor encrypts a plaintext.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Protect {
    pub(crate) actor: String,
    #[serde(default, alias = "authenticated_data")]
    pub(crate) authenticated_data: String,
    #[serde(default)]
    pub(crate) plaintext: String,
}

/// The actor decrypts the ciphertext of an earlier step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Unprotect {
    pub(crate) actor: String,
    pub(crate) ciphertext: usize,
}

/// The actors reinitialize the group, by a proposal, a Commit and a Welcome.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReInit {
    #[serde(default, rename = "actor")]
    _actor: IgnoredAny,
    /// The actor that makes the proposal; absent if an external signer made it in an earlier step.
    pub(crate) proposer: Option<String>,
    pub(crate) committer: String,
    pub(crate) welcomer: String,
    #[serde(default)]
    pub(crate) members: Vec<String>,
    #[serde(default, rename = "changeGroupID", alias = "changeGroupId")]
    pub(crate) change_group_id: bool,
    #[serde(default, alias = "changeCiphersuite")]
    pub(crate) change_cipher_suite: bool,
    #[serde(default)]
    pub(crate) extensions: Vec<Extension>,
    #[serde(default, alias = "force_path")]
    pub(crate) force_path: bool,
    #[serde(default, alias = "external_tree")]
    pub(crate) external_tree: bool,
    pub(crate) external_reinit_proposal: Option<usize>,
}

/// The actor creates a branch of the group with some of its members.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Branch {
    pub(crate) actor: String,
    pub(crate) members: Vec<String>,
    #[serde(default)]
    pub(crate) extensions: Vec<Extension>,
    #[serde(default, alias = "force_path")]
    pub(crate) force_path: bool,
    #[serde(default, alias = "external_tree")]
    pub(crate) external_tree: bool,
}

/// The joiner proposes to be added to the group, based on the actor's GroupInfo.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewMemberAddProposal {
    pub(crate) actor: String,
    pub(crate) joiner: String,
}

/// The actor proposes to add an external signer to the external senders of the group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddExternalSigner {
    pub(crate) actor: String,
    pub(crate) signer: String,
}

/// The actor is an external signer and uses the GroupInfo of a member to make a proposal.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExternalSignerProposal {
    pub(crate) actor: String,
    pub(crate) member: String,
    pub(crate) description: Description,
}

/// The description of a proposal that the actor of the step makes or commits by value.
#[derive(Debug, Deserialize)]
#[serde(tag = "proposalType", rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Description {
    #[serde(rename_all = "camelCase")]
    Add {
        key_package: usize,
    },
    Remove {
        removed: String,
    },
    #[serde(rename = "externalPSK")]
    ExternalPsk {
        #[serde(rename = "pskID", alias = "pskId")]
        psk: usize,
    },
    #[serde(rename = "resumptionPSK")]
    ResumptionPsk {
        #[serde(rename = "epochID", alias = "epochId")]
        epoch: u64,
    },
    GroupContextExtensions {
        #[serde(default)]
        extensions: Vec<Extension>,
    },
    #[serde(rename = "reinit", rename_all = "camelCase")]
    ReInit {
        #[serde(default, rename = "changeGroupID", alias = "changeGroupId")]
        change_group_id: bool,
        #[serde(default, alias = "changeCiphersuite")]
        change_cipher_suite: bool,
        #[serde(default)]
        extensions: Vec<Extension>,
    },
}

/// An extension of the group, whose data is encoded in Base64.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extension {
    extension_type: u32,
    #[serde(default, deserialize_with = "base64")]
    extension_data: Vec<u8>,
}

impl Extension {
    pub(crate) fn all(extensions: &[Self]) -> Vec<proto::Extension> {
        extensions
            .iter()
            .map(|extension| proto::Extension {
                extension_type: extension.extension_type,
                extension_data: extension.extension_data.clone(),
            })
            .collect()
    }
}

fn base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(&text).map_err(|error| serde::de::Error::custom(format!("{text:?} is not Base64: {error}")))
}

impl Step {
    /// Returns all actors of the step. The list may contain duplicates.
    pub(crate) fn actors(&self) -> Vec<&str> {
        let (first, others): (&[&String], &[&[String]]) = match self {
            Self::CreateKeyPackage(step) | Self::UpdateProposal(step) | Self::HandlePendingCommit(step) => {
                (&[&step.actor], &[])
            }
            Self::CreateGroup(step) => (&[&step.actor], &[&step.members]),
            Self::JoinGroup(step) => (&[&step.actor], &[]),
            Self::ExternalJoin(step) => (&[&step.actor, &step.joiner], &[&step.members]),
            Self::InstallExternalPsk(step) => (&[], &[&step.clients]),
            Self::GroupInfo(step) => (&[&step.actor], &[]),
            Self::AddProposal(step) => (&[&step.actor], &[]),
            Self::RemoveProposal(step) => (&[&step.actor], &[]),
            Self::ExternalPskProposal(step) => (&[&step.actor], &[]),
            Self::ResumptionPskProposal(step) => (&[&step.actor], &[]),
            Self::GroupContextExtensionsProposal(step) => (&[&step.actor], &[]),
            Self::FullCommit(step) => (&[&step.actor], &[&step.members, &step.joiners]),
            Self::Commit(step) => (&[&step.actor], &[]),
            Self::HandleCommit(step) => (&[&step.actor], &[]),
            Self::Protect(step) => (&[&step.actor], &[]),
            Self::Unprotect(step) => (&[&step.actor], &[]),
            Self::ReInit(step) => match &step.proposer {
                Some(proposer) => (&[proposer, &step.committer, &step.welcomer], &[&step.members]),
                None => (&[&step.committer, &step.welcomer], &[&step.members]),
            },
            Self::Branch(step) => (&[&step.actor], &[&step.members]),
            Self::NewMemberAddProposal(step) => (&[&step.actor, &step.joiner], &[]),
            Self::AddExternalSigner(step) => (&[&step.actor, &step.signer], &[]),
            Self::ExternalSignerProposal(step) => (&[&step.actor, &step.member], &[]),
        };
        first.iter().copied().chain(others.iter().copied().flatten()).map(String::as_str).collect()
    }
}
