//! A server that follows a group: by a description that somebody has made up, and with messages that were changed.

use crate::live::{edited, live};
use pando_mls::wire::{Mac, PublicMessage};
use pando_mls::{
    Decode, Encode, GroupInfo, Limits, MlsMessage, MlsMessageBody, PublicGroup, PublicProcessed, RowKey,
    Rows, RustCrypto,
};

/// What this bit of the first byte says: that a member signs the description after it was changed.
pub(crate) const SIGNED: u8 = 0x20;

/// The first byte says in which group, and how many edits of the description come first, of four bytes each; then there
/// are messages.
pub fn public_group(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let (edits, mut bytes) = bytes.split_at(bytes.len().min(usize::from(first % 8) * 4));
    let live = live(*first);
    let described = edited(&live.group_info.encode().expect("encodes"), edits);
    let Ok(mut group_info) = GroupInfo::decode(&described) else { return };
    if first & SIGNED != 0 {
        live.sign_group_info(&mut group_info);
    }
    let policy = live.policy();
    let observed = PublicGroup::new(live.suite, &group_info, None, policy, Limits::default());
    let Ok((mut group, delta)) = observed else { return };
    assert!(first & SIGNED != 0 || group_info == live.group_info, "nobody has signed this");
    let mut rows = Rows::new();
    delta.apply(&mut rows).expect("it follows");
    let mut number = 0;
    while let ([which, edits, rest @ ..], 0..24) = (bytes, number) {
        let (edits, behind) = rest.split_at(rest.len().min(usize::from(edits % 4) * 4));
        (bytes, number) = (behind, number + 1);
        let honest = &live.honest[usize::from(*which) % live.honest.len()];
        let Ok(message) = MlsMessage::decode(&edited(honest, edits)) else { continue };
        let epoch = group.public().context().epoch;
        let Ok((processed, delta)) = group.process(message.clone(), policy, &pando_mls::AdmitAll, None)
        else {
            continue;
        };
        let honest = MlsMessage::decode(honest).expect("it was encoded");
        assert!(untagged(message) == untagged(honest), "nobody has sent {processed:?}");
        delta.apply(&mut rows).expect("it follows");
        assert_eq!(group.public().context().epoch, epoch, "nothing is merged yet");
        if let PublicProcessed::Commit(staged) = processed {
            let before = group.rows().expect("rows");
            group.merge_unconfirmed(&staged).expect("it follows").apply(&mut rows).expect("it follows");
            group.roll_back().expect("there is a state before").apply(&mut rows).expect("it follows");
            assert!(are_same(&rows, &before), "it has not returned to the state before");
            group.merge_unconfirmed(&staged).expect("it follows").apply(&mut rows).expect("it follows");
        }
    }
    assert!(group.rows().expect("rows") == rows, "what was stored is not what there is");
    let loaded = PublicGroup::load(&rows, &RustCrypto, policy, Limits::default()).expect("loads");
    assert!(loaded.rows().expect("rows") == rows, "what is loaded is something else");
    assert_eq!(loaded.public().context(), group.public().context());
    assert!(loaded.pending_proposals().eq(group.pending_proposals()));
}

/// Compares rows, but for their position.
fn are_same(one: &Rows, other: &Rows) -> bool {
    let but_position = |(key, _): &(&RowKey, _)| **key != RowKey::State;
    one.iter().filter(but_position).eq(other.iter().filter(but_position))
}

/// A message without the tags, which need the secrets of the group.
fn untagged(message: MlsMessage) -> Option<PublicMessage> {
    let MlsMessageBody::PublicMessage(mut message) = message.body else { return None };
    message.membership_tag = message.membership_tag.map(|_| Mac::default());
    message.auth.confirmation_tag = message.auth.confirmation_tag.map(|_| Mac::default());
    Some(*message)
}
