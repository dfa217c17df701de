//! The server drops, repeats or moves entries of one client's log, with valid hashes and
//! signatures.

use crate::fixture::{ALICE, BOB, CAROL, alarms, check_evidence, say, shown, state, texts, three, update};
use crate::forger::Forger;
use pando_api::EntryKind;
use pando_client::{Answer, Event, Operation};

/// A message is dropped, and the entries after it get its numbers.
#[test]
fn a_dropped_message_is_detected_by_the_next_head() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    say(&mut story, ALICE, &group_id, "two");
    say(&mut story, ALICE, &group_id, "three");
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4, 5]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert_eq!(alarms.len(), 2, "{alarms:?}");
    alarms.iter().for_each(check_evidence);
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "two"), shown(4, ALICE, "three")]);
}

/// Each epoch has one Commit, so a log without one of them is the server's fault, and not that of
/// the next committer.
#[test]
fn a_dropped_commit_blames_the_server() {
    let (mut story, group_id) = three();
    update(&mut story, ALICE, &group_id);
    story.run(&[CAROL], 2).unwrap();
    update(&mut story, CAROL, &group_id);
    let before = state(&mut story, BOB, &group_id);
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::LogRefused { .. }]), "{alarms:?}");
    assert_eq!(state(&mut story, BOB, &group_id), before);
}

/// A Commit refers to a proposal that the server has dropped.
#[test]
fn a_dropped_proposal_blames_the_server() {
    let (mut story, group_id) = three();
    story.engine(CAROL).unwrap().leave(&group_id).unwrap();
    story.run(&[CAROL], 2).unwrap();
    update(&mut story, ALICE, &group_id);
    let log = story.read_log(ALICE, &group_id, 0).unwrap();
    let kinds: Vec<_> = log.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds[2..], [EntryKind::Proposal, EntryKind::Commit]);
    let before = state(&mut story, BOB, &group_id);
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::LogRefused { .. }]), "{alarms:?}");
    assert_eq!(state(&mut story, BOB, &group_id), before);
}

/// An application message is shown once, although the log has it twice.
#[test]
fn a_repeated_message_is_not_shown_again() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3, 3]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::MessageRefused { seq: 4, .. }]), "{alarms:?}");
}

/// An own message that the log has twice is not shown.
#[test]
fn a_repeated_own_message_is_not_shown() {
    let (mut story, group_id) = three();
    say(&mut story, BOB, &group_id, "one");
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3, 3]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    assert_eq!(texts(&story, BOB), []);
}

#[test]
fn a_repeated_commit_blames_the_server() {
    let (mut story, group_id) = three();
    update(&mut story, ALICE, &group_id);
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3, 3]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::LogRefused { .. }]), "{alarms:?}");
    let (epoch, _, read) = state(&mut story, BOB, &group_id);
    assert_eq!((epoch, read), (2, 3));
}

#[test]
fn a_second_creation_blames_the_server() {
    let (mut story, group_id) = three();
    let before = state(&mut story, BOB, &group_id);
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 1]).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::LogRefused { .. }]), "{alarms:?}");
    assert_eq!(state(&mut story, BOB, &group_id), before);
}

/// A server that answers with pages that were read before neither moves the client nor keeps it
/// busy.
#[test]
fn old_pages_are_ignored_without_haste() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    story.run(&[BOB], 2).unwrap();
    let before = state(&mut story, BOB, &group_id);
    let forger = Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3]);
    story.falsify(BOB, move |operation, perform| match operation {
        Operation::ReadLog { .. } => Ok(Answer::Log(forger.page(1))),
        _ => perform(operation),
    });
    let calls = story.calls(BOB);
    story.run(&[BOB], 60).unwrap();
    assert!(story.calls(BOB) - calls < 400, "{}", story.calls(BOB) - calls);
    assert_eq!(state(&mut story, BOB, &group_id), before);
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
    assert_eq!(alarms(&story, BOB), []);
}

/// An old page of another log is evidence.
#[test]
fn an_old_page_of_another_log_is_evidence() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    say(&mut story, ALICE, &group_id, "two");
    story.run(&[BOB], 2).unwrap();
    let before = state(&mut story, BOB, &group_id);
    let forger = Forger::of(&mut story, &group_id, ALICE, &[1, 2, 4]);
    story.falsify(BOB, move |operation, perform| match operation {
        Operation::ReadLog { .. } => Ok(Answer::Log(forger.page(2))),
        _ => perform(operation),
    });
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::ServerForked(_), Event::LogRefused { .. }]), "{alarms:?}");
    check_evidence(&alarms[0]);
    assert_eq!(state(&mut story, BOB, &group_id), before);
}

/// The server hides a fork behind a restore from a backup. The client refuses the log, because it
/// does not continue from what it has read; there is no evidence.
#[test]
fn a_log_of_a_later_incarnation_that_lacks_entries_is_refused() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    story.run(&[BOB], 2).unwrap();
    let before = state(&mut story, BOB, &group_id);
    say(&mut story, ALICE, &group_id, "two");
    let log = story.read_log(ALICE, &group_id, 0).unwrap();
    let mut later = log[3].clone();
    later.incarnation += 1;
    let entries = [log[0].clone(), log[1].clone(), later.clone(), later];
    Forger::new(&group_id, entries).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    let alarms = alarms(&story, BOB);
    assert!(matches!(&alarms[..], [Event::LogRefused { .. }]), "{alarms:?}");
    assert_eq!(state(&mut story, BOB, &group_id), before);
}

/// A rise of the incarnation is shown to the user.
#[test]
fn a_later_incarnation_is_shown() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    let mut log = story.read_log(ALICE, &group_id, 0).unwrap();
    log[2].incarnation += 1;
    let incarnation = log[2].incarnation;
    Forger::new(&group_id, log).serve(&mut story, BOB);
    story.run(&[BOB], 5).unwrap();
    assert_eq!(alarms(&story, BOB), [Event::Restored { incarnation }]);
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
}

/// A page that the server has not signed, and one with an altered message, are refused.
#[test]
fn pages_with_wrong_signatures_and_hashes_are_refused() {
    for alters_message in [true, false] {
        let (mut story, group_id) = three();
        say(&mut story, ALICE, &group_id, "one");
        let before = state(&mut story, BOB, &group_id);
        story.falsify(BOB, move |operation, perform| match perform(operation) {
            Ok(Answer::Log(mut page)) if !page.entries.is_empty() => {
                let mut bytes = match alters_message {
                    true => page.entries[0].message.to_vec(),
                    false => page.head.signature.to_vec(),
                };
                *bytes.last_mut().unwrap() ^= 1;
                match alters_message {
                    true => page.entries[0].message = bytes.into(),
                    false => page.head.signature = bytes.into(),
                }
                Ok(Answer::Log(page))
            }
            other => other,
        });
        story.run(&[BOB], 5).unwrap();
        let alarms = alarms(&story, BOB);
        assert!(matches!(&alarms[..], [Event::LogRefused { .. }]), "{alarms:?}");
        assert_eq!(state(&mut story, BOB, &group_id), before);
    }
}
