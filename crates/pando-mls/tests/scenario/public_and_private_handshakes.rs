//! Each member decides whether it sends its Commits and proposals as public messages. All members
//! process both formats in the same group.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::{MlsMessage, MlsMessageBody};

fn is_public(message: &MlsMessage) -> bool {
    matches!(message.body, MlsMessageBody::PublicMessage(_))
}

#[test]
fn handshakes_can_be_public() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 3);
        let update = fixture.members[2].propose_update(&mut fixture.rng).unwrap();
        assert!(is_public(&update));
        fixture.deliver_proposal(2, &update);
        for by in [1, 0] {
            let (commit, _) = fixture.commit(by, |builder| builder);
            assert!(is_public(&commit));
        }
        // Application messages are never public.
        assert!(!is_public(&fixture.send(3, b"hello")));
        fixture.chat(3);
    }
}

#[test]
fn some_handshakes_are_public_and_some_are_not() {
    for suite in suites() {
        // Leaf 0 sends private handshake messages. Of the other members, two send public and one
        // sends private handshake messages.
        let mut fixture = GroupFixture::new(suite);
        for (public, count) in [(true, 2), (false, 1)] {
            fixture.config.encrypt_handshakes = !public;
            fixture.add(0, count);
        }
        for (proposer, committer) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
            let update = fixture.members[proposer].propose_update(&mut fixture.rng).unwrap();
            assert_eq!(is_public(&update), [1, 2].contains(&proposer));
            fixture.deliver_proposal(proposer, &update);
            let (commit, _) = fixture.commit(committer, |builder| builder);
            assert_eq!(is_public(&commit), [1, 2].contains(&committer));
            fixture.chat(committer);
        }
    }
}
