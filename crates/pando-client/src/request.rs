//! The requests of operations (docs/protocol.md, sections 5, 7 and 10 to 15).

use crate::answer::{BYTES_MEDIA_TYPE, MEDIA_TYPE};
use crate::draft::Draft;
use crate::error::CallError;
use crate::operation::Operation;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Method;
use pando_api::{Digest, Domain, Envelope, GroupAddress};
use pando_mls::GroupId;
use std::fmt::Debug;
use tls_codec::{DeserializeBytes, Serialize};

/// The limits of the bodies of answers in bytes. An answer above its limit is not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerLimits {
    /// The most bytes of a blob. Default: 64 MiB.
    pub blob: usize,
    /// The most bytes of any other long answer. A page of a log may consist of one entry, which may
    /// be a GroupInfo with its tree. Default: 136 MiB.
    pub long: usize,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self { blob: 64 << 20, long: 136 << 20 }
    }
}

impl Operation {
    /// Encodes the request to the server of a domain.
    pub(crate) fn draft(&self, domain: &Domain, limits: &AnswerLimits) -> Result<Draft, CallError> {
        let group = |group_id: &GroupId, below: &str| {
            let address = GroupAddress::new(group_id, domain).map_err(|error| unencodable(&error))?;
            Ok::<_, CallError>(format!("/v1/groups/{}/{below}", address.path_segment()))
        };
        let short = |path: &str| Draft::new(Method::GET, path.to_owned());
        let long = |path: String| Draft { answer_limit: limits.long, ..Draft::new(Method::GET, path) };
        Ok(match self {
            Self::Describe => short("/.well-known/pando"),
            Self::CheckHealth => short("/healthz"),
            Self::CreateGroup(body) => post("/v1/groups".to_owned(), "group_bytes", body)?,
            Self::ListGroups => long("/v1/groups".to_owned()),
            Self::SubmitCommit(id, body) => post(group(id, "commits")?, "commit_bytes", body)?,
            Self::SubmitMessage(id, body) => post(group(id, "messages")?, "message_bytes", body)?,
            Self::ReadState(id) => long(group(id, "info")?),
            Self::ReadTree { group_id, tree_hash, range, .. } => {
                let hash = BASE64_URL_SAFE_NO_PAD.encode(tree_hash);
                Draft { range: *range, ..long(group(group_id, &format!("trees/{hash}"))?) }
            }
            Self::RequestRemoval(id, body) => post(group(id, "removals")?, OTHER, body)?,
            Self::ReadLog { group_id, after, limit, wait } => {
                let limit = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
                let query = Some(format!("after={after}{limit}&wait={wait}"));
                Draft { query, wait: *wait, ..long(group(group_id, "log")?) }
            }
            Self::Acknowledge(id, body) => post(group(id, "acknowledgements")?, OTHER, body)?,
            Self::UploadKeyPackages(body) => {
                post("/v1/key-packages".to_owned(), "key_package_upload_bytes", body)?
            }
            Self::CountKeyPackages => short("/v1/key-packages"),
            Self::ClaimKeyPackages(body) => {
                let claim = post("/v1/key-packages/claims".to_owned(), OTHER, body)?;
                Draft { answer_limit: limits.long, ..claim }
            }
            Self::ReadInbox { after, wait } => {
                let query = Some(format!("after={after}&wait={wait}"));
                Draft { query, wait: *wait, ..long("/v1/inbox".to_owned()) }
            }
            Self::RemoveInboxEntry(seq) => Draft::new(Method::DELETE, format!("/v1/inbox/{seq}")),
            Self::StoreBlob { contents, expires } => {
                let put = Draft::new(Method::PUT, format!("/v1/blobs/{}", Digest::of(contents)));
                let put = Draft { query: Some(format!("expires={expires}")), limit: "blob_bytes", ..put };
                put.with_body(BYTES_MEDIA_TYPE, contents.clone())
            }
            Self::ReadBlob { digest, range } => {
                let get = short(&format!("/v1/blobs/{digest}"));
                Draft { range: *range, answer_limit: limits.blob, ..get }
            }
            Self::FileReport(id, body) => post(group(id, "reports")?, OTHER, body)?,
            Self::ListReports(id) => long(group(id, "reports")?),
            Self::ResetGroup(id, body) => post(group(id, "reset")?, "group_bytes", body)?,
        })
    }
}

/// The name of the limit of most requests.
const OTHER: &str = "request_bytes";

/// Returns a request with a body in its envelope.
fn post<T>(path: String, limit: &'static str, body: &T) -> Result<Draft, CallError>
where
    T: Clone + Debug + Serialize + DeserializeBytes,
{
    let body = Envelope::encode_body(body.clone()).map_err(|error| unencodable(&error))?;
    Ok(Draft { limit, ..Draft::new(Method::POST, path) }.with_body(MEDIA_TYPE, body.into()))
}

fn unencodable(why: &dyn ToString) -> CallError {
    CallError::Unencodable(why.to_string())
}
