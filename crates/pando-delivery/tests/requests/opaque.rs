//! Altered requests that are valid, because the server cannot know or need not know the altered
//! field (docs/protocol.md, sections 7, 10 and 12).
//!
//! Each reason stands for a function that removes the field from a request. An altered request is
//! valid for this reason if and only if it is then equal to the original.

use crate::recorder::operation;
use crate::requests::Draft;
use pando_api::{
    Acknowledgement, ClaimKeyPackages, CreateGroup, Envelope, Reset, SubmitCommit, SubmitMessage,
};
use pando_mls::wire::HpkeCiphertext;
use pando_mls::{Decode, Encode, MlsMessage, MlsMessageBody, Opaque};

/// The server has no key of the group, so it cannot verify membership tags.
const MEMBERSHIP_TAG: &str = "membership tag";
/// The server does not have the private keys of the joiners.
const WELCOME: &str = "ciphertexts of a Welcome";
/// The ciphertexts and the authenticated data of application messages are for members.
const APPLICATION: &str = "contents of an application message";
/// Messages of the last epochs are accepted. The server cannot tell the epoch of a ciphertext.
const PAST_EPOCH: &str = "past epoch of an application message";
/// A claim of other KeyPackages, or of those of another user, is a claim.
const CLAIM: &str = "another claim";
/// An acknowledgement of an earlier entry is ignored or stored.
const EARLIER: &str = "earlier acknowledgement";

/// Returns why an altered request is valid, or `None` if it must be refused.
pub(crate) fn reason(original: &Draft, body: &[u8]) -> Option<&'static str> {
    let before = &original.body;
    match operation(original).as_str() {
        "POST /groups/{group}/messages" => message(before, body),
        "POST /groups/{group}/commits" => {
            commit(&Envelope::decode_body(before).unwrap(), &Envelope::decode_body(body).ok()?)
        }
        "POST /groups" => {
            creation(&Envelope::decode_body(before).unwrap(), &Envelope::decode_body(body).ok()?)
        }
        "POST /groups/{group}/reset" => {
            let (before, after): (Reset, Reset) =
                (Envelope::decode_body(before).unwrap(), Envelope::decode_body(body).ok()?);
            let same = before.last_good_epoch == after.last_good_epoch;
            creation(&before.successor, &after.successor).filter(|_| same)
        }
        "POST /key-packages/claims" => Envelope::<ClaimKeyPackages>::decode_body(body).ok().map(|_| CLAIM),
        "POST /groups/{group}/acknowledgements" => {
            let (before, after): (Acknowledgement, Acknowledgement) =
                (Envelope::decode_body(before).unwrap(), Envelope::decode_body(body).ok()?);
            (after.seq <= before.seq).then_some(EARLIER)
        }
        _ => None,
    }
}

fn message(before: &[u8], after: &[u8]) -> Option<&'static str> {
    let before: SubmitMessage = Envelope::decode_body(before).unwrap();
    let after: SubmitMessage = Envelope::decode_body(after).ok()?;
    if without_tag(&before.message)? == without_tag(&after.message)? {
        return Some(MEMBERSHIP_TAG);
    }
    let (before, mut after) = (without_contents(&before.message)?, without_contents(&after.message)?);
    if before == after {
        return Some(APPLICATION);
    }
    let epochs = |message: &MlsMessage| match &message.body {
        MlsMessageBody::PrivateMessage(message) => message.epoch,
        _ => 0,
    };
    let is_past = epochs(&after) + 1 == epochs(&before);
    if let MlsMessageBody::PrivateMessage(after) = &mut after.body {
        after.epoch += 1;
    }
    (is_past && before == after).then_some(PAST_EPOCH)
}

fn creation(before: &CreateGroup, after: &CreateGroup) -> Option<&'static str> {
    let same = before.group_info == after.group_info;
    commit(before.first_commit.as_ref()?, after.first_commit.as_ref()?).filter(|_| same)
}

fn commit(before: &SubmitCommit, after: &SubmitCommit) -> Option<&'static str> {
    if before.group_info != after.group_info {
        return None;
    }
    if before.welcome == after.welcome {
        return (without_tag(&before.commit)? == without_tag(&after.commit)?).then_some(MEMBERSHIP_TAG);
    }
    let same = before.commit == after.commit && !after.welcome.is_empty();
    (same && without_secrets(&before.welcome)? == without_secrets(&after.welcome)?).then_some(WELCOME)
}

/// Returns a handshake without its membership tag. An external Commit has none.
fn without_tag(bytes: &Opaque) -> Option<Vec<u8>> {
    let mut message = MlsMessage::decode(bytes).ok()?;
    if let MlsMessageBody::PublicMessage(public) = &mut message.body
        && public.membership_tag.is_some()
    {
        public.membership_tag = Some(Vec::new().into());
    }
    message.encode().ok()
}

/// Returns a Welcome without its ciphertexts.
fn without_secrets(bytes: &Opaque) -> Option<MlsMessage> {
    let mut message = MlsMessage::decode(bytes).ok()?;
    if let MlsMessageBody::Welcome(welcome) = &mut message.body {
        welcome.encrypted_group_info = Vec::new().into();
        for secrets in &mut welcome.secrets {
            secrets.encrypted_group_secrets =
                HpkeCiphertext { kem_output: Vec::new().into(), ciphertext: Vec::new().into() };
        }
    }
    Some(message)
}

/// Returns an application message without its contents.
fn without_contents(bytes: &Opaque) -> Option<MlsMessage> {
    let mut message = MlsMessage::decode(bytes).ok()?;
    let MlsMessageBody::PrivateMessage(private) = &mut message.body else { return None };
    private.authenticated_data = Vec::new().into();
    private.encrypted_sender_data = Vec::new().into();
    private.ciphertext = Vec::new().into();
    Some(message)
}
