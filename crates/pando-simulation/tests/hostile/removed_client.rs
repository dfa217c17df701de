//! A removed client has the full log.

use crate::fixture::{ALICE, BOB, CAROL, alarms, client, say, shown, texts, three};
use crate::forger::Forger;
use pando_api::ClaimTarget;
use pando_client::{EngineError, Event, Operation};

#[test]
fn a_removed_client_reads_until_its_removal() {
    for has_full_log in [false, true] {
        let (mut story, group_id) = three();
        say(&mut story, ALICE, &group_id, "one");
        let target = ClaimTarget::Client(client(BOB).parse().unwrap());
        let removal = story.engine(ALICE).unwrap().remove(&group_id, [target]).unwrap();
        story.run(&[ALICE], 3).unwrap();
        assert_eq!(story.end_of(ALICE, removal).unwrap(), Some(Event::OperationDone(removal)));
        assert_eq!(say(&mut story, ALICE, &group_id, "two"), 5);
        story.run(&[CAROL], 3).unwrap();
        assert_eq!(say(&mut story, CAROL, &group_id, "three"), 6);

        if has_full_log {
            Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3, 4, 5, 6]).serve(&mut story, BOB);
        }
        story.run(&[BOB], 10).unwrap();
        assert_eq!(texts(&story, BOB), [shown(3, ALICE, "one")]);
        assert_eq!(alarms(&story, BOB), []);
        let events = story.events(BOB).unwrap();
        assert!(events.iter().any(|stored| stored.event == Event::RemovedUs));
        assert_eq!(story.engine(BOB).unwrap().read_until(&group_id), Some(4));
        // The keys do not open the later messages.
        for entry in story.read_log(ALICE, &group_id, 4).unwrap() {
            let session = story.engine(BOB).unwrap().session();
            let received = session.receive(&entry.message, pando_store::session::no_rows).unwrap();
            assert!(received.events().is_empty(), "{received:?}");
        }
        let sent = story.engine(BOB).unwrap().send(&group_id, "text/plain", b"four", 0);
        assert!(matches!(sent, Err(EngineError::NotAMember(_))), "{sent:?}");
        // The honest server shows it nothing after its removal.
        let read = Operation::ReadLog { group_id: group_id.clone(), after: 4, limit: None, wait: 0 };
        match story.call(BOB, &read) {
            Ok(pando_client::Answer::Log(page)) => assert_eq!(page.entries, []),
            other => assert!(other.is_err(), "{other:?}"),
        }
    }
}
