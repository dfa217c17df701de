//! The requests of a script, and their alterations.

use pando_api::{
    Acknowledgement, ClaimKeyPackages, ClaimedKeyPackages, CreateGroup, Receipt, RemovalIntent, Report,
    Reset, SubmitCommit, SubmitMessage, UploadKeyPackages,
};
use pando_delivery::Refusal;
use pando_delivery::group::Caller;
use pando_delivery::service::Service;
use pando_delivery::store::MemoryStore;
use pando_mls::{Decode, Encode, GroupId, MlsMessage, MlsMessageBody, Opaque};
use std::mem::swap;
use std::sync::Arc;

/// If the first byte of an edit has at least this value, the place is in the MLSMessage and counted
/// from its end, where the tags are.
const FROM_END: u8 = 0x80;

/// A request that a client sends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    Create(CreateGroup),
    Commit(SubmitCommit),
    Message(SubmitMessage),
    Removal(RemovalIntent),
    Upload(UploadKeyPackages),
    Claim(ClaimKeyPackages),
    Acknowledge(Acknowledgement),
    Report(Report),
    Reset(Reset),
}

/// The answer to a request that was accepted.
pub(super) enum Answer {
    /// A receipt, and the message for which it is. The server makes the message of a removal.
    Receipt(Receipt, Option<Vec<u8>>),
    Claimed(ClaimedKeyPackages),
    Nothing,
}

impl Request {
    /// Sends the request.
    pub(super) async fn send(
        self,
        service: &Service<Arc<MemoryStore>>,
        (caller, group): (&Caller, &GroupId),
        now: u64,
    ) -> Result<Answer, Refusal> {
        let last = |request: &CreateGroup| {
            let commit = request.first_commit.as_ref();
            commit.map_or(&request.group_info, |commit| &commit.commit).to_vec()
        };
        Ok(match self {
            Self::Create(request) => {
                let message = last(&request);
                Answer::Receipt(service.create_group(caller, request, now).await?, Some(message))
            }
            Self::Commit(request) => {
                let message = request.commit.to_vec();
                Answer::Receipt(service.submit_commit(caller, group, request, now).await?, Some(message))
            }
            Self::Message(request) => {
                let message = request.message.to_vec();
                Answer::Receipt(service.submit_message(caller, group, request, now).await?, Some(message))
            }
            Self::Removal(request) => {
                Answer::Receipt(service.request_removal(caller, group, request, now).await?, None)
            }
            Self::Reset(request) => {
                let message = last(&request.successor);
                Answer::Receipt(service.reset_group(caller, group, request, now).await?, Some(message))
            }
            Self::Claim(request) => Answer::Claimed(service.claim_key_packages(caller, request, now).await?),
            Self::Upload(request) => {
                service.upload_key_packages(caller, request, now).await?;
                Answer::Nothing
            }
            Self::Acknowledge(request) => {
                service.acknowledge(caller, group, request.seq, now).await?;
                Answer::Nothing
            }
            Self::Report(request) => {
                service.file_report(caller, group, request, now).await?;
                Answer::Nothing
            }
        })
    }

    /// Returns the group to which the answer belongs: the new group of a creation or reset.
    pub(super) fn new_group(&self) -> Option<GroupId> {
        let creation = match self {
            Self::Create(request) => request,
            Self::Reset(request) => &request.successor,
            _ => return None,
        };
        match MlsMessage::decode(&creation.group_info).ok()?.body {
            MlsMessageBody::GroupInfo(info) => Some(info.group_context.group_id),
            _ => None,
        }
    }

    /// Returns the request after edits of its encoding, unless it cannot be decoded any more. An
    /// edit has three bytes: the place, and the difference of the byte there.
    pub(super) fn edited(&self, edits: &[u8]) -> Option<Self> {
        fn edit<T: Encode + Decode>(value: &T, edits: &[u8]) -> Option<T> {
            let mut bytes = value.encode().expect("requests are short");
            for edit in edits.as_chunks::<3>().0.iter().filter(|edit| edit[0] < FROM_END) {
                let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % bytes.len();
                bytes[at] ^= edit[2];
            }
            T::decode(&bytes).ok()
        }
        fn edit_end(message: &Opaque, edits: &[u8]) -> Opaque {
            let mut bytes = message.to_vec();
            for edit in edits.as_chunks::<3>().0.iter().filter(|edit| edit[0] >= FROM_END) {
                let at = bytes.len().checked_sub(1 + usize::from(edit[1]));
                if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
                    *byte ^= edit[2];
                }
            }
            bytes.into()
        }
        Some(match self {
            Self::Create(request) => Self::Create(edit(request, edits)?),
            Self::Commit(request) => {
                let mut request: SubmitCommit = edit(request, edits)?;
                request.commit = edit_end(&request.commit, edits);
                Self::Commit(request)
            }
            Self::Message(request) => {
                let request: SubmitMessage = edit(request, edits)?;
                Self::Message(SubmitMessage { message: edit_end(&request.message, edits) })
            }
            Self::Removal(request) => Self::Removal(edit(request, edits)?),
            Self::Upload(request) => Self::Upload(edit(request, edits)?),
            Self::Claim(request) => Self::Claim(edit(request, edits)?),
            Self::Acknowledge(request) => Self::Acknowledge(edit(request, edits)?),
            Self::Report(request) => Self::Report(edit(request, edits)?),
            Self::Reset(request) => Self::Reset(edit(request, edits)?),
        })
    }

    /// Returns the request with a part of another one, which `part` selects.
    pub(super) fn mixed(&self, other: &Self, part: u8) -> Self {
        let mut mixed = self.clone();
        match (&mut mixed, other.clone()) {
            (Self::Commit(one), Self::Commit(mut other)) => match part % 3 {
                0 => swap(&mut one.commit, &mut other.commit),
                1 => swap(&mut one.welcome, &mut other.welcome),
                _ => swap(&mut one.group_info, &mut other.group_info),
            },
            (Self::Commit(one), Self::Message(other)) => one.commit = other.message,
            (Self::Message(one), Self::Commit(other)) => {
                one.message = match part % 3 {
                    0 => other.commit,
                    1 => other.welcome,
                    _ => other.group_info,
                }
            }
            (Self::Create(one), Self::Create(mut other)) => match part % 2 {
                0 => swap(&mut one.group_info, &mut other.group_info),
                _ => swap(&mut one.first_commit, &mut other.first_commit),
            },
            (Self::Create(one), Self::Commit(other)) => one.first_commit = Some(other),
            (Self::Create(one), Self::Reset(other)) => *one = other.successor,
            (Self::Reset(one), Self::Create(other)) => one.successor = other,
            (Self::Reset(one), Self::Reset(other)) => one.last_good_epoch = other.last_good_epoch,
            (Self::Upload(one), Self::Upload(mut other)) => match part % 3 {
                0 => one.key_packages.extend(other.key_packages),
                1 => swap(&mut one.last_resort, &mut other.last_resort),
                _ => {
                    if let Some(first) = other.key_packages.pop() {
                        one.last_resort = first;
                    }
                }
            },
            (Self::Claim(one), Self::Claim(other)) => match part % 2 {
                0 => one.claim_id = other.claim_id,
                _ => one.target = other.target,
            },
            (Self::Report(one), Self::Report(other)) => one.statement = other.statement,
            (Self::Removal(one), Self::Removal(other)) => one.since = other.since,
            (Self::Acknowledge(one), Self::Acknowledge(other)) => *one = other,
            _ => {}
        }
        mixed
    }
}
