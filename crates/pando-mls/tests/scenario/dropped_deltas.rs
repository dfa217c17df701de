//! A Delta that is dropped and not stored: what the group gives after it is refused, so no key is used twice after a restart.

use crate::world::{Member, World, client, fast_suites, read};
use pando_mls::{Delta, DeltaError, GroupError, MlsMessage, Processed};

/// Does an operation, and returns its Delta.
type Act = fn(&mut Member, &mut World, &MlsMessage) -> Result<Delta, GroupError>;

const ACTS: [(&str, Act); 5] = [
    ("send", |member, world, _| {
        Ok(member.group.encrypt(b"dropped", b"", &client(&*member.signer), &mut world.rng)?.1)
    }),
    ("receive", |member, _, message| Ok(member.group.process(message.clone(), &client(&*member.signer))?.1)),
    ("propose", |member, world, _| {
        Ok(member.group.propose_update(None, b"", &client(&*member.signer), &mut world.rng)?.1)
    }),
    ("commit", |member, world, _| {
        Ok(member.group.commit().build(&client(&*member.signer), &mut world.rng)?.delta)
    }),
    ("commit and clear", |member, world, _| {
        let made = member.group.commit().build(&client(&*member.signer), &mut world.rng)?.delta;
        let cleared = member.group.clear_pending().1;
        // Both are one, which is dropped.
        Ok(made.then(cleared).unwrap())
    }),
];

#[test]
fn what_follows_a_dropped_delta_is_refused() {
    for suite in fast_suites() {
        for (first, dropped) in ACTS {
            for (second, next) in ACTS {
                let mut world = World::of(suite, 3);
                world.chat(1);
                let mut member = world.members.remove(1);
                let messages = [b"one", b"two"].map(|data| world.send(0, data));
                let before = member.group.rows().unwrap();
                assert_eq!(member.rows, before);
                // The result goes nowhere, and neither does its Delta.
                drop(dropped(&mut member, &mut world, &messages[0]).unwrap());
                if first != "commit" || !second.starts_with("commit") {
                    let delta = match next(&mut member, &mut world, &messages[1]) {
                        Ok(delta) => delta,
                        // Application data waits for the proposal.
                        Err(error) => {
                            assert_eq!((first, second), ("propose", "send"), "{error:?}");
                            continue;
                        }
                    };
                    assert_eq!(delta.apply(&mut member.rows), Err(DeltaError::Stale), "{first}, {second}");
                }
                assert_eq!(member.rows, before, "{first}, {second}");
                // The client begins again where it had stored something.
                let config = *member.group.config();
                let settings = pando_mls::Client { config, ..client(&*member.signer) };
                member.group = pando_mls::Group::load(&member.rows, &settings).unwrap();
                for (data, message) in [b"one", b"two"].into_iter().zip(&messages) {
                    assert_eq!(read(member.process(message)).1, data);
                }
                let sent = member.send(b"after all", &mut world.rng).unwrap();
                world.members.insert(1, member);
                for index in [0, 2] {
                    let processed = world.members[index].process(&sent);
                    assert!(matches!(&processed, Ok(Processed::Application { .. })), "{processed:?}");
                }
                world.commit(1, |builder| builder);
            }
        }
    }
}
