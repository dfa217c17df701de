//! A toy client whose groups consist only of a secret. Commits and Welcomes contain this secret
//! unencrypted. The client tests how the runner handles correct and wrong responses.

use pando_interop::proto::mls_client_server::{MlsClient, MlsClientServer};
use pando_interop::proto::*;
use std::collections::BTreeMap;
use std::sync::Mutex;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// The error that a toy client makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    /// The client reports a wrong epoch authenticator after each Commit from another member.
    Authenticator,
    /// The client exports a different secret each time.
    Export,
    /// The client does not implement the `Export` call.
    NoExport,
    /// The client returns a wrong plaintext.
    Plaintext,
    /// The client refuses all Commits.
    Refuse,
    /// The client cannot free a state.
    Free,
}

pub(crate) struct ToyClient {
    lie: Lie,
    states: Mutex<BTreeMap<u32, State>>,
}

#[derive(Clone, Default)]
struct State {
    secret: Vec<u8>,
    pending: Vec<u8>,
    authenticator: Vec<u8>,
}

type Answer<R> = Result<Response<R>, Status>;

impl ToyClient {
    /// Starts a toy client and returns its address.
    pub(crate) async fn serve(lie: Lie) -> String {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap().to_string();
        let toy_client = Self { lie, states: Mutex::default() };
        let server = tonic::transport::Server::builder().add_service(MlsClientServer::new(toy_client));
        tokio::spawn(server.serve_with_incoming(incoming));
        address
    }

    fn begin(&self, secret: Vec<u8>) -> u32 {
        let mut states = self.states.lock().unwrap();
        let id = u32::try_from(states.len()).unwrap();
        states.insert(id, State { authenticator: secret.clone(), secret, pending: Vec::new() });
        id
    }

    fn with<R>(&self, id: u32, what: impl FnOnce(&mut State) -> R) -> Result<R, Status> {
        let mut states = self.states.lock().unwrap();
        states.get_mut(&id).map(what).ok_or_else(|| Status::not_found("no such state"))
    }
}

fn answer<R>(response: R) -> Answer<R> {
    Ok(Response::new(response))
}

/// Implements the given calls, and makes all other calls return an error.
macro_rules! toy_client {
    ({ $($answered:tt)* } $($method:ident, $request:ident, $response:ident;)*) => {
        #[tonic::async_trait]
        impl MlsClient for ToyClient {
            $($answered)*
            $(
                async fn $method(&self, _: Request<$request>) -> Answer<$response> {
                    Err(Status::unimplemented("not implemented by the toy client"))
                }
            )*
        }
    };
}

