//! Sections 2.1, 6 and 9.2: messages with invalid framing, and messages that do not decode.

use super::super::forger::{Draft, Plain, spoil};
use super::super::scene::{ALICE, BOB, Scene, add, remove};
use super::added::NOBODY;
use super::{Forging, Plot, Sent, plot};
use pando_wire::{Content, Encode, LeafIndex, Opaque, Sender, WireFormat};

pub(super) const PLOTS: &[Plot] = &[
    plot(
        "FramingError::WrongMembershipTag",
        "The last bit of a Commit's membership tag is wrong.",
        |scene, right| {
            let draft = Draft::empty().sealed(|message| {
                if let (false, Some(tag)) = (right, &mut message.membership_tag) {
                    *tag = spoil(tag).into();
                }
            });
            Ok(vec![draft.send(&mut scene.forger)?])
        },
    )
    .everywhere(),
    plot(
        "CryptoError::InvalidSignature",
        "The signature of a proposal is wrong, and its membership tag is right.",
        |scene, right| {
            let (alice, content) = (scene.forger.member(ALICE)?, Content::Proposal(remove(BOB)));
            let content = scene.forger.content(Sender::Member(ALICE), content);
            let mut framed = scene.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
            if !right {
                let signature = &mut framed.content.auth.signature;
                *signature = spoil(signature).into();
            }
            Ok(vec![Sent::new(scene.forger.public(&framed)?)?])
        },
    )
    .everywhere(),
    plot(
        "CryptoError::InvalidSignature",
        "A proposal is signed by a member other than its sender.",
        |scene, right| {
            let signer = scene.forger.member(if right { ALICE } else { BOB })?;
            let (sent, _) = scene.forger.propose_as(Sender::Member(ALICE), remove(BOB), &signer)?;
            Ok(vec![sent])
        },
    ),
    plot(
        "CryptoError::InvalidSignature",
        "An encrypted message is signed by a member other than its sender.",
        |scene, right| private(scene, ALICE, if right { ALICE } else { BOB }, |_| {}),
    ),
    plot("FramingError::SenderNotAllowed", "A new member proposal is a Remove.", |scene, right| {
        let dora = scene.newcomer(|_| {})?;
        let proposal = if right { add(dora.key_package.clone()) } else { remove(BOB) };
        let (sent, _) = scene.forger.propose_as(Sender::NewMemberProposal, proposal, &dora)?;
        Ok(vec![sent])
    }),
    plot("FramingError::FormatNotAllowed", "Application data is sent as a PublicMessage.", |scene, right| {
        if right {
            return says_hello(scene);
        }
        let alice = scene.forger.member(ALICE)?;
        let content = scene.forger.content(Sender::Member(ALICE), hello());
        let framed = scene.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
        Ok(vec![Sent::new(scene.forger.public(&framed)?)?])
    }),
    plot("FramingError::NotAMember", "An encrypted message is from a blank leaf.", |scene, right| {
        private(scene, if right { ALICE } else { NOBODY }, ALICE, |_| {})
    }),
    plot("FramingError::MalformedContent", "A byte of the padding is not zero.", |scene, right| {
        private(scene, ALICE, ALICE, |plain| {
            if !right {
                plain.content = spoil(&plain.content);
            }
        })
    })
    .everywhere(),
    plot("FramingError::MalformedSenderData", "The sender data has a byte after its end.", |scene, right| {
        private(scene, ALICE, ALICE, |plain| plain.sender_data.extend((!right).then_some(0)))
    }),
    plot(
        "CryptoError::DecryptionFailed",
        "The last byte of a message's ciphertext is wrong, and its sender data decrypts.",
        |scene, right| {
            let mut sent = says_hello(scene)?;
            if let (false, Some(sent)) = (right, sent.first_mut()) {
                sent.bytes = spoil(&sent.bytes);
            }
            Ok(sent)
        },
    )
    .everywhere(),
    plot("ScheduleError::KeyGone", "A message is sent twice.", |scene, right| {
        let first = private(scene, ALICE, ALICE, |_| {})?;
        let second = private(scene, ALICE, ALICE, |plain| {
            plain.generation = right.into();
            plain.sender_data = sender_data(&plain.sender_data, plain.generation);
        })?;
        Ok(first.into_iter().chain(second).collect())
    }),
    plot("GroupError::EpochMismatch", "A proposal names the epoch after this one.", |scene, right| {
        let (alice, content) = (scene.forger.member(ALICE)?, Content::Proposal(remove(BOB)));
        let mut content = scene.forger.content(Sender::Member(ALICE), content);
        content.epoch = content.epoch.saturating_add(u64::from(!right));
        let framed = scene.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
        Ok(vec![Sent::new(scene.forger.public(&framed)?)?])
    }),
    plot("FramingError::WrongGroup", "A proposal names another group.", |scene, right| {
        let (alice, content) = (scene.forger.member(ALICE)?, Content::Proposal(remove(BOB)));
        let mut content = scene.forger.content(Sender::Member(ALICE), content);
        if !right {
            content.group_id = spoil(&content.group_id).into();
        }
        let framed = scene.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
        Ok(vec![Sent::new(scene.forger.public(&framed)?)?])
    }),
    plot("DecodeError::TrailingBytes", "There is a byte after the end of a message.", |scene, right| {
        rewritten(scene, |bytes| bytes.extend((!right).then_some(0)))
    }),
    plot("DecodeError::Truncated", "A message lacks its last byte.", |scene, right| {
        rewritten(scene, |bytes| bytes.truncate(bytes.len().saturating_sub(usize::from(!right))))
    }),
    plot("DecodeError::UnknownValue", "A message is of version 2.", |scene, right| {
        rewritten(scene, |bytes| {
            if let (false, Some(version)) = (right, bytes.get_mut(1)) {
                *version = 2;
            }
        })
    }),
    plot("DecodeError::UnknownValue", "The sender type of a message does not exist.", |scene, right| {
        // The sender type follows the version, the wire format, the group identifier with its
        // length, and the epoch.
        rewritten(scene, |bytes| {
            if let (false, Some(sender_type)) = (right, bytes.get_mut(29)) {
                *sender_type = 5;
            }
        })
    }),
    plot(
        "DecodeError::BadLength",
        "The length of the group identifier takes two bytes, but fits in one.",
        |scene, right| {
            rewritten(scene, |bytes| {
                if !right {
                    bytes.insert(4, 0x40);
                }
            })
        },
    ),
    plot(
        "DecodeError::Malformed",
        "The octet that says whether a Commit has a path is 2.",
        |scene, right| {
            let mut path = Vec::new();
            let draft = Draft::empty().path(|sent| path = sent.encode().unwrap_or_default());
            let mut sent = draft.send(&mut scene.forger)?;
            let position = sent.bytes.windows(path.len()).position(|part| part == path).ok_or("no path")?;
            if let (false, Some(presence)) = (right, sent.bytes.get_mut(position.saturating_sub(1))) {
                *presence = 2;
            }
            Ok(vec![sent])
        },
    ),
];

