//! A single run of a script: the state of each actor at its client, the objects that the steps have
//! created, and the calls to the clients.

use super::agreement::{Epoch, Epochs};
use super::clients::{Client, bounded};
use super::failure::Failure;
use super::report::Entry;
use crate::proto;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use tonic::{Code, Status};

/// The options of a run of a script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checks {
    /// Whether the secrets of members are compared after each step.
    pub(crate) states: bool,
    /// Whether the calls are recorded in a transcript.
    pub(crate) transcript: bool,
}

/// The object that a step creates for use in later steps.
pub(super) enum Output {
    Nothing,
    KeyPackage(Vec<u8>),
    Proposal(Vec<u8>),
    /// A ReInit proposal from an external signer, with the cipher suite that it names.
    ReInitProposal {
        proposal: Vec<u8>,
        suite: u32,
    },
    Commit(Committed),
    Psk {
        id: Vec<u8>,
        secret: Vec<u8>,
    },
    Ciphertext {
        authenticated_data: Vec<u8>,
        plaintext: Vec<u8>,
        ciphertext: Vec<u8>,
    },
}

/// A Commit together with its Welcome and ratchet tree.
#[derive(Clone)]
pub(super) struct Committed {
    pub(super) commit: Vec<u8>,
    pub(super) welcome: Vec<u8>,
    pub(super) ratchet_tree: Vec<u8>,
    /// The epoch that the Commit starts.
    pub(super) epoch: Epoch,
}

