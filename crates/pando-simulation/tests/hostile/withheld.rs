//! The server withholds the newest entries. No client can detect this, but each shows how old its
//! knowledge is.

use crate::fixture::{ALICE, BOB, alarms, say, shown, texts, three};
use crate::forger::Forger;

#[test]
fn a_withheld_tail_is_unconfirmed() {
    let (mut story, group_id) = three();
    say(&mut story, ALICE, &group_id, "one");
    Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3]).serve(&mut story, BOB);
    story.run(&[BOB], 2).unwrap();
    let confirmed = story.engine(BOB).unwrap().confirmed_until(&group_id).unwrap();
    assert!(confirmed < story.now());

    story.run(&[BOB], 60).unwrap();
    say(&mut story, ALICE, &group_id, "two");
    // The server accepts Bob's own message, and withholds it like the others.
    say(&mut story, BOB, &group_id, "three");
    story.run(&[BOB], 60).unwrap();
    let engine = story.engine(BOB).unwrap();
    assert_eq!(engine.confirmed_until(&group_id), Some(confirmed));
    assert_eq!(engine.read_until(&group_id), Some(3));
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
    assert_eq!(alarms(&story, BOB), []);

    story.trust(BOB);
    story.run(&[BOB], 3).unwrap();
    assert!(story.engine(BOB).unwrap().confirmed_until(&group_id).unwrap() > confirmed + 60_000);
    assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one"), shown(4, ALICE, "two")]);
    assert_eq!(alarms(&story, BOB), []);
}
