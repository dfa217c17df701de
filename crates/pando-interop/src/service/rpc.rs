//! The gRPC requests. Each request calls the function of [`Clients`] with the same name.

use super::clients::Clients;
use super::failure::Outcome;
use crate::proto::mls_client_server::MlsClient;
use crate::proto::{
    AddExternalSignerRequest, AddProposalRequest, CommitRequest, CommitResponse, CreateBranchRequest,
    CreateExternalSignerRequest, CreateExternalSignerResponse, CreateGroupRequest, CreateGroupResponse,
    CreateKeyPackageRequest, CreateKeyPackageResponse, CreateSubgroupResponse, ExportRequest, ExportResponse,
    ExternalJoinRequest, ExternalJoinResponse, ExternalPskProposalRequest, ExternalSignerProposalRequest,
    FreeRequest, FreeResponse, GroupContextExtensionsProposalRequest, GroupInfoRequest, GroupInfoResponse,
    HandleBranchRequest, HandleBranchResponse, HandleCommitRequest, HandleCommitResponse,
    HandlePendingCommitRequest, HandleReInitCommitResponse, HandleReInitWelcomeRequest, JoinGroupRequest,
    JoinGroupResponse, NameRequest, NameResponse, NewMemberAddProposalRequest, NewMemberAddProposalResponse,
    ProposalResponse, ProtectRequest, ProtectResponse, ReInitProposalRequest, ReInitWelcomeRequest,
    RemoveProposalRequest, ResumptionPskProposalRequest, StateAuthRequest, StateAuthResponse,
    StorePskRequest, StorePskResponse, SupportedCiphersuitesRequest, SupportedCiphersuitesResponse,
    UnprotectRequest, UnprotectResponse, UpdateProposalRequest,
};
use pando_mls::CipherSuite;
use std::sync::{Arc, Mutex, PoisonError};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// The gRPC server that answers the requests.
pub(super) struct Service(Arc<Mutex<Clients>>);

impl Service {
    pub(super) fn new(clients: Clients) -> Self {
        Self(Arc::new(Mutex::new(clients)))
    }

    /// Serves a request on a separate thread so that it does not block the network threads.
    async fn call<Q: Send + 'static, R: Send + 'static>(
        &self,
        request: Request<Q>,
        serve: fn(&mut Clients, Q) -> Outcome<R>,
    ) -> Answer<R> {
        let (clients, request) = (Arc::clone(&self.0), request.into_inner());
        let served = tokio::task::spawn_blocking(move || {
            let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
            serve(&mut clients, request)
        });
        let served = served.await.map_err(|error| Status::internal(error.to_string()))?;
        served.map(Response::new).map_err(Status::from)
    }
}

#[tonic::async_trait]
impl MlsClient for Service {
    async fn name(&self, _: Request<NameRequest>) -> Answer<NameResponse> {
        Ok(Response::new(NameResponse { name: "Pando".into() }))
    }

    async fn supported_ciphersuites(
        &self,
        _: Request<SupportedCiphersuitesRequest>,
    ) -> Answer<SupportedCiphersuitesResponse> {
        let ciphersuites = CipherSuite::ALL.iter().map(|suite| suite.0.into()).collect();
        Ok(Response::new(SupportedCiphersuitesResponse { ciphersuites }))
    }

    async fn create_group(&self, request: Request<CreateGroupRequest>) -> Answer<CreateGroupResponse> {
        self.call(request, Clients::create_group).await
    }

    async fn create_key_package(
        &self,
        request: Request<CreateKeyPackageRequest>,
    ) -> Answer<CreateKeyPackageResponse> {
        self.call(request, Clients::create_key_package).await
    }

    async fn join_group(&self, request: Request<JoinGroupRequest>) -> Answer<JoinGroupResponse> {
        self.call(request, Clients::join_group).await
    }

    async fn external_join(&self, request: Request<ExternalJoinRequest>) -> Answer<ExternalJoinResponse> {
        self.call(request, Clients::external_join).await
    }

    async fn free(&self, request: Request<FreeRequest>) -> Answer<FreeResponse> {
        self.call(request, Clients::free).await
    }

    async fn group_info(&self, request: Request<GroupInfoRequest>) -> Answer<GroupInfoResponse> {
        self.call(request, Clients::group_info).await
    }

    async fn state_auth(&self, request: Request<StateAuthRequest>) -> Answer<StateAuthResponse> {
        self.call(request, Clients::state_auth).await
    }

    async fn export(&self, request: Request<ExportRequest>) -> Answer<ExportResponse> {
        self.call(request, Clients::export).await
    }

    async fn protect(&self, request: Request<ProtectRequest>) -> Answer<ProtectResponse> {
        self.call(request, Clients::protect).await
    }

