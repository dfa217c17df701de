//! A member repeats the content of its own messages and of those of others.

use crate::fixture::{ALICE, BOB, CAROL, Tale, alarms, client, shown, texts, three};
use crate::rogue::{Flaw, Rogue};
use pando_api::{MessageContent, MessageId, SignedHead, SubmitMessage};
use pando_client::{Event, Operation};
use pando_mls::{Encode, GroupId, LeafIndex};
use pando_store::session::no_rows;

/// Lets a member encrypt and send content with an identifier and a head of its choice.
pub(crate) fn send(
    story: &mut Tale,
    name: &str,
    group_id: &GroupId,
    id: MessageId,
    head: Option<SignedHead>,
) {
    let content = MessageContent {
        id,
        head,
        media_type: b"text/plain".as_slice().into(),
        expires: 0,
        body: b"hello".as_slice().into(),
        extensions: Vec::new(),
    };
    let session = story.engine(name).unwrap().session();
    let content = content.encode().unwrap();
    let message = session.send(group_id, &content[..], no_rows);
    submit(story, name, group_id, message.unwrap());
}

fn submit(story: &mut Tale, name: &str, group_id: &GroupId, message: Vec<u8>) {
    let request = SubmitMessage { message: message.into() };
    story.call(name, &Operation::SubmitMessage(group_id.clone(), request)).unwrap();
}

#[test]
fn a_repeated_identifier_is_shown_once() {
    let (mut story, group_id) = three();
    let id = MessageId([5; 16]);
    send(&mut story, CAROL, &group_id, id, None);
    story.run(&[BOB], 2).unwrap();
    send(&mut story, CAROL, &group_id, id, None);
    story.reopen(BOB).unwrap();
    story.run(&[BOB], 2).unwrap();
    assert_eq!(texts(&story, BOB), [shown(3, CAROL, "hello")]);
    let sender = Some(client(CAROL).parse().unwrap());
    assert_eq!(alarms(&story, BOB), [Event::ReplayedMessage { sender, message: id, seq: 4 }]);
}

/// The identifier of another member's message does not suppress that message: both are shown, each
/// as its sender's own.
#[test]
fn an_identifier_belongs_to_its_sender() {
    let (mut story, group_id) = three();
    let id = MessageId([5; 16]);
    send(&mut story, CAROL, &group_id, id, None);
    send(&mut story, ALICE, &group_id, id, None);
    story.run(&[BOB], 2).unwrap();
    assert_eq!(texts(&story, BOB), [shown(3, CAROL, "hello"), shown(4, ALICE, "hello")]);
    assert_eq!(alarms(&story, BOB), []);
}

/// Alice has made the epoch, so she knows the ratchets of all members. She encrypts Bob's signed
/// content again, and Carol recognises it.
#[test]
fn signed_content_that_another_member_encrypts_again_is_recognised() {
    let (mut story, group_id) = three();
    let log = story.read_log(ALICE, &group_id, 0).unwrap();
    let head = crate::forger::Forger::new(&group_id, log).head(2);
    let (request, epoch) = Rogue::of(&mut story, ALICE, &group_id).commit(Flaw::Nothing, Some(head));
    story.call(ALICE, &Operation::SubmitCommit(group_id.clone(), request)).unwrap();
    story.run(&[BOB, CAROL], 2).unwrap();
    crate::fixture::say(&mut story, BOB, &group_id, "one");
    story.run(&[CAROL], 2).unwrap();
    let log = story.read_log(ALICE, &group_id, 0).unwrap();
    let signer = std::sync::Arc::clone(&story.certified(BOB).unwrap().signer);
    let replayed = epoch.replay(&log[3].message, LeafIndex(0), &*signer);
    assert_ne!(replayed, log[3].message.to_vec());
    submit(&mut story, ALICE, &group_id, replayed);
    story.run(&[BOB, CAROL], 3).unwrap();
    assert_eq!(texts(&story, CAROL), [shown(4, BOB, "one")]);
    let alarms = alarms(&story, CAROL);
    let [Event::ReplayedMessage { sender: Some(sender), seq: 5, .. }] = &alarms[..] else {
        panic!("{alarms:?}")
    };
    assert_eq!(sender.as_str(), client(BOB));
    assert_eq!(texts(&story, BOB), []);
}
