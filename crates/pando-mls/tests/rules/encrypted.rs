//! A member encrypts a message in another member's name. It can derive the keys of all members, so
//! only the signature is wrong. The message is rejected and uses up no key.

use crate::forge::{remove, stranger};
use crate::stage::Stage;
use crate::world::read;
use pando_crypto::CryptoError;
use pando_mls::{FramingError, GroupError, MlsMessage, Processed, RatchetLimits, ScheduleError};
use pando_wire::{Content, LeafIndex};

/// The member whose name is used.
const VICTIM: LeafIndex = LeafIndex(1);

fn hello() -> Content {
    Content::Application(b"forged".as_slice().into())
}

/// Forges a message at the highest generation that receivers accept. If it moved the ratchet,
/// hundreds of the victim's messages would be lost.
fn forge(stage: &mut Stage, content: Content) -> MlsMessage {
    let signer = stranger(stage.puppet.suite);
    stage.puppet.encrypt_as((VICTIM, RatchetLimits::default().forward), content, &*signer)
}

/// Checks that the victim rejects the message as its own, that the other member rejects its
/// signature, and that neither has changes to store. An attacker may deliver the message to only
/// one of them.
fn refused(stage: &mut Stage, forgery: &MlsMessage, by: &[usize]) {
    let not_signed = FramingError::Crypto(CryptoError::InvalidSignature);
    let errors = [FramingError::OwnMessage, not_signed].map(GroupError::Framing);
    for index in by {
        let member = &mut stage.members[*index];
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
        let mut stage = Stage::new();
        let forgery = forge(&mut stage, content);
        refused(&mut stage, &forgery, to);
        let [victim, other] = &mut stage.members[..] else { panic!("not two") };
        for data in [b"1", b"2"] {
            let message = victim.send(data, &mut stage.puppet.rng).unwrap();
            assert_eq!(read(other.process(&message)), (VICTIM, data.to_vec()));
        }
        let (commit, _) = victim.build(|builder| builder, &mut stage.puppet.rng).unwrap();
        let Processed::Commit(staged) = other.process(&commit).unwrap() else { panic!("not a Commit") };
        other.merge(*staged);
        victim.merge_pending();
        let message = victim.send(b"3", &mut stage.puppet.rng).unwrap();
        assert_eq!(read(other.process(&message)), (VICTIM, b"3".to_vec()));
    }
}

#[test]
fn a_late_forgery_uses_up_none_of_anothers_keys() {
    for to in TO {
        let mut stage = Stage::new();
        let forgery = forge(&mut stage, hello());
        let late = stage.members[0].send(b"late", &mut stage.puppet.rng).unwrap();
        let commit = stage.puppet.commit(Vec::new(), |_, _| {});
        stage.follow(&commit);
        refused(&mut stage, &forgery, to);
        assert_eq!(read(stage.members[1].process(&late)), (VICTIM, b"late".to_vec()));
        stage.lives_on();
    }
}

/// An attacker with the victim's signature key can also sign the message. Then it uses up keys.
#[test]
fn what_is_signed_uses_up_keys() {
    let mut stage = Stage::new();
    let [victim, other] = &mut stage.members[..] else { panic!("not two") };
    let early = victim.send(b"early", &mut stage.puppet.rng).unwrap();
    let forward = RatchetLimits::default().forward;
    let signed = stage.puppet.encrypt_as((VICTIM, forward), hello(), &*victim.signer);
    assert_eq!(read(other.process(&signed)), (VICTIM, b"forged".to_vec()));
    let gone = FramingError::Schedule(ScheduleError::KeyGone(0));
    assert_eq!(other.process(&early).unwrap_err(), GroupError::Framing(gone));
}
