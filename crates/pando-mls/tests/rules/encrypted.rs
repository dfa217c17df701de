//! Shows that a message that a member encrypts in another member's name is rejected and uses up no
//! key. The attacker can derive the keys of all members, so only the signature is wrong.

use crate::fixture::RuleFixture;
use crate::group_fixture::read;
use crate::material::{remove, stranger};
use pando_crypto::CryptoError;
use pando_mls::{FramingError, GroupError, MlsMessage, Processed, RatchetLimits, ScheduleError};
use pando_wire::{Content, LeafIndex};

/// The member in whose name the message is encrypted.
const VICTIM: LeafIndex = LeafIndex(1);

fn hello() -> Content {
    Content::Application(b"forged".as_slice().into())
}

/// Forges a message with the highest generation that receivers accept. If this message advanced the
/// ratchet, hundreds of the victim's messages would be lost.
fn material(fixture: &mut RuleFixture, content: Content) -> MlsMessage {
    let signer = stranger(fixture.raw_member.suite);
    fixture.raw_member.encrypt_as((VICTIM, RatchetLimits::default().forward), content, &*signer)
}

/// Checks that the victim rejects the message as its own, and that the other member rejects its
/// signature. Neither may have changes to store. An attacker may deliver the message to only one of
/// them.
fn refused(fixture: &mut RuleFixture, forgery: &MlsMessage, by: &[usize]) {
    let not_signed = FramingError::Crypto(CryptoError::InvalidSignature);
    let errors = [FramingError::OwnMessage, not_signed].map(GroupError::Framing);
    for index in by {
        let member = &mut fixture.members[*index];
        for _ in 0..2 {
            assert_eq!(member.process(forgery).unwrap_err(), errors[*index]);
        }
        member.check_store();
    }
}

const TO: [&[usize]; 3] = [&[0], &[1], &[0, 1]];

#[test]
fn a_forgery_uses_up_none_of_anothers_keys() {
    for (to, content) in TO.into_iter().flat_map(|to| [(to, hello()), (to, Content::Proposal(remove(2)))]) {
        let mut fixture = RuleFixture::new();
        let forgery = material(&mut fixture, content);
        refused(&mut fixture, &forgery, to);
        let [victim, other] = &mut fixture.members[..] else { panic!("not two") };
        for data in [b"1", b"2"] {
            let message = victim.send(data, &mut fixture.raw_member.rng).unwrap();
            assert_eq!(read(other.process(&message)), (VICTIM, data.to_vec()));
        }
        let (commit, _) = victim.build(|builder| builder, &mut fixture.raw_member.rng).unwrap();
        let Processed::Commit(staged) = other.process(&commit).unwrap() else { panic!("not a Commit") };
        other.merge(*staged);
        victim.merge_pending();
        let message = victim.send(b"3", &mut fixture.raw_member.rng).unwrap();
        assert_eq!(read(other.process(&message)), (VICTIM, b"3".to_vec()));
    }
}

#[test]
fn a_late_forgery_uses_up_none_of_anothers_keys() {
    for to in TO {
        let mut fixture = RuleFixture::new();
        let forgery = material(&mut fixture, hello());
        let late = fixture.members[0].send(b"late", &mut fixture.raw_member.rng).unwrap();
        let commit = fixture.raw_member.commit(Vec::new(), |_, _| {});
        fixture.follow(&commit);
        refused(&mut fixture, &forgery, to);
        assert_eq!(read(fixture.members[1].process(&late)), (VICTIM, b"late".to_vec()));
        fixture.check_still_works();
    }
}

/// Shows that an attacker that has the victim's signature key can also sign the message. Such a
/// message uses up keys.
#[test]
fn what_is_signed_uses_up_keys() {
    let mut fixture = RuleFixture::new();
    let [victim, other] = &mut fixture.members[..] else { panic!("not two") };
    let early = victim.send(b"early", &mut fixture.raw_member.rng).unwrap();
    let forward = RatchetLimits::default().forward;
    let signed = fixture.raw_member.encrypt_as((VICTIM, forward), hello(), &*victim.signer);
    assert_eq!(read(other.process(&signed)), (VICTIM, b"forged".to_vec()));
    let gone = FramingError::Schedule(ScheduleError::KeyGone(0));
    assert_eq!(other.process(&early).unwrap_err(), GroupError::Framing(gone));
}