toy_client! {{
    async fn name(&self, _: Request<NameRequest>) -> Answer<NameResponse> {
        answer(NameResponse { name: format!("toy {:?}", self.lie) })
    }

    async fn supported_ciphersuites(
        &self,
        _: Request<SupportedCiphersuitesRequest>,
    ) -> Answer<SupportedCiphersuitesResponse> {
        answer(SupportedCiphersuitesResponse { ciphersuites: vec![1, 2] })
    }

    async fn create_group(&self, request: Request<CreateGroupRequest>) -> Answer<CreateGroupResponse> {
        answer(CreateGroupResponse { state_id: self.begin(request.into_inner().group_id) })
    }

    async fn create_key_package(
        &self,
        request: Request<CreateKeyPackageRequest>,
    ) -> Answer<CreateKeyPackageResponse> {
        let key_package = request.into_inner().identity;
        answer(CreateKeyPackageResponse { transaction_id: 0, key_package, ..Default::default() })
    }

    async fn join_group(&self, request: Request<JoinGroupRequest>) -> Answer<JoinGroupResponse> {
        let secret = request.into_inner().welcome;
        answer(JoinGroupResponse { state_id: self.begin(secret.clone()), epoch_authenticator: secret })
    }

    async fn commit(&self, request: Request<CommitRequest>) -> Answer<CommitResponse> {
        let commit = self.with(request.into_inner().state_id, |state| {
            state.pending = [&state.secret[..], b"+"].concat();
            state.pending.clone()
        })?;
        answer(CommitResponse { welcome: commit.clone(), commit, ratchet_tree: Vec::new() })
    }

    async fn handle_pending_commit(
        &self,
        request: Request<HandlePendingCommitRequest>,
    ) -> Answer<HandleCommitResponse> {
        let state_id = request.into_inner().state_id;
        let epoch_authenticator = self.with(state_id, |state| {
            state.secret = std::mem::take(&mut state.pending);
            state.authenticator = state.secret.clone();
            state.authenticator.clone()
        })?;
        answer(HandleCommitResponse { state_id, epoch_authenticator })
    }

    async fn handle_commit(&self, request: Request<HandleCommitRequest>) -> Answer<HandleCommitResponse> {
        if self.lie == Lie::Refuse {
            return Err(Status::failed_precondition("I would rather not"));
        }
        let HandleCommitRequest { state_id, commit, .. } = request.into_inner();
        let epoch_authenticator = self.with(state_id, |state| {
            state.secret = commit;
            state.authenticator = state.secret.clone();
            if self.lie == Lie::Authenticator {
                state.authenticator.push(0);
            }
            state.authenticator.clone()
        })?;
        answer(HandleCommitResponse { state_id, epoch_authenticator })
    }

    async fn state_auth(&self, request: Request<StateAuthRequest>) -> Answer<StateAuthResponse> {
        let id = request.into_inner().state_id;
        let state_auth_secret = self.with(id, |state| state.authenticator.clone())?;
        answer(StateAuthResponse { state_auth_secret })
    }

    async fn export(&self, request: Request<ExportRequest>) -> Answer<ExportResponse> {
        let ExportRequest { state_id, label, .. } = request.into_inner();
        let mut exported_secret = self.with(state_id, |state| [label.as_bytes(), &state.secret].concat())?;
        match self.lie {
            Lie::NoExport => return Err(Status::unimplemented("no exporter")),
            Lie::Export => exported_secret.push(u8::try_from(state_id).unwrap()),
            _ => {}
        }
        answer(ExportResponse { exported_secret })
    }

    async fn protect(&self, request: Request<ProtectRequest>) -> Answer<ProtectResponse> {
        let ProtectRequest { authenticated_data, plaintext, .. } = request.into_inner();
        answer(ProtectResponse { ciphertext: [&authenticated_data[..], b"|", &plaintext].concat() })
    }

    async fn unprotect(&self, request: Request<UnprotectRequest>) -> Answer<UnprotectResponse> {
        let ciphertext = request.into_inner().ciphertext;
        let mut parts = ciphertext.splitn(2, |byte| *byte == b'|').map(<[u8]>::to_vec);
        let (authenticated_data, mut plaintext) = (parts.next().unwrap(), parts.next().unwrap());
        if self.lie == Lie::Plaintext {
            plaintext.reverse();
        }
        answer(UnprotectResponse { authenticated_data, plaintext })
    }

    async fn free(&self, request: Request<FreeRequest>) -> Answer<FreeResponse> {
        if self.lie == Lie::Free {
            return Err(Status::internal("not mine"));
        }
        self.with(request.into_inner().state_id, |_| ())?;
        answer(FreeResponse {})
    }
}
    external_join, ExternalJoinRequest, ExternalJoinResponse;
    group_info, GroupInfoRequest, GroupInfoResponse;
    store_psk, StorePskRequest, StorePskResponse;
    add_proposal, AddProposalRequest, ProposalResponse;
    update_proposal, UpdateProposalRequest, ProposalResponse;
    remove_proposal, RemoveProposalRequest, ProposalResponse;
    external_psk_proposal, ExternalPskProposalRequest, ProposalResponse;
    resumption_psk_proposal, ResumptionPskProposalRequest, ProposalResponse;
    group_context_extensions_proposal, GroupContextExtensionsProposalRequest, ProposalResponse;
    re_init_proposal, ReInitProposalRequest, ProposalResponse;
    re_init_commit, CommitRequest, CommitResponse;
    handle_pending_re_init_commit, HandlePendingCommitRequest, HandleReInitCommitResponse;
    handle_re_init_commit, HandleCommitRequest, HandleReInitCommitResponse;
    re_init_welcome, ReInitWelcomeRequest, CreateSubgroupResponse;
    handle_re_init_welcome, HandleReInitWelcomeRequest, JoinGroupResponse;
    create_branch, CreateBranchRequest, CreateSubgroupResponse;
    handle_branch, HandleBranchRequest, HandleBranchResponse;
    new_member_add_proposal, NewMemberAddProposalRequest, NewMemberAddProposalResponse;
    create_external_signer, CreateExternalSignerRequest, CreateExternalSignerResponse;
    add_external_signer, AddExternalSignerRequest, ProposalResponse;
    external_signer_proposal, ExternalSignerProposalRequest, ProposalResponse;
}
