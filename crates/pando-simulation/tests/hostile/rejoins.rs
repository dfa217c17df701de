//! The server shows false states to a client that joins by an external Commit.

use crate::fixture::{ALICE, Tale, alarms, refusal, refuse, say, shown, state, texts, three, update};
use pando_api::{GroupState, ProblemCode};
use pando_client::{Answer, Contents, Event, Operation};
use pando_mls::GroupId;

const PHONE: &str = "alice/phone";

/// Returns a group of three, and the state and the tree of its first epoch as Alice's phone sees
/// them. The group is in the second epoch.
fn stale() -> (Tale, GroupId, GroupState, Contents) {
    let (mut story, group_id) = three();
    story.start(PHONE, PHONE, 1).unwrap();
    story.run(&[PHONE], 3).unwrap();
    let Ok(Answer::State(state)) = story.call(PHONE, &Operation::ReadState(group_id.clone())) else {
        panic!("no state")
    };
    let tree_hash = state.tree_hash.clone();
    let read = Operation::ReadTree { group_id: group_id.clone(), tree_hash, range: None, suite: None };
    let Ok(Answer::Contents(tree)) = story.call(PHONE, &read) else { panic!("no tree") };
    update(&mut story, ALICE, &group_id);
    (story, group_id, state, tree)
}

/// The GroupInfo is of an epoch that has ended. No Commit after it is accepted. The client keeps
/// trying without haste, and joins as soon as it is shown the present epoch.
#[test]
fn a_stale_group_info_is_harmless() {
    let (mut story, group_id, old, tree) = stale();
    story.falsify(PHONE, move |operation, perform| match operation {
        Operation::ReadState(_) => Ok(Answer::State(old.clone())),
        Operation::ReadTree { .. } => Ok(Answer::Contents(tree.clone())),
        _ => perform(operation),
    });
    let join = story.engine(PHONE).unwrap().join(&group_id).unwrap();
    let calls = story.calls(PHONE);
    story.run(&[PHONE], 60).unwrap();
    assert!(story.calls(PHONE) - calls < 600, "{}", story.calls(PHONE) - calls);
    assert_eq!(story.end_of(PHONE, join).unwrap(), None);
    assert_eq!(story.engine(PHONE).unwrap().groups(), []);
    assert_eq!(state(&mut story, ALICE, &group_id).0, 2);

    story.trust(PHONE);
    story.run(&[PHONE], 90).unwrap();
    assert_eq!(story.end_of(PHONE, join).unwrap(), Some(Event::OperationDone(join)));
    story.run(&[ALICE], 3).unwrap();
    assert_eq!(state(&mut story, PHONE, &group_id), state(&mut story, ALICE, &group_id));
    assert_eq!(alarms(&story, PHONE), []);
}

/// A state that is not one of the group ends the operation.
#[test]
fn a_false_group_info_ends_the_operation() {
    let changes: [fn(&mut GroupState); 2] = [
        |state| state.group_info = b"garbage".as_slice().into(),
        |state| {
            let mut bytes = state.group_info.to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            state.group_info = bytes.into();
        },
    ];
    for change in changes {
        let (mut story, group_id, ..) = stale();
        story.falsify(PHONE, move |operation, perform| match perform(operation) {
            Ok(Answer::State(mut state)) => {
                change(&mut state);
                Ok(Answer::State(state))
            }
            other => other,
        });
        let join = story.engine(PHONE).unwrap().join(&group_id).unwrap();
        story.run(&[PHONE], 10).unwrap();
        let end = story.end_of(PHONE, join).unwrap();
        assert!(matches!(end, Some(Event::OperationFailed { .. })), "{end:?}");
        assert_eq!(story.engine(PHONE).unwrap().groups(), []);
    }
}

/// The tree is of another epoch than the GroupInfo.
#[test]
fn a_tree_of_another_epoch_ends_the_operation() {
    let (mut story, group_id, _, tree) = stale();
    story.falsify(PHONE, move |operation, perform| match operation {
        Operation::ReadTree { .. } => Ok(Answer::Contents(tree.clone())),
        _ => perform(operation),
    });
    let join = story.engine(PHONE).unwrap().join(&group_id).unwrap();
    story.run(&[PHONE], 10).unwrap();
    let end = story.end_of(PHONE, join).unwrap();
    assert!(matches!(end, Some(Event::OperationFailed { .. })), "{end:?}");
}

/// The server claims without end that another Commit was earlier.
#[test]
fn a_join_that_never_wins_is_kept() {
    let (mut story, group_id, ..) = stale();
    let is_commit = |operation: &Operation| matches!(operation, Operation::SubmitCommit(..));
    let count = refuse(&mut story, PHONE, is_commit, || refusal(ProblemCode::EpochConflict));
    let join = story.engine(PHONE).unwrap().join(&group_id).unwrap();
    story.run(&[PHONE], 60).unwrap();
    assert!((1..200).contains(&count.get()), "{}", count.get());
    assert_eq!(story.end_of(PHONE, join).unwrap(), None);
    story.reopen(PHONE).unwrap();
    story.trust(PHONE);
    story.run(&[PHONE], 10).unwrap();
    assert_eq!(story.end_of(PHONE, join).unwrap(), Some(Event::OperationDone(join)));
    story.run(&[ALICE], 3).unwrap();
    let seq = say(&mut story, ALICE, &group_id, "one");
    story.run(&[PHONE], 3).unwrap();
    assert_eq!(texts(&story, PHONE), [shown(seq, ALICE, "one")]);
}
