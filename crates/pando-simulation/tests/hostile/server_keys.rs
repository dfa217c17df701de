//! The server signs with a key that it has not had before.

use crate::fixture::{ALICE, BOB, alarms, other_key, say, shown, state, texts, three};
use pando_api::ServerKeys;
use pando_client::{Answer, Operation};

/// A server that changes its key says so in its description. The client asks for it, and reads on.
#[test]
fn a_new_key_is_learnt_from_the_description() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    story.falsify(BOB, move |operation, perform| {
        Ok(match perform(operation)? {
            Answer::Log(mut page) => {
                page.head = page.head.head.sign(&other_key()).unwrap();
                Answer::Log(page)
            }
            Answer::Description(mut description) => {
                let keys = description.keys.iter().copied().chain([other_key().public()]);
                description.keys = keys.collect::<ServerKeys>();
                Answer::Description(description)
            }
            other => other,
        })
    });
    story.run(&[BOB], 5).unwrap();
    assert_eq!(alarms(&story, BOB), []);
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
}

/// A key that the server does not admit is never accepted, and the client does not hurry.
#[test]
fn a_key_that_is_not_in_the_description_is_refused() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    let before = state(&mut story, BOB, &group_id);
    story.falsify(BOB, move |operation, perform| {
        let answer = perform(operation)?;
        Ok(match (operation, answer) {
            (Operation::ReadLog { .. }, Answer::Log(mut page)) => {
                page.head = page.head.head.sign(&other_key()).unwrap();
                Answer::Log(page)
            }
            (_, answer) => answer,
        })
    });
    let calls = story.calls(BOB);
    story.run(&[BOB], 60).unwrap();
    assert!(story.calls(BOB) - calls < 500, "{}", story.calls(BOB) - calls);
    assert_eq!(state(&mut story, BOB, &group_id), before);
    assert_eq!(texts(&story, BOB), []);
    story.trust(BOB);
    story.run(&[BOB], 90).unwrap();
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
}
