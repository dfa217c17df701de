//! The server alters Welcomes.

use crate::fixture::{
    ALICE, BOB, CAROL, Tale, alarms, certificates, client, refusal, refuse, say, shown, state, texts, three,
    update, user,
};
use pando_api::{ClaimKeyPackages, ClaimTarget, ClientId, InboxEntry, ProblemCode};
use pando_client::{Answer, Contents, Event, Operation};
use pando_mls::GroupId;
use pando_simulation::{CallResult, policy};

const DAVE: &str = "dave/laptop";

/// Returns a group of three, to which Alice has added Dave, who has not run since.
fn invited() -> (Tale, GroupId) {
    let (mut story, group_id) = three();
    story.start(DAVE, DAVE, 1).unwrap();
    story.run(&[DAVE], 3).unwrap();
    let target = ClaimTarget::Client(client(DAVE).parse().unwrap());
    let add = story.engine(ALICE).unwrap().add(&group_id, [target]).unwrap();
    story.run(&[ALICE], 3).unwrap();
    assert_eq!(story.end_of(ALICE, add).unwrap(), Some(Event::OperationDone(add)));
    (story, group_id)
}

/// Alters the entries of an inbox.
fn altered(answer: CallResult, change: impl Fn(&mut InboxEntry)) -> CallResult {
    match answer {
        Ok(Answer::Inbox(mut page)) => {
            page.entries.iter_mut().for_each(change);
            Ok(Answer::Inbox(page))
        }
        other => other,
    }
}

#[test]
fn a_welcome_that_is_not_altered_is_accepted() {
    let (mut story, group_id) = invited();
    story.run(&[DAVE], 5).unwrap();
    assert_eq!(state(&mut story, DAVE, &group_id), state(&mut story, ALICE, &group_id));
    assert_eq!(alarms(&story, DAVE), []);
}

#[test]
fn a_wrong_welcome_is_refused() {
    let changes: [fn(&mut InboxEntry); 3] = [
        |entry| entry.welcome = b"garbage".as_slice().into(),
        // The label of another group.
        |entry| entry.group_id = b"0123456789abcdef".as_slice().into(),
        |entry| {
            let mut bytes = entry.welcome.to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            entry.welcome = bytes.into();
        },
    ];
    for change in changes {
        let (mut story, group_id) = invited();
        let label = group_id.clone();
        story.falsify(DAVE, move |operation, perform| match operation {
            // The server has the tree, whatever group it has named.
            Operation::ReadTree { tree_hash, .. } => perform(&Operation::ReadTree {
                group_id: label.clone(),
                tree_hash: tree_hash.clone(),
                range: None,
                suite: None,
            }),
            _ => altered(perform(operation), change),
        });
        story.run(&[DAVE], 10).unwrap();
        let alarms = alarms(&story, DAVE);
        assert!(matches!(&alarms[..], [Event::WelcomeRefused { .. }]), "{alarms:?}");
        assert_eq!(story.engine(DAVE).unwrap().groups(), []);
        assert!(!story.engine(DAVE).unwrap().is_busy());
    }
}

/// The tree does not have the hash that the Welcome's GroupInfo names.
#[test]
fn a_tree_that_does_not_fit_is_refused() {
    for cuts in [false, true] {
        let (mut story, _) = invited();
        story.falsify(DAVE, move |operation, perform| match perform(operation) {
            Ok(Answer::Contents(contents)) => {
                let mut bytes = contents.bytes.to_vec();
                if cuts {
                    bytes.truncate(bytes.len() / 2);
                } else {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                }
                Ok(Answer::Contents(Contents { bytes: bytes.into(), ..contents }))
            }
            other => other,
        });
        story.run(&[DAVE], 10).unwrap();
        let alarms = alarms(&story, DAVE);
        assert!(matches!(&alarms[..], [Event::WelcomeRefused { .. }]), "{alarms:?}");
        assert_eq!(story.engine(DAVE).unwrap().groups(), []);
    }
}

/// The server delivers a Welcome again, after the client has joined.
#[test]
fn a_repeated_welcome_is_refused() {
    let (mut story, group_id) = invited();
    let Ok(Answer::Inbox(page)) = story.call(DAVE, &Operation::ReadInbox { after: 0, wait: 0 }) else {
        panic!("no inbox")
    };
    story.run(&[DAVE], 5).unwrap();
    say(&mut story, ALICE, &group_id, "one");
    story.run(&[DAVE], 3).unwrap();
    let before = state(&mut story, DAVE, &group_id);
    let mut again = page.entries[0].clone();
    again.seq += 100;
    story.falsify(DAVE, move |operation, perform| match operation {
        Operation::ReadInbox { after, .. } if *after < again.seq => {
            let entries = vec![again.clone()];
            Ok(Answer::Inbox(pando_api::InboxPage { entries }))
        }
        _ => perform(operation),
    });
    story.run(&[DAVE], 10).unwrap();
    let alarms = alarms(&story, DAVE);
    assert!(matches!(&alarms[..], [Event::WelcomeRefused { .. }]), "{alarms:?}");
    assert_eq!(state(&mut story, DAVE, &group_id), before);
    assert_eq!(texts(&story, DAVE), [shown(4, ALICE, "one")]);
}

