//! The service.

use crate::proto::mls_client_server::{MlsClient, MlsClientServer};
use crate::proto::{NameRequest, NameResponse, SupportedCiphersuitesRequest, SupportedCiphersuitesResponse};
use pando_mls::CipherSuite;
use std::error::Error;
use std::net::SocketAddr;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// What answers the requests.
#[derive(Debug, Default)]
pub struct Service;

/// Answers requests at an address, until the process ends.
///
/// # Errors
/// If the address cannot be listened at.
pub fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(Server::builder().add_service(MlsClientServer::new(Service)).serve(address))?;
    Ok(())
}

#[tonic::async_trait]
impl MlsClient for Service {
    async fn name(&self, _: Request<NameRequest>) -> Result<Response<NameResponse>, Status> {
        Ok(Response::new(NameResponse { name: "Pando".into() }))
    }

    async fn supported_ciphersuites(
        &self,
        _: Request<SupportedCiphersuitesRequest>,
    ) -> Result<Response<SupportedCiphersuitesResponse>, Status> {
        let ciphersuites = CipherSuite::ALL.iter().map(|suite| suite.0.into()).collect();
        Ok(Response::new(SupportedCiphersuitesResponse { ciphersuites }))
    }
}
