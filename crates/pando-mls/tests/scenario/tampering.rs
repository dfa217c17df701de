//! Commits that are altered in transit, in parts that can be verified only with secrets, and
//! servers that receive them.

use crate::group_fixture::GroupFixture;
use crate::server::Server;
use pando_mls::wire::PublicMessage;
use pando_mls::{
    CommitBuilder, CryptoError, FramingError, GroupError, GroupInfo, MlsMessage, MlsMessageBody, Suite,
};

/// The order of the group of P-256, which the signatures of suite 2 use.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Returns the signature (r, n - s), which is valid if (r, s) is valid.
fn twin(signature: &[u8]) -> Vec<u8> {
    // The signature is a SEQUENCE of two INTEGERs. Each length is below 128, so it takes one byte.
    let [0x30, _, 0x02, r_len, rest @ ..] = signature else { panic!("not DER: {signature:?}") };
    let (r, rest) = rest.split_at(usize::from(*r_len));
    let [0x02, _, s @ ..] = rest else { panic!("not DER: {signature:?}") };
    let s = s.strip_prefix(&[0]).unwrap_or(s);
    let mut difference = ORDER;
    let mut borrow = false;
    for (from_end, digit) in difference.iter_mut().rev().enumerate() {
        let subtrahend = s.iter().rev().nth(from_end).copied().unwrap_or_default();
        let (without_borrow, below) = digit.overflowing_sub(subtrahend);
        let (result, below_by_borrow) = without_borrow.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (result, below || below_by_borrow);
    }
    assert!(!borrow, "s is below the order");
    let first = difference.iter().position(|digit| *digit != 0).unwrap();
    let integer = [&[0][..difference[first] as usize >> 7], &difference[first..]].concat();
    let [r_len, s_len] = [r.len(), integer.len()].map(|len| u8::try_from(len).unwrap());
    [&[0x30, r_len + s_len + 4, 0x02, r_len], r, &[0x02, s_len], &integer].concat()
}

fn altered(message: &MlsMessage, alter: impl FnOnce(&mut PublicMessage)) -> MlsMessage {
    let mut message = message.clone();
    match &mut message.body {
        MlsMessageBody::PublicMessage(message) => alter(message),
        other => panic!("not public: {other:?}"),
    }
    message
}

/// Returns a message with an altered confirmation tag.
pub(crate) fn with_another_tag(message: &MlsMessage) -> MlsMessage {
    altered(message, |message| {
        let mut tag = message.auth.confirmation_tag.clone().unwrap().to_vec();
        tag[5] ^= 0x10;
        message.auth.confirmation_tag = Some(tag.into());
    })
}

pub(crate) fn with_another_signature(message: &MlsMessage) -> MlsMessage {
    altered(message, |message| message.auth.signature = twin(&message.auth.signature).into())
}

/// Returns a group whose members send public Commits, and a server that follows the group.
pub(crate) fn world_and_server(suite: Suite, members: usize) -> (GroupFixture, Server) {
    let mut fixture = GroupFixture::public(suite);
    fixture.add(0, members - 1);
    let server = Server::of(&fixture);
    (fixture, server)
}

/// Creates a Commit, together with the GroupInfo that its committer sends to the server. All
/// members merge the Commit.
pub(crate) fn commit(
    fixture: &mut GroupFixture,
    by: usize,
    fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
) -> (MlsMessage, GroupInfo) {
    let rng = &mut fixture.rng;
    let built = fixture.members[by].operate(|group, cx| {
        let output = fill(group.commit()).with_group_info().build(&cx, rng)?;
        Ok(output.map(|output| (output.message, output.group_info.unwrap())))
    });
    let (message, group_info) = built.unwrap();
    fixture.deliver_commit(by, &message);
    (message, group_info)
}

/// Returns the error for a signature that is invalid with the server's GroupContext.
pub(crate) fn bad_signature() -> GroupError {
    GroupError::Framing(FramingError::Crypto(CryptoError::InvalidSignature))
}
