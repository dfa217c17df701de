//! The server refuses what it could accept. It cannot be forced, but the client loses nothing and
//! does not hurry.

use crate::fixture::{
    ALICE, BOB, Tale, alarms, certificates, refusal, refuse, say, shown, state, texts, three,
};
use pando_api::ProblemCode;
use pando_client::{CallError, Event, LoginFailure, Operation};

/// The most requests in two minutes, with waits that double up to a minute.
const MOST_REQUESTS: usize = 20;

#[test]
fn an_epoch_conflict_without_end_keeps_the_operation() {
    for code in [ProblemCode::EpochConflict, ProblemCode::StaleEpoch, ProblemCode::UnknownHead] {
        let (mut story, group_id) = three();
        let is_commit = |operation: &Operation| matches!(operation, Operation::SubmitCommit(..));
        let count = refuse(&mut story, BOB, is_commit, move || refusal(code));
        let before = state(&mut story, BOB, &group_id);
        let operation = story.engine(BOB).unwrap().update(&group_id).unwrap();
        story.run(&[BOB], 120).unwrap();
        assert!((1..MOST_REQUESTS).contains(&count.get()), "{code:?}: {}", count.get());
        assert_eq!(story.end_of(BOB, operation).unwrap(), None);
        assert_eq!(state(&mut story, BOB, &group_id), before);
        // A restart changes nothing.
        story.reopen(BOB).unwrap();
        story.run(&[BOB], 5).unwrap();
        assert_eq!(story.end_of(BOB, operation).unwrap(), None);
        // Once the server is honest, the operation is done.
        story.trust(BOB);
        story.run(&[BOB], 90).unwrap();
        assert_eq!(story.end_of(BOB, operation).unwrap(), Some(Event::OperationDone(operation)));
        let (epoch, _, read) = state(&mut story, BOB, &group_id);
        assert_eq!((epoch, read), (2, 3));
    }
}

#[test]
fn a_refused_message_is_sent_once_later() {
    for code in [ProblemCode::EpochConflict, ProblemCode::StaleEpoch, ProblemCode::Overloaded] {
        let (mut story, group_id) = three();
        let is_message = |operation: &Operation| matches!(operation, Operation::SubmitMessage(..));
        let count = refuse(&mut story, BOB, is_message, move || refusal(code));
        story.engine(BOB).unwrap().send(&group_id, "text/plain", b"one", 0).unwrap();
        story.run(&[BOB], 120).unwrap();
        assert!((1..MOST_REQUESTS).contains(&count.get()), "{code:?}: {}", count.get());
        story.trust(BOB);
        story.run(&[BOB], 90).unwrap();
        story.run(&[ALICE], 2).unwrap();
        assert_eq!(texts(&story, ALICE), [shown(3, BOB, "one")]);
        assert_eq!(alarms(&story, ALICE), []);
    }
}

/// A server that claims that the certificate is superseded stops the client. The client says so,
/// and keeps its operations for the time after a restart.
#[test]
fn a_false_logout_stops_the_client_and_loses_nothing() {
    let (mut story, group_id) = three();
    let superseded = || Err(CallError::Login(LoginFailure::Superseded));
    refuse(&mut story, BOB, |_| true, superseded);
    let operation = story.engine(BOB).unwrap().update(&group_id).unwrap();
    let before = state(&mut story, BOB, &group_id);
    story.run(&[BOB], 60).unwrap();
    let seen = alarms(&story, BOB);
    assert!(matches!(&seen[..], [Event::LoggedOut { .. }]), "{seen:?}");
    let calls = story.calls(BOB);
    story.run(&[BOB], 60).unwrap();
    assert_eq!(story.calls(BOB), calls);
    assert_eq!(story.end_of(BOB, operation).unwrap(), None);
    assert_eq!(state(&mut story, BOB, &group_id), before);

    story.trust(BOB);
    story.reopen(BOB).unwrap();
    story.run(&[BOB], 5).unwrap();
    assert_eq!(story.end_of(BOB, operation).unwrap(), Some(Event::OperationDone(operation)));
}

/// A server that says that the group does not exist, or that entries are deleted, stops the reader
/// without harm to its state.
#[test]
fn a_false_gap_stops_the_reader() {
    for code in [ProblemCode::Gap, ProblemCode::NotFound] {
        let (mut story, group_id) = three();
        say(&mut story, ALICE, &group_id, "one");
        let before = state(&mut story, BOB, &group_id);
        let is_read = |operation: &Operation| matches!(operation, Operation::ReadLog { .. });
        let count = refuse(&mut story, BOB, is_read, move || refusal(code));
        story.run(&[BOB], 30).unwrap();
        let alarms = alarms(&story, BOB);
        assert!(matches!(&alarms[..], [Event::Gap | Event::LogRefused { .. }]), "{alarms:?}");
        assert_eq!(count.get(), 1);
        assert_eq!(state(&mut story, BOB, &group_id), before);
    }
}

/// A client whose KeyPackages are refused makes few new ones, and keeps none of the refused ones.
#[test]
fn refused_uploads_become_rare() {
    let mut story = Tale::new(certificates(), &[ALICE], false).unwrap();
    let is_upload = |operation: &Operation| matches!(operation, Operation::UploadKeyPackages(_));
    let count = refuse(&mut story, ALICE, is_upload, || refusal(ProblemCode::InvalidKeyPackage));
    story.run(&[ALICE], 600).unwrap();
    assert!((2..10).contains(&count.get()), "{}", count.get());
    assert_eq!(story.engine(ALICE).unwrap().session().store().key_packages().unwrap().len(), 0);
    story.trust(ALICE);
    story.run(&[ALICE], 900).unwrap();
    assert_eq!(story.engine(ALICE).unwrap().session().store().key_packages().unwrap().len(), 5);
}

/// A group that is said to have ended is read to its end before the client stops.
#[test]
fn the_log_of_an_ended_group_is_read_to_its_end() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "last");
    let is_message = |operation: &Operation| matches!(operation, Operation::SubmitMessage(..));
    refuse(&mut story, BOB, is_message, || refusal(ProblemCode::GroupEnded));
    story.engine(BOB).unwrap().send(&group_id, "text/plain", b"too late", 0).unwrap();
    story.run(&[BOB], 5).unwrap();
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "last")]);
    let events: Vec<_> = story.events(BOB).unwrap().into_iter().map(|stored| stored.event).collect();
    assert!(events.iter().any(|event| matches!(event, Event::MessageFailed { .. })), "{events:?}");
    assert_eq!(events.last(), Some(&Event::Ended { successor: None }));
}
