//! A server that follows a group: by a description that somebody has made up, and with messages that were changed.

use crate::live::{edited, live};
use pando_mls::{Decode, Encode, GroupInfo, Limits, MlsMessage, PublicGroup, PublicProcessed};

/// The first byte says how many edits of the description come first, of four bytes each; then there are messages.
pub fn public_group(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let (edits, mut bytes) = bytes.split_at(bytes.len().min(usize::from(first % 8) * 4));
    let live = live(*first);
    let described = edited(&live.group_info.encode().expect("encodes"), edits);
    let Ok(mut group_info) = GroupInfo::decode(&described) else { return };
    // Half of the descriptions are signed by a member after they were changed.
    if first & 0x20 != 0 {
        live.sign_group_info(&mut group_info);
    }
    let policy = live.policy();
    let observed = PublicGroup::new(live.suite, &group_info, None, policy, Limits::default());
    let Ok((mut group, delta)) = observed else { return };
    let mut rows = pando_mls::Rows::new();
    delta.apply(&mut rows);
    let mut number = 0;
    while let ([which, edits, rest @ ..], 0..24) = (bytes, number) {
        let (edits, behind) = rest.split_at(rest.len().min(usize::from(edits % 4) * 4));
        bytes = behind;
        number += 1;
        let message = edited(&live.honest[usize::from(*which) % live.honest.len()], edits);
        let Ok(message) = MlsMessage::decode(&message) else { continue };
        let epoch = group.public().context().epoch;
        let Ok((processed, delta)) = group.process(message, policy, None) else { continue };
        delta.apply(&mut rows);
        assert_eq!(group.public().context().epoch, epoch, "nothing is merged yet");
        if let PublicProcessed::Commit(staged) = processed {
            let delta = group.merge(*staged).expect("it follows");
            delta.apply(&mut rows);
        }
    }
    assert!(group.rows().expect("rows") == rows, "what was stored is not what there is");
}