/// The server names a later Commit as the one by which the client became a member. Its entries
/// would be skipped unseen.
#[test]
fn a_welcome_with_another_place_blames_the_server() {
    for place in [2, 4, 5] {
        let (mut story, group_id) = invited();
        story.run(&[BOB, CAROL], 3).unwrap();
        update(&mut story, ALICE, &group_id);
        say(&mut story, ALICE, &group_id, "one");
        let log = story.read_log(ALICE, &group_id, 0).unwrap();
        let forger = crate::forger::Forger::new(&group_id, log);
        story.falsify(DAVE, move |operation, perform| match operation {
            Operation::ReadLog { .. } => forger.answer(operation, perform),
            _ => altered(perform(operation), |entry| entry.group_seq = place),
        });
        story.run(&[DAVE], 5).unwrap();
        let alarms = alarms(&story, DAVE);
        assert!(matches!(&alarms[..], [Event::LogRefused { .. }]), "place {place}: {alarms:?}");
        assert_eq!(texts(&story, DAVE), []);
        let group = story.engine(DAVE).unwrap().session().group(&group_id).unwrap();
        assert_eq!(group.epoch(), 2);
    }
}

/// The server claims that it knows no client of a user.
#[test]
fn a_claim_without_a_result_ends_the_operation() {
    let (mut story, group_id) = three();
    let add = story.engine(ALICE).unwrap().add(&group_id, [ClaimTarget::User(user("dave"))]).unwrap();
    story.run(&[ALICE], 3).unwrap();
    let end = story.end_of(ALICE, add).unwrap();
    assert!(matches!(end, Some(Event::OperationFailed { .. })), "{end:?}");
}

/// The server answers a claim with the KeyPackage of another client than it says.
#[test]
fn a_claim_with_the_key_package_of_another_client_adds_nobody() {
    let (mut story, group_id) = three();
    story.start(DAVE, DAVE, 1).unwrap();
    story.run(&[DAVE], 3).unwrap();
    let phone: ClientId = client("carol/phone").parse().unwrap();
    let asked = phone.clone();
    story.falsify(ALICE, move |operation, perform| match operation {
        Operation::ClaimKeyPackages(claim) => {
            let target = ClaimTarget::Client(client(DAVE).parse().unwrap());
            let other = ClaimKeyPackages { target, ..claim.clone() };
            let Ok(Answer::Claimed(mut claimed)) = perform(&Operation::ClaimKeyPackages(other)) else {
                panic!("Dave has KeyPackages")
            };
            claimed.clients.iter_mut().for_each(|one| one.client = asked.clone());
            Ok(Answer::Claimed(claimed))
        }
        _ => perform(operation),
    });
    let before = state(&mut story, ALICE, &group_id);
    let add = story.engine(ALICE).unwrap().add(&group_id, [ClaimTarget::Client(phone)]).unwrap();
    story.run(&[ALICE], 3).unwrap();
    let end = story.end_of(ALICE, add).unwrap();
    assert!(matches!(end, Some(Event::OperationFailed { .. })), "{end:?}");
    assert_eq!(state(&mut story, ALICE, &group_id), before);
}

/// A creation whose claim is refused ends everything that waits for the group.
#[test]
fn a_creation_without_a_key_package_ends_what_waits_for_it() {
    let mut story = Tale::new(certificates(), &[ALICE], false).unwrap();
    story.run(&[ALICE], 3).unwrap();
    let is_claim = |operation: &Operation| matches!(operation, Operation::ClaimKeyPackages(_));
    refuse(&mut story, ALICE, is_claim, || refusal(ProblemCode::Malformed));
    let engine = story.engine(ALICE).unwrap();
    let (group_id, create) = engine.create_group(policy(vec![user("alice")]), [user("bob")]).unwrap();
    let update = engine.update(&group_id).unwrap();
    let message = engine.send(&group_id, "text/plain", b"too early", 0).unwrap();
    story.run(&[ALICE], 3).unwrap();
    let end = story.end_of(ALICE, create).unwrap();
    assert!(matches!(end, Some(Event::OperationFailed { .. })), "{end:?}");
    let end = story.end_of(ALICE, update).unwrap();
    assert!(matches!(end, Some(Event::OperationSuperseded { .. })), "{end:?}");
    let has_failed =
        |event: Event| matches!(event, Event::MessageFailed { message: id, .. } if id == message);
    assert!(story.events(ALICE).unwrap().into_iter().any(|stored| has_failed(stored.event)));
    assert!(!story.engine(ALICE).unwrap().is_busy());
}
