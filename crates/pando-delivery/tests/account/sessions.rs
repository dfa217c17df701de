//! Logins.

use crate::fixture::{NOW, World, code, kinds};
use pando_api::ProblemCode;
use pando_delivery::account::{MAX_CLIENTS, sessions};
use pando_delivery::group::Caller;

fn caller(name: &str, version: u64) -> Caller {
    Caller { client: name.parse().unwrap(), version }
}

#[test]
fn a_nonce_is_accepted_once() {
    let mut world = World::new();
    let alice = caller("alice@example.org/phone", 1);
    world.login(&alice, b"nonce").unwrap();
    assert_eq!(code(world.login(&alice, b"nonce")), ProblemCode::LoginRefused);
    // The nonce is not used once for each client.
    let laptop = caller("alice@example.org/laptop", 1);
    assert_eq!(code(world.login(&laptop, b"nonce")), ProblemCode::LoginRefused);
    world.login(&alice, b"another").unwrap();

    // The row of the nonce is deleted when the nonce expires. It is then refused for its age.
    world.now = NOW + 60_000;
    world.login(&alice, b"a third one").unwrap();
    let rows = world.rows(&alice.user());
    assert_eq!(rows.keys().filter(|key| key[0] == b'n').count(), 1);
    let refused = world.write(&alice.user(), move |rows, now| {
        sessions::record_login(rows, &alice, (b"nonce", NOW + 60_000), now)
    });
    assert_eq!(code(refused), ProblemCode::LoginRefused);
}

#[test]
fn a_lower_version_does_not_log_in() {
    let world = World::new();
    let known = |name: &'static str| {
        let user = name.split('/').next().unwrap().parse().unwrap();
        world.read(&user, move |rows, _| sessions::known_version(rows, &name.parse().unwrap())).unwrap()
    };
    assert_eq!(known("alice@example.org/phone"), None);
    world.login(&caller("alice@example.org/phone", 3), b"1").unwrap();
    world.login(&caller("alice@example.org/phone", 3), b"2").unwrap();
    world.login(&caller("alice@example.org/phone", 5), b"3").unwrap();
    let superseded = caller("alice@example.org/phone", 4);
    assert_eq!(code(world.login(&superseded, b"4")), ProblemCode::CertificateSuperseded);
    assert_eq!(known("alice@example.org/phone"), Some(5));
    // The versions of another client are of its own.
    world.login(&caller("alice@example.org/laptop", 1), b"5").unwrap();
    assert_eq!(known("alice@example.org/laptop"), Some(1));
    // A refused login has not used its nonce.
    world.login(&caller("alice@example.org/phone", 5), b"4").unwrap();
}

#[test]
fn a_user_has_a_limited_number_of_clients() {
    let world = World::new();
    let user = "alice@example.org".parse().unwrap();
    let logins = world.write(&user, |rows, now| {
        (0..=MAX_CLIENTS).try_for_each(|number| {
            let caller = caller(&format!("alice@example.org/{number}"), 1);
            let nonce = number.to_be_bytes();
            let login = sessions::record_login(rows, &caller, (&nonce, now + 1), now);
            assert_eq!(login.is_err(), number == MAX_CLIENTS);
            login
        })
    });
    assert_eq!(code(logins), ProblemCode::Limit);
    assert!(kinds(&world.rows(&user)).is_empty(), "the transaction was rolled back");
}