fn hello() -> Content {
    Content::Application(Opaque::from(b"hello".as_slice()))
}

/// Alice sends application data.
pub(super) fn says_hello(scene: &mut Scene) -> Forging<Vec<Sent>> {
    private(scene, ALICE, ALICE, |_| {})
}

/// Returns application data that is sent from a leaf and signed by a member.
fn private(
    scene: &mut Scene,
    sender: LeafIndex,
    signer: LeafIndex,
    change: impl FnOnce(&mut Plain),
) -> Forging<Vec<Sent>> {
    let signer = scene.forger.member(signer)?;
    let content = scene.forger.content(Sender::Member(sender), hello());
    let framed = scene.forger.sign(WireFormat::MLS_PRIVATE_MESSAGE, content, &*signer.signer)?;
    Ok(vec![Sent::new(scene.forger.private(&framed, sender, change)?)?])
}

/// Returns the same sender data for another generation.
fn sender_data(old: &[u8], generation: u32) -> Vec<u8> {
    let mut new = old.to_vec();
    new.iter_mut().skip(4).zip(generation.to_be_bytes()).for_each(|(byte, new)| *byte = new);
    new
}

/// Returns a proposal from Alice whose encoding is changed.
fn rewritten(scene: &mut Scene, change: impl FnOnce(&mut Vec<u8>)) -> Forging<Vec<Sent>> {
    let (mut sent, _) = scene.forger.propose(ALICE, remove(BOB))?;
    change(&mut sent.bytes);
    Ok(vec![sent])
}
