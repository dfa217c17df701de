//! The server shows two logs.

use crate::fixture::{ALICE, BOB, CAROL, alarms, check_evidence, say, shown, state, texts, three};
use crate::forger::Forger;
use pando_client::{Answer, Event, Operation};

/// Bob is shown two messages in another order. Alice's next message contains the head that she has
/// read, so Bob has two heads for one place.
#[test]
fn two_orders_are_detected_by_the_next_head() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    say(&mut story, CAROL, &group_id, "two");
    story.run(&[ALICE], 2).unwrap();
    assert_eq!(say(&mut story, ALICE, &group_id, "three"), 5);

    let forger = Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4, 3, 5]);
    forger.show(4);
    forger.serve(&mut story, BOB);
    story.run(&[BOB], 2).unwrap();
    // Nobody can know yet that this is not the order.
    assert_eq!(texts(&story, BOB), [shown(3, CAROL, "two"), shown(4, ALICE, "one")]);
    assert_eq!(alarms(&story, BOB), []);
    let before = state(&mut story, BOB, &group_id);

    forger.show(5);
    story.run(&[BOB], 2).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::ServerEquivocated(_)]), "{alarms:?}");
    check_evidence(&alarms[0]);
    assert_eq!(texts(&story, BOB).len(), 3);
    let after = state(&mut story, BOB, &group_id);
    assert_eq!((after.0, after.1), (before.0, before.1));
}

/// Bob reads all entries with one page, so his own signed head is of a later place than Alice's
/// head.
#[test]
fn two_orders_in_one_page_are_a_fork() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    say(&mut story, CAROL, &group_id, "two");
    story.run(&[ALICE], 2).unwrap();
    say(&mut story, ALICE, &group_id, "three");

    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4, 3, 5]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::ServerForked(_)]), "{alarms:?}");
    check_evidence(&alarms[0]);
    let Event::ServerForked(evidence) = &alarms[0] else { panic!() };
    assert_eq!((evidence.head.head.seq, evidence.later.head.seq), (4, 5));
    assert_eq!(evidence.entries.len(), 2);
    assert_eq!(texts(&story, BOB).len(), 3);
}

/// The server contradicts what it has shown to the same client before.
#[test]
fn another_head_for_an_entry_that_was_read_is_an_equivocation() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    say(&mut story, ALICE, &group_id, "two");
    let forger = Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3]);
    forger.serve(&mut story, BOB);
    story.run(&[BOB], 2).unwrap();
    let before = state(&mut story, BOB, &group_id);
    assert_eq!(before.2, 3);

    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::ServerEquivocated(_), Event::LogRefused { .. }]), "{alarms:?}");
    check_evidence(&alarms[0]);
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
    assert_eq!(state(&mut story, BOB, &group_id), before);
}

/// The server shows Carol a log without Alice's message. Carol's next message has the head of that
/// log, by which Bob gets the evidence.
#[test]
fn a_member_of_the_other_log_gives_the_evidence() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    say(&mut story, ALICE, &group_id, "two");
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4]).serve(&mut story, CAROL);
    story.run(&[CAROL], 2).unwrap();
    assert_eq!(texts(&story, CAROL), [shown(3, ALICE, "two")]);
    // Carol's message enters the true log. She learns from its receipt that there is another one,
    // and from the next page that it contradicts what she has read.
    story.engine(CAROL).unwrap().send(&group_id, "text/plain", b"three", 0).unwrap();
    story.run(&[CAROL], 2).unwrap();

    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    check_evidence(&alarms[0]);
    let texts = texts(&story, BOB);
    assert_eq!(texts, [shown(3, ALICE, "one"), shown(4, ALICE, "two"), shown(5, CAROL, "three")]);
}

/// A server that has shown Carol another log refuses her Commits as made after an unknown head.
/// Carol keeps the operation, without haste.
#[test]
fn the_other_log_cannot_be_extended() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    say(&mut story, ALICE, &group_id, "two");
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4]).serve(&mut story, CAROL);
    story.run(&[CAROL], 2).unwrap();
    let before = state(&mut story, CAROL, &group_id);
    let operation = story.engine(CAROL).unwrap().update(&group_id).unwrap();
    let calls = story.calls(CAROL);
    story.run(&[CAROL], 60).unwrap();
    assert_eq!(story.end_of(CAROL, operation).unwrap(), None);
    assert!(story.engine(CAROL).unwrap().is_busy());
    assert!(story.calls(CAROL) - calls < 300, "{}", story.calls(CAROL) - calls);
    assert_eq!(state(&mut story, CAROL, &group_id), before);
}

/// The server acknowledges Bob's message with a place that it gives to another message.
#[test]
fn a_receipt_for_a_place_of_another_message_is_evidence() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    let log = story.read_log(ALICE, &group_id, 0).unwrap();
    let forged = group_id.clone();
    story.falsify(BOB, move |operation, perform| match operation {
        Operation::SubmitMessage(_, request) => {
            // Bob's message is not stored, although its receipt is valid.
            let mut entry = log[2].clone();
            entry.message = request.message.clone();
            let forger = Forger::new(&forged, [log[0].clone(), log[1].clone(), entry]);
            Ok(Answer::Receipt(forger.receipt(3)))
        }
        Operation::ReadLog { .. } => Forger::new(&forged, log[..2].to_vec()).answer(operation, perform),
        _ => perform(operation),
    });
    assert_eq!(say(&mut story, BOB, &group_id, "lost"), 3);
    assert_eq!(alarms(&story, BOB), []);
    story.trust(BOB);
    story.run(&[BOB], 3).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::ServerEquivocated(_)]), "{alarms:?}");
    check_evidence(&alarms[0]);
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
}

/// The same, although Bob has read the place before.
#[test]
fn a_receipt_for_a_place_that_was_read_is_evidence() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    story.run(&[BOB], 2).unwrap();
    let log = story.read_log(ALICE, &group_id, 0).unwrap();
    let forged = group_id.clone();
    story.falsify(BOB, move |operation, perform| match operation {
        Operation::SubmitMessage(_, request) => {
            let mut entry = log[2].clone();
            entry.message = request.message.clone();
            let forger = Forger::new(&forged, [log[0].clone(), log[1].clone(), entry]);
            Ok(Answer::Receipt(forger.receipt(3)))
        }
        _ => perform(operation),
    });
    assert_eq!(say(&mut story, BOB, &group_id, "lost"), 3);
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::ServerEquivocated(_)]), "{alarms:?}");
    check_evidence(&alarms[0]);
}
