//! A group of three, and what its members have seen.

use pando_api::{ProblemCode, ServerKey, ServerKeys, UserId};
use pando_client::{CallError, Event, Operation, Refusal};
use pando_mls::GroupId;
use pando_simulation::{CallResult, Certificates, SERVER_SECRET, Story, policy};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::OnceLock;
use zeroize::Zeroizing;

pub(crate) const ALICE: &str = "alice/laptop";
pub(crate) const BOB: &str = "bob/laptop";
pub(crate) const CAROL: &str = "carol/laptop";

pub(crate) type Tale = Story<'static>;

pub(crate) fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| Certificates::issue().unwrap())
}

pub(crate) fn user(name: &str) -> UserId {
    format!("{name}@example.org").parse().unwrap()
}

/// Returns the client of a device as text.
pub(crate) fn client(name: &str) -> String {
    let (user, device) = name.split_once('/').unwrap();
    format!("{user}@example.org/{device}")
}

/// Returns a story in which Alice has created a group with Bob and Carol. Its log has two entries,
/// which all of them have read.
pub(crate) fn three() -> (Tale, GroupId) {
    three_with(false)
}

/// Returns the same story. With `rejoins`, engines join again after unprocessable Commits.
pub(crate) fn three_with(rejoins: bool) -> (Tale, GroupId) {
    let names = [ALICE, BOB, CAROL];
    let mut story = Story::new(certificates(), &names, rejoins).unwrap();
    story.run(&names, 3).unwrap();
    let users = ["bob", "carol"].map(user);
    let (group_id, _) =
        story.engine(ALICE).unwrap().create_group(policy(vec![user("alice")]), users).unwrap();
    story.run(&names, 10).unwrap();
    for name in names {
        assert_eq!(story.engine(name).unwrap().read_until(&group_id), Some(2), "{name}");
        assert_eq!(alarms(&story, name), []);
    }
    (story, group_id)
}

/// Sends a text and lets only its sender run until it has read the text. Returns its place.
pub(crate) fn say(story: &mut Tale, name: &str, group_id: &GroupId, text: &str) -> u64 {
    let id = story.engine(name).unwrap().send(group_id, "text/plain", text.as_bytes(), 0).unwrap();
    story.run(&[name], 3).unwrap();
    let events = story.events(name).unwrap();
    let sent = events.iter().find_map(|stored| match stored.event {
        Event::MessageSent { message, seq } if message == id => Some(seq),
        _ => None,
    });
    sent.unwrap_or_else(|| panic!("{name} has not sent {text}: {events:?}"))
}

/// Lets a member renew its leaf and read its Commit.
pub(crate) fn update(story: &mut Tale, name: &str, group_id: &GroupId) {
    let operation = story.engine(name).unwrap().update(group_id).unwrap();
    story.run(&[name], 3).unwrap();
    assert_eq!(story.end_of(name, operation).unwrap(), Some(Event::OperationDone(operation)));
}

/// Returns the messages that were shown: their places, senders and texts.
pub(crate) fn texts(story: &Tale, name: &str) -> Vec<(u64, String, String)> {
    let events = story.events(name).unwrap().into_iter();
    let messages = events.filter_map(|stored| match stored.event {
        Event::Message(message) => Some(message),
        _ => None,
    });
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    messages.map(|one| (one.seq, one.sender.unwrap().to_string(), text(&one.body))).collect()
}

/// Returns a message as [`texts`] does.
pub(crate) fn shown(seq: u64, name: &str, text: &str) -> (u64, String, String) {
    (seq, client(name), text.to_owned())
}

/// Returns the events that blame the server or a member, or refuse a message.
pub(crate) fn alarms(story: &Tale, name: &str) -> Vec<Event> {
    let events = story.events(name).unwrap().into_iter().map(|stored| stored.event);
    events
        .filter(|event| {
            matches!(
                event,
                Event::HeadInvented { .. }
                    | Event::ServerEquivocated(_)
                    | Event::ServerForked(_)
                    | Event::LogRefused { .. }
                    | Event::Restored { .. }
                    | Event::Gap
                    | Event::CommitUnprocessable { .. }
                    | Event::ReplayedMessage { .. }
                    | Event::MessageRefused { .. }
                    | Event::WelcomeRefused { .. }
                    | Event::LoggedOut { .. }
            )
        })
        .collect()
}

/// Returns the epoch, its authenticator, and the last entry that was read.
pub(crate) fn state(story: &mut Tale, name: &str, group_id: &GroupId) -> (u64, Vec<u8>, u64) {
    let engine = story.engine(name).unwrap();
    let read = engine.read_until(group_id).unwrap_or_default();
    let group = engine.session().group(group_id).unwrap();
    let authenticator = group.epoch_authenticator().map(|one| one.expose().to_vec());
    (group.epoch(), authenticator.unwrap_or_default(), read)
}

pub(crate) fn server_key() -> ServerKey {
    ServerKey::from_secret(&Zeroizing::new(SERVER_SECRET))
}

/// Returns a key that the server does not have.
pub(crate) fn other_key() -> ServerKey {
    ServerKey::from_secret(&Zeroizing::new([8; 32]))
}

fn keys(key: &ServerKey) -> ServerKeys {
    [key.public()].into_iter().collect()
}

/// Checks that an event contains evidence against the server that convinces everyone who knows the
/// server's keys, and nobody who knows other keys.
pub(crate) fn check_evidence(event: &Event) {
    let (with_keys, with_others) = match event {
        Event::ServerEquivocated(evidence) => {
            (evidence.verify(&keys(&server_key())), evidence.verify(&keys(&other_key())))
        }
        Event::ServerForked(evidence) => {
            (evidence.verify(&keys(&server_key())), evidence.verify(&keys(&other_key())))
        }
        _ => panic!("no evidence: {event:?}"),
    };
    assert_eq!(with_keys, Ok(true));
    assert!(with_others.is_err(), "{with_others:?}");
}

/// Returns a refusal of the server.
pub(crate) fn refusal(code: ProblemCode) -> CallResult {
    let problem = pando_api::Problem::new(code, "a lie");
    Err(CallError::Problem(Box::new(Refusal { problem, retry_after: None })))
}

/// Refuses the calls of a device to which `is_refused` applies. Returns their number.
pub(crate) fn refuse(
    story: &mut Tale,
    name: &str,
    is_refused: fn(&Operation) -> bool,
    answer: impl Fn() -> CallResult + 'static,
) -> Rc<Cell<usize>> {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    story.falsify(name, move |operation, perform| {
        if is_refused(operation) {
            counted.set(counted.get() + 1);
            answer()
        } else {
            perform(operation)
        }
    });
    count
}