    async fn unprotect(&self, request: Request<UnprotectRequest>) -> Answer<UnprotectResponse> {
        self.call(request, Clients::unprotect).await
    }

    async fn store_psk(&self, request: Request<StorePskRequest>) -> Answer<StorePskResponse> {
        self.call(request, Clients::store_psk).await
    }

    async fn add_proposal(&self, request: Request<AddProposalRequest>) -> Answer<ProposalResponse> {
        self.call(request, Clients::add_proposal).await
    }

    async fn update_proposal(&self, request: Request<UpdateProposalRequest>) -> Answer<ProposalResponse> {
        self.call(request, Clients::update_proposal).await
    }

    async fn remove_proposal(&self, request: Request<RemoveProposalRequest>) -> Answer<ProposalResponse> {
        self.call(request, Clients::remove_proposal).await
    }

    async fn external_psk_proposal(
        &self,
        request: Request<ExternalPskProposalRequest>,
    ) -> Answer<ProposalResponse> {
        self.call(request, Clients::external_psk_proposal).await
    }

    async fn resumption_psk_proposal(
        &self,
        request: Request<ResumptionPskProposalRequest>,
    ) -> Answer<ProposalResponse> {
        self.call(request, Clients::resumption_psk_proposal).await
    }

    async fn group_context_extensions_proposal(
        &self,
        request: Request<GroupContextExtensionsProposalRequest>,
    ) -> Answer<ProposalResponse> {
        self.call(request, Clients::group_context_extensions_proposal).await
    }

    async fn re_init_proposal(&self, request: Request<ReInitProposalRequest>) -> Answer<ProposalResponse> {
        self.call(request, Clients::re_init_proposal).await
    }

    async fn new_member_add_proposal(
        &self,
        request: Request<NewMemberAddProposalRequest>,
    ) -> Answer<NewMemberAddProposalResponse> {
        self.call(request, Clients::new_member_add_proposal).await
    }

    async fn create_external_signer(
        &self,
        request: Request<CreateExternalSignerRequest>,
    ) -> Answer<CreateExternalSignerResponse> {
        self.call(request, Clients::create_external_signer).await
    }

    async fn add_external_signer(
        &self,
        request: Request<AddExternalSignerRequest>,
    ) -> Answer<ProposalResponse> {
        self.call(request, Clients::add_external_signer).await
    }

    async fn external_signer_proposal(
        &self,
        request: Request<ExternalSignerProposalRequest>,
    ) -> Answer<ProposalResponse> {
        self.call(request, Clients::external_signer_proposal).await
    }

    async fn commit(&self, request: Request<CommitRequest>) -> Answer<CommitResponse> {
        self.call(request, Clients::commit).await
    }

    async fn handle_commit(&self, request: Request<HandleCommitRequest>) -> Answer<HandleCommitResponse> {
        self.call(request, Clients::handle_commit).await
    }

    async fn handle_pending_commit(
        &self,
        request: Request<HandlePendingCommitRequest>,
    ) -> Answer<HandleCommitResponse> {
        self.call(request, Clients::handle_pending_commit).await
    }

    async fn handle_re_init_commit(
        &self,
        request: Request<HandleCommitRequest>,
    ) -> Answer<HandleReInitCommitResponse> {
        self.call(request, Clients::handle_re_init_commit).await
    }

    async fn handle_pending_re_init_commit(
        &self,
        request: Request<HandlePendingCommitRequest>,
    ) -> Answer<HandleReInitCommitResponse> {
        self.call(request, Clients::handle_pending_re_init_commit).await
    }

    async fn re_init_welcome(
        &self,
        request: Request<ReInitWelcomeRequest>,
    ) -> Answer<CreateSubgroupResponse> {
        self.call(request, Clients::re_init_welcome).await
    }

    async fn handle_re_init_welcome(
        &self,
        request: Request<HandleReInitWelcomeRequest>,
    ) -> Answer<JoinGroupResponse> {
        self.call(request, Clients::handle_re_init_welcome).await
    }

    async fn create_branch(&self, request: Request<CreateBranchRequest>) -> Answer<CreateSubgroupResponse> {
        self.call(request, Clients::create_branch).await
    }

    async fn handle_branch(&self, request: Request<HandleBranchRequest>) -> Answer<HandleBranchResponse> {
        self.call(request, Clients::handle_branch).await
    }

    /// Creates an ordinary Commit. Unlike other Commits, this Commit starts the last epoch of the
    /// group.
    async fn re_init_commit(&self, request: Request<CommitRequest>) -> Answer<CommitResponse> {
        self.call(request, Clients::commit).await
    }
}
