//! Data goes along with a message that is authenticated and not encrypted: everybody sees it, nobody can change it.

use crate::world::{World, suites};
use pando_mls::{MlsMessage, MlsMessageBody, Processed, Suite};

fn with_message(suite: Suite, by: usize) {
    let mut world = World::of(suite, 2);
    let rng = &mut world.rng;
    let message =
        world.members[by].operate(|group, client| group.encrypt(b"secret", b"open", &client, rng)).unwrap();
    let MlsMessageBody::PrivateMessage(private) = &message.body else { panic!("not private") };
    assert_eq!(&*private.authenticated_data, b"open");
    for other in [&b""[..], b"opem", b"open\0"] {
        let mut changed = private.clone();
        changed.authenticated_data = other.into();
        let changed = MlsMessage { body: MlsMessageBody::PrivateMessage(changed) };
        assert!(world.members[1 - by].process(&changed).is_err());
    }
    match world.members[1 - by].process(&message).unwrap() {
        Processed::Application { data, authenticated_data, .. } => {
            assert_eq!((&*data, &*authenticated_data), (&b"secret"[..], &b"open"[..]));
        }
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn data_goes_along_with_a_message() {
    for suite in suites() {
        with_message(suite, 0);
        with_message(suite, 1);
    }
}

#[test]
fn data_goes_along_with_a_commit() {
    for suite in suites() {
        for mut world in [World::new(suite), World::public(suite)] {
            world.add(0, 1);
            for by in [0, 1] {
                let (message, _) = world.build(by, |builder| builder.authenticated_data(b"open")).unwrap();
                let mut changed = message.clone();
                match &mut changed.body {
                    MlsMessageBody::PrivateMessage(private) => {
                        assert_eq!(&*private.authenticated_data, b"open");
                        private.authenticated_data = b"ajar".as_slice().into();
                    }
                    MlsMessageBody::PublicMessage(public) => {
                        assert_eq!(&*public.content.authenticated_data, b"open");
                        public.content.authenticated_data = b"ajar".as_slice().into();
                    }
                    other => panic!("not a Commit: {other:?}"),
                }
                assert!(world.members[1 - by].process(&changed).is_err());
                world.deliver_commit(by, &message);
            }
        }
    }
}
