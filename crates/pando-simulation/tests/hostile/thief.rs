//! A thief has all files of a device. The owner then comes back with the next certificate.

use crate::fixture::{ALICE, BOB, CAROL, alarms, client, say, shown, texts, three, user};
use crate::forger::Forger;
use pando_api::{ClaimId, ClaimKeyPackages, ClaimTarget, ProblemCode, SubmitMessage};
use pando_client::{CallError, Event, LoginFailure, Operation};
use pando_mls::wire::RequiredCapabilities;
use pando_simulation::SUITE;

const OWNER: &str = "owner of bob/laptop";
const THIEF: &str = "thief of bob/laptop";

#[test]
fn a_thief_is_locked_out_by_the_next_certificate() {
    let (mut story, group_id) = three();
    story.steal(BOB, THIEF).unwrap();
    // Before that, the thief is the device for everyone.
    say(&mut story, ALICE, &group_id, "before");
    story.run(&[THIEF], 3).unwrap();
    assert_eq!(texts(&story, THIEF), [shown(3, ALICE, "before")]);

    // The owner has lost the store, logs in with the next version, and replaces its leaf.
    story.start(OWNER, BOB, 2).unwrap();
    let join = story.engine(OWNER).unwrap().join(&group_id).unwrap();
    story.run(&[OWNER], 10).unwrap();
    assert_eq!(story.end_of(OWNER, join).unwrap(), Some(Event::OperationDone(join)));
    story.run(&[ALICE, CAROL], 3).unwrap();
    say(&mut story, ALICE, &group_id, "after");
    story.run(&[OWNER], 3).unwrap();
    assert_eq!(texts(&story, OWNER), [shown(5, ALICE, "after")]);

    // Nothing that the thief asks for is done.
    story.engine(THIEF).unwrap().send(&group_id, "text/plain", b"stolen", 0).unwrap();
    story.run(&[THIEF], 30).unwrap();
    let alarms = alarms(&story, THIEF);
    assert!(matches!(&alarms[..], [Event::LoggedOut { .. }]), "{alarms:?}");
    assert_eq!(texts(&story, THIEF), [shown(3, ALICE, "before")]);
    let claim = ClaimKeyPackages {
        claim_id: ClaimId([1; 16]),
        target: ClaimTarget::User(user("alice")),
        cipher_suite: SUITE,
        capabilities: RequiredCapabilities::default(),
    };
    let message = SubmitMessage { message: b"message".as_slice().into() };
    for operation in [
        Operation::ReadLog { group_id: group_id.clone(), after: 2, limit: None, wait: 0 },
        Operation::ReadState(group_id.clone()),
        Operation::ListGroups,
        Operation::SubmitMessage(group_id.clone(), message),
        Operation::ClaimKeyPackages(claim),
        Operation::CountKeyPackages,
        Operation::ReadInbox { after: 0, wait: 0 },
    ] {
        let refused = story.call(THIEF, &operation).unwrap_err();
        assert_eq!(refused.code(), Some(ProblemCode::CertificateSuperseded), "{operation:?}");
    }
    // When the token has expired, the login is refused as well.
    story.run(&[], 11 * 60).unwrap();
    let refused = story.call(THIEF, &Operation::ListGroups).unwrap_err();
    assert!(matches!(refused, CallError::Login(LoginFailure::Superseded)), "{refused:?}");
    // A new start does not help, and neither does an attempt to join again.
    story.reopen(THIEF).unwrap();
    story.run(&[THIEF], 5).unwrap();
    assert_eq!(texts(&story, THIEF).len(), 1);
    story.run(&[ALICE], 3).unwrap();
    assert_eq!(texts(&story, ALICE), []);
}

/// The server is in league with the thief and shows it the whole log. The owner's Commit has
/// replaced the stolen leaf, so the thief reads nothing after it.
#[test]
fn a_thief_with_the_whole_log_reads_nothing_after_the_owners_return() {
    let (mut story, group_id) = three();
    story.steal(BOB, THIEF).unwrap();
    say(&mut story, ALICE, &group_id, "before");
    story.start(OWNER, BOB, 2).unwrap();
    story.engine(OWNER).unwrap().join(&group_id).unwrap();
    story.run(&[OWNER], 10).unwrap();
    story.run(&[ALICE], 3).unwrap();
    assert_eq!(say(&mut story, ALICE, &group_id, "after"), 5);

    let forger = Forger::of(&mut story, &group_id, ALICE, &[1, 2, 3, 4, 5]);
    story.falsify(THIEF, move |operation, _| match operation {
        Operation::ReadLog { .. } => forger.answer(operation, &mut |_| panic!("the forger asks the server")),
        _ => Err(CallError::NotSent("the thief only reads".to_owned())),
    });
    story.run(&[THIEF], 10).unwrap();
    assert_eq!(texts(&story, THIEF), [shown(3, ALICE, "before")]);
    let log = story.read_log(ALICE, &group_id, 4).unwrap();
    let session = story.engine(THIEF).unwrap().session();
    let received = session.receive(&log[0].message, pando_store::session::no_rows).unwrap();
    assert!(received.events().is_empty(), "{received:?}");
    // Alice's engine names the client whose leaf was replaced.
    let events = story.events(ALICE).unwrap();
    let bob = Some(client(BOB).parse().unwrap());
    assert!(events.iter().any(|stored| stored.event == Event::Added { client: bob.clone() }));
}