/// The state of a run of a script.
pub(super) struct Session<'a> {
    clients: BTreeMap<&'a str, &'a Client>,
    pub(super) suite: u32,
    pub(super) encrypt_handshake: bool,
    checks: Checks,
    pub(super) group_id: Vec<u8>,
    states: BTreeMap<String, u32>,
    pub(super) transactions: BTreeMap<String, u32>,
    pub(super) signers: BTreeMap<String, u32>,
    /// The actors with a Commit that they have not applied yet, each with the epoch that the Commit
    /// starts.
    pub(super) pending: BTreeMap<String, Epoch>,
    pub(super) outputs: Vec<Output>,
    pub(super) epochs: Epochs,
    pub(super) transcript: Vec<Entry>,
    rng: ChaCha20Rng,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        clients: BTreeMap<&'a str, &'a Client>,
        suite: u32,
        encrypt_handshake: bool,
        checks: Checks,
        rng: ChaCha20Rng,
    ) -> Self {
        Self {
            clients,
            suite,
            encrypt_handshake,
            checks,
            group_id: Vec::new(),
            states: BTreeMap::new(),
            transactions: BTreeMap::new(),
            signers: BTreeMap::new(),
            pending: BTreeMap::new(),
            outputs: Vec::new(),
            epochs: Epochs::default(),
            transcript: Vec::new(),
            rng,
        }
    }

    fn client(&self, actor: &str) -> Result<&'a Client, Failure> {
        self.clients.get(actor).copied().ok_or_else(|| missing(actor, "client"))
    }

    /// Returns the number that the actor's client assigned to its state.
    pub(super) fn state(&self, actor: &str) -> Result<u32, Failure> {
        self.states.get(actor).copied().ok_or_else(|| missing(actor, "group"))
    }

    /// Returns the number that the actor's client assigned to its KeyPackage.
    pub(super) fn transaction(&self, actor: &str) -> Result<u32, Failure> {
        self.transactions.get(actor).copied().ok_or_else(|| missing(actor, "KeyPackage"))
    }

    /// Records that the actor has entered an epoch and has a new state. Compares the secrets of
    /// that state with those of the other actors in the epoch.
    ///
    /// If a client does not implement one of the calls `StateAuth` and `Export`, the comparison of
    /// that value is skipped.
    pub(super) async fn arrive(&mut self, actor: &str, state: u32, epoch: Epoch) -> Result<(), Failure> {
        self.states.insert(actor.to_owned(), state);
        if !self.checks.states {
            return Ok(());
        }
        let mut rpc = self.client(actor)?.rpc.clone();
        match bounded(rpc.state_auth(proto::StateAuthRequest { state_id: state })).await {
            Ok(answer) => self.epochs.authenticator(epoch, actor, answer.state_auth_secret)?,
            Err(status) if status.code() == Code::Unimplemented => {}
            Err(status) => return Err(self.refused(actor, "StateAuth", &status)),
        }
        let request = proto::ExportRequest {
            state_id: state,
            label: EXPORT_LABEL.to_owned(),
            context: EXPORT_CONTEXT.to_vec(),
            key_length: EXPORT_LENGTH,
        };
        match bounded(rpc.export(request)).await {
            Ok(answer) => self.epochs.exported(epoch, actor, answer.exported_secret),
            Err(status) if status.code() == Code::Unimplemented => Ok(()),
            Err(status) => Err(self.refused(actor, "Export", &status)),
        }
    }

    /// Like `arrive`, but also compares the epoch authenticator that the client returned with the
    /// state.
    pub(super) async fn arrive_with(
        &mut self,
        actor: &str,
        state: u32,
        epoch: Epoch,
        authenticator: Vec<u8>,
    ) -> Result<(), Failure> {
        self.epochs.authenticator(epoch, actor, authenticator)?;
        self.arrive(actor, state, epoch).await
    }

    /// Returns fresh random bytes.
    pub(super) fn fresh_bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// Returns an identifier for a new group. The identifier is text, because some clients print
    /// it.
    pub(super) fn fresh_group_id(&mut self) -> Vec<u8> {
        self.fresh_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()
    }

    /// Returns the identifier of the group that a ReInit starts.
    pub(super) fn next_group_id(&mut self, change: bool) -> Vec<u8> {
        if change { self.fresh_group_id() } else { self.group_id.clone() }
    }

    /// Returns the cipher suite of the group that a ReInit starts. If the suite must change, this
    /// is the next suite that the clients of all actors support.
    pub(super) fn next_suite(&self, change: bool) -> Result<u32, Failure> {
        if !change {
            return Ok(self.suite);
        }
        let mut common: Option<BTreeSet<u32>> = None;
        for client in self.clients.values() {
            common = Some(match common {
                None => client.suites.clone(),
                Some(common) => common.intersection(&client.suites).copied().collect(),
            });
        }
        let mut common = common.unwrap_or_default();
        common.remove(&self.suite);
        let next = common.range(self.suite..).next().or_else(|| common.first());
        next.copied().ok_or(Failure::NoOtherSuite)
    }

    /// Frees a state that is no longer used, unless another actor of the same client uses the same
    /// state number. A failure is ignored, because clients may have freed the state themselves.
    pub(super) async fn forget(&mut self, actor: &str, state: u32) -> Result<(), Failure> {
        let client = self.client(actor)?;
        let used = self.states.iter().any(|(other, number)| {
            *number == state
                && self.clients.get(other.as_str()).is_some_and(|other| std::ptr::eq(*other, client))
        });
        if !used {
            let mut rpc = client.rpc.clone();
            let _ = bounded(rpc.free(proto::FreeRequest { state_id: state })).await;
        }
        Ok(())
    }

    /// Frees all states. Clients that do not implement this call are ignored. Returns the first
    /// error of any other kind.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let mut result = Ok(());
        for (actor, state) in std::mem::take(&mut self.states) {
            let mut rpc = self.client(&actor)?.rpc.clone();
            match bounded(rpc.free(proto::FreeRequest { state_id: state })).await {
                Err(status) if status.code() != Code::Unimplemented && result.is_ok() => {
                    result = Err(self.refused(&actor, "Free", &status));
                }
                _ => {}
            }
        }
        result
    }

    fn refused(&self, actor: &str, rpc: &'static str, status: &Status) -> Failure {
        let client = self.clients.get(actor);
        Failure::Call {
            actor: actor.to_owned(),
            client: client.map(|client| format!("{} at {}", client.name, client.address)).unwrap_or_default(),
            rpc,
            code: status.code(),
            message: status.message().to_owned(),
        }
    }

    fn record<Q: Serialize, R: Serialize>(
        &mut self,
        actor: &str,
        rpc: &'static str,
        request: &Q,
        response: &R,
    ) {
        let (Ok(request), Ok(response)) = (serde_json::to_value(request), serde_json::to_value(response))
        else {
            return;
        };
        self.transcript.push(Entry { actor: actor.to_owned(), rpc, request, response });
    }
}

