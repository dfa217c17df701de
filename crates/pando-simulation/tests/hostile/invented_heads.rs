//! A member invents a head, to frame the server.

use crate::fixture::{ALICE, BOB, CAROL, alarms, client, other_key, state, texts, three};
use crate::forger::Forger;
use crate::insider_messages::send;
use crate::rogue::{Flaw, Rogue};
use pando_api::{EntryKind, Head, LogEntry, MessageId, ProblemCode, SignedHead};
use pando_client::{Event, Operation};

/// Returns a false head with the signature of another key, with no valid signature, and with the
/// server's signature of the head of another group.
fn invented(head: &Head) -> [SignedHead; 3] {
    let false_head = Head { hash: [7; 32].into(), ..head.clone() };
    let by_other = false_head.clone().sign(&other_key()).unwrap();
    let unsigned = false_head.sign(&crate::fixture::server_key()).unwrap();
    let unsigned = SignedHead { signature: vec![7; 64].into(), ..unsigned };
    let elsewhere = Head { group_id: b"0123456789abcdef".as_slice().into(), ..head.clone() };
    [by_other, unsigned, elsewhere.sign(&crate::fixture::server_key()).unwrap()]
}

#[test]
fn an_invented_head_in_a_message_blames_its_sender() {
    let (mut story, group_id) = three();
    let honest = Forger::of(&mut story, &group_id, ALICE, &[1, 2]).head(2).head;
    for (seq, head) in (3..).zip(invented(&honest)) {
        let id = MessageId([u8::try_from(seq).unwrap(); 16]);
        send(&mut story, CAROL, &group_id, id, Some(head));
        story.run(&[BOB], 5).unwrap();
        let sender = Some(client(CAROL).parse().unwrap());
        let alarms = alarms(&story, BOB);
        assert_eq!(alarms.last(), Some(&Event::HeadInvented { sender, seq }));
        assert_eq!(alarms.len() as u64, seq - 2, "{alarms:?}");
        assert_eq!(texts(&story, BOB).len() as u64, seq - 2);
    }
}

/// The server's own signature cannot be invented: such a head is evidence against the server.
#[test]
fn a_signed_false_head_in_a_message_blames_the_server() {
    let (mut story, group_id) = three();
    let honest = Forger::of(&mut story, &group_id, ALICE, &[1, 2]).head(2).head;
    let signed = Head { hash: [7; 32].into(), ..honest }.sign(&crate::fixture::server_key()).unwrap();
    send(&mut story, CAROL, &group_id, MessageId([1; 16]), Some(signed));
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::ServerEquivocated(_)]), "{alarms:?}");
    crate::fixture::check_evidence(&alarms[0]);
}

/// The server refuses a Commit with an invented head. If it is in league with the committer, the
/// members blame the committer, and the Commit takes effect, because it was ordered.
#[test]
fn an_invented_head_in_a_handshake_blames_the_committer() {
    let (mut story, group_id) = three();
    let log = story.read_log(ALICE, &group_id, 0).unwrap();
    let honest = Forger::new(&group_id, log.clone()).head(2).head;
    for head in invented(&honest) {
        let (request, _) = Rogue::of(&mut story, ALICE, &group_id).commit(Flaw::Nothing, Some(head));
        let refused = story.call(ALICE, &Operation::SubmitCommit(group_id.clone(), request.clone()));
        assert_eq!(refused.unwrap_err().code(), Some(ProblemCode::UnknownHead));

        let (mut story, group_id) = three();
        assert_eq!(state(&mut story, BOB, &group_id).0, 1);
        let forger = Forger::new(&group_id, story.read_log(ALICE, &group_id, 0).unwrap());
        let last = log[1].clone();
        let entry = LogEntry { kind: EntryKind::Commit, epoch: 1, message: request.commit.clone(), ..last };
        forger.push(entry);
        forger.serve(&mut story, BOB);
        story.run(&[BOB], 5).unwrap();
        let sender = Some(client(ALICE).parse().unwrap());
        assert_eq!(alarms(&story, BOB), [Event::HeadInvented { sender, seq: 3 }]);
        assert_eq!(state(&mut story, BOB, &group_id).0, 2);
    }
}
