//! Messages for a member: from an outsider, changed on the way, or made by another member who breaks rules.

use crate::live::{Kept, Live, VICTIM, edited, live};
use pando_framing::SignedContent;
use pando_mls::wire::{Commit, Content, FramedContent, Mac, Sender, WireFormat};
use pando_mls::{Decode, GroupError, LeafIndex, Missing, MlsMessage, Processed, Proposal};
use pando_schedule::MembershipKey;

/// The first byte says what to do with the others.
pub fn process_message(input: &[u8]) {
    let Some((mode, bytes)) = input.split_first() else { return };
    let live = live(*mode);
    match mode % 4 {
        0 => take_all(live, [bytes.to_vec()]),
        1 => take_all(live, script(live, bytes)),
        2 => insider(live, Proposal::decode(bytes).ok().map(Content::Proposal)),
        _ => insider(live, Commit::decode(bytes).ok().map(|commit| Content::Commit(commit.into()))),
    }
}

/// Up to 24 honest messages, in some order, and changed: which one, how many edits, and these.
fn script(live: &Live, mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let ([which, edits, rest @ ..], 0..24) = (bytes, messages.len()) {
        let (edits, behind) = rest.split_at(rest.len().min(usize::from(edits % 4) * 4));
        messages.push(edited(&live.honest[usize::from(*which) % live.honest.len()], edits));
        bytes = behind;
    }
    messages
}

/// A member takes what comes. What nobody has sent is refused; every second Commit is merged.
fn take_all(live: &Live, messages: impl IntoIterator<Item = Vec<u8>>) {
    let client = live.client(VICTIM);
    let mut kept = Kept::new(live.load(VICTIM));
    for (number, bytes) in messages.into_iter().enumerate() {
        let Ok(message) = MlsMessage::decode(&bytes) else { continue };
        let before = (kept.group.epoch(), kept.group.epoch_authenticator().expose().to_vec());
        let taken = kept.group.process(message, &client);
        let after = (kept.group.epoch(), kept.group.epoch_authenticator().expose().to_vec());
        assert_eq!(before, after, "nothing is merged yet");
        let Ok((processed, delta)) = taken else { continue };
        kept.store(delta);
        assert!(live.honest.contains(&bytes), "nobody has sent {processed:?}");
        if let Processed::Commit(staged) = processed
            && number % 2 == 0
        {
            let (_, delta) = kept.group.merge(*staged).expect("it follows");
            kept.store(delta);
        }
    }
    kept.check(&client);
}

/// A member signs what it should not. Whatever becomes of a proposal, the victim can make a Commit; and no Commit has
/// the right confirmation tag.
fn insider(live: &Live, content: Option<Content>) {
    let Some(content) = content else { return };
    let client = live.client(VICTIM);
    let mut kept = Kept::new(live.load(VICTIM));
    let context = kept.group.public().context().clone();
    let is_commit = matches!(content, Content::Commit(_));
    let content = FramedContent {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        sender: Sender::Member(LeafIndex(0)),
        authenticated_data: vec![].into(),
        content,
    };
    let format = WireFormat::MLS_PUBLIC_MESSAGE;
    let signed = SignedContent::sign(live.suite, &*live.signers[0], format, content, &context);
    let mut signed = signed.expect("members may send everything");
    if is_commit {
        signed.set_confirmation_tag(Mac::from(vec![6; 32])).expect("a Commit");
    }
    let key = MembershipKey::from(live.secret(0, "membership_key").expose());
    let message = MlsMessage::from(signed.seal_public(live.suite, Some(&key)).expect("seals"));
    if let Ok((processed, delta)) = kept.group.process(message, &client) {
        kept.store(delta);
        assert!(!is_commit || staged_without_me(&processed), "a Commit without the right tag");
    }
    let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
    match kept.group.commit().build(&client, &mut rng) {
        Ok(commit) => {
            kept.store(commit.delta);
            let delta = kept.group.merge_pending().expect("it is pending");
            kept.store(delta);
        }
        // Whether PSKs are at hand, a committer looks at when it needs them.
        Err(error) => assert!(matches!(error, GroupError::Missing(Missing::Psk(_))), "{error}"),
    }
    kept.check(&client);
}

/// Who is removed cannot know whether the tag is right.
fn staged_without_me(processed: &Processed) -> bool {
    matches!(processed, Processed::Commit(staged) if staged.removes_me())
}