/// The parameters of the exported secrets that are compared between members. The values of the
/// parameters are arbitrary.
const EXPORT_LABEL: &str = "comparison";
const EXPORT_CONTEXT: &[u8] = b"of members in one epoch";
const EXPORT_LENGTH: u32 = 32;

pub(super) fn missing(actor: &str, what: &'static str) -> Failure {
    Failure::Missing { actor: actor.to_owned(), what }
}

macro_rules! calls {
    ($($method:ident, $name:literal, $request:ident, $response:ident;)*) => {
        /// The calls that the steps of a script make. Each call returns the response of the actor's
        /// client.
        impl Session<'_> {
            $(
                pub(super) async fn $method(
                    &mut self,
                    actor: &str,
                    request: proto::$request,
                ) -> Result<proto::$response, Failure> {
                    let mut rpc = self.client(actor)?.rpc.clone();
                    let kept = self.checks.transcript.then(|| request.clone());
                    let response =
                        bounded(rpc.$method(request)).await.map_err(|status| self.refused(actor, $name, &status))?;
                    if let Some(request) = kept {
                        self.record(actor, $name, &request, &response);
                    }
                    Ok(response)
                }
            )*
        }
    };
}

calls! {
    create_group, "CreateGroup", CreateGroupRequest, CreateGroupResponse;
    create_key_package, "CreateKeyPackage", CreateKeyPackageRequest, CreateKeyPackageResponse;
    join_group, "JoinGroup", JoinGroupRequest, JoinGroupResponse;
    external_join, "ExternalJoin", ExternalJoinRequest, ExternalJoinResponse;
    group_info, "GroupInfo", GroupInfoRequest, GroupInfoResponse;
    protect, "Protect", ProtectRequest, ProtectResponse;
    unprotect, "Unprotect", UnprotectRequest, UnprotectResponse;
    store_psk, "StorePSK", StorePskRequest, StorePskResponse;
    add_proposal, "AddProposal", AddProposalRequest, ProposalResponse;
    update_proposal, "UpdateProposal", UpdateProposalRequest, ProposalResponse;
    remove_proposal, "RemoveProposal", RemoveProposalRequest, ProposalResponse;
    external_psk_proposal, "ExternalPSKProposal", ExternalPskProposalRequest, ProposalResponse;
    resumption_psk_proposal, "ResumptionPSKProposal", ResumptionPskProposalRequest, ProposalResponse;
    group_context_extensions_proposal, "GroupContextExtensionsProposal",
        GroupContextExtensionsProposalRequest, ProposalResponse;
    commit, "Commit", CommitRequest, CommitResponse;
    handle_commit, "HandleCommit", HandleCommitRequest, HandleCommitResponse;
    handle_pending_commit, "HandlePendingCommit", HandlePendingCommitRequest, HandleCommitResponse;
    re_init_proposal, "ReInitProposal", ReInitProposalRequest, ProposalResponse;
    re_init_commit, "ReInitCommit", CommitRequest, CommitResponse;
    handle_pending_re_init_commit, "HandlePendingReInitCommit",
        HandlePendingCommitRequest, HandleReInitCommitResponse;
    handle_re_init_commit, "HandleReInitCommit", HandleCommitRequest, HandleReInitCommitResponse;
    re_init_welcome, "ReInitWelcome", ReInitWelcomeRequest, CreateSubgroupResponse;
    handle_re_init_welcome, "HandleReInitWelcome", HandleReInitWelcomeRequest, JoinGroupResponse;
    create_branch, "CreateBranch", CreateBranchRequest, CreateSubgroupResponse;
    handle_branch, "HandleBranch", HandleBranchRequest, HandleBranchResponse;
    new_member_add_proposal, "NewMemberAddProposal",
        NewMemberAddProposalRequest, NewMemberAddProposalResponse;
    create_external_signer, "CreateExternalSigner",
        CreateExternalSignerRequest, CreateExternalSignerResponse;
    add_external_signer, "AddExternalSigner", AddExternalSignerRequest, ProposalResponse;
    external_signer_proposal, "ExternalSignerProposal", ExternalSignerProposalRequest, ProposalResponse;
}
