//! Negative cases of RFC 9420, sections 2.1, 6 and 9.2: messages with invalid framing, and messages
//! that cannot be decoded.

use super::super::fixture::{ALICE, BOB, Fixture, add, remove};
use super::super::forger::{Draft, Plain, spoil};
use super::added::BLANK_LEAF;
use super::{CaseTemplate, Forging, Sent, case};
use pando_wire::{Content, Encode, LeafIndex, Opaque, Sender, WireFormat};

pub(super) const CASES: &[CaseTemplate] = &[
    case(
        "FramingError::WrongMembershipTag",
        "The last bit of a Commit's membership tag is wrong.",
        |fixture, valid| {
            let draft = Draft::empty().sealed(|message| {
                if let (false, Some(tag)) = (valid, &mut message.membership_tag) {
                    *tag = spoil(tag).into();
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    )
    .everywhere(),
    case(
        "CryptoError::InvalidSignature",
        "The signature of a proposal is wrong, and its membership tag is right.",
        |fixture, valid| {
            let (alice, content) = (fixture.forger.member(ALICE)?, Content::Proposal(remove(BOB)));
            let content = fixture.forger.content(Sender::Member(ALICE), content);
            let mut framed = fixture.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
            if !valid {
                let signature = &mut framed.content.auth.signature;
                *signature = spoil(signature).into();
            }
            Ok(vec![Sent::new(fixture.forger.public(&framed)?)?])
        },
    )
    .everywhere(),
    case(
        "CryptoError::InvalidSignature",
        "A proposal is signed by a member other than its sender.",
        |fixture, valid| {
            let signer = fixture.forger.member(if valid { ALICE } else { BOB })?;
            let (sent, _) = fixture.forger.propose_as(Sender::Member(ALICE), remove(BOB), &signer)?;
            Ok(vec![sent])
        },
    ),
    case(
        "CryptoError::InvalidSignature",
        "An encrypted message is signed by a member other than its sender.",
        |fixture, valid| private(fixture, ALICE, if valid { ALICE } else { BOB }, |_| {}),
    ),
    case("FramingError::SenderNotAllowed", "A new member proposal is a Remove.", |fixture, valid| {
        let dora = fixture.newcomer(|_| {})?;
        let proposal = if valid { add(dora.key_package.clone()) } else { remove(BOB) };
        let (sent, _) = fixture.forger.propose_as(Sender::NewMemberProposal, proposal, &dora)?;
        Ok(vec![sent])
    }),
    case(
        "FramingError::FormatNotAllowed",
        "Application data is sent as a PublicMessage.",
        |fixture, valid| {
            if valid {
                return send_message(fixture);
            }
            let alice = fixture.forger.member(ALICE)?;
            let content = fixture.forger.content(Sender::Member(ALICE), hello());
            let framed = fixture.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
            Ok(vec![Sent::new(fixture.forger.public(&framed)?)?])
        },
    ),
    case("FramingError::NotAMember", "An encrypted message is from a blank leaf.", |fixture, valid| {
        private(fixture, if valid { ALICE } else { BLANK_LEAF }, ALICE, |_| {})
    }),
    case("FramingError::MalformedContent", "A byte of the padding is not zero.", |fixture, valid| {
        private(fixture, ALICE, ALICE, |plain| {
            if !valid {
                plain.content = spoil(&plain.content);
            }
        })
    })
    .everywhere(),
    case(
        "FramingError::MalformedSenderData",
        "The sender data has a byte after its end.",
        |fixture, valid| {
            private(fixture, ALICE, ALICE, |plain| plain.sender_data.extend((!valid).then_some(0)))
        },
    ),
    case(
        "CryptoError::DecryptionFailed",
        "The last byte of a message's ciphertext is wrong, and its sender data decrypts.",
        |fixture, valid| {
            let mut sent = send_message(fixture)?;
            if let (false, Some(sent)) = (valid, sent.first_mut()) {
                sent.bytes = spoil(&sent.bytes);
            }
            Ok(sent)
        },
    )
    .everywhere(),
    case("ScheduleError::KeyGone", "A message is sent twice.", |fixture, valid| {
        let first = private(fixture, ALICE, ALICE, |_| {})?;
        let second = private(fixture, ALICE, ALICE, |plain| {
            plain.generation = valid.into();
            plain.sender_data = sender_data(&plain.sender_data, plain.generation);
        })?;
        Ok(first.into_iter().chain(second).collect())
    }),
    case("GroupError::EpochMismatch", "A proposal names the epoch after this one.", |fixture, valid| {
        let (alice, content) = (fixture.forger.member(ALICE)?, Content::Proposal(remove(BOB)));
        let mut content = fixture.forger.content(Sender::Member(ALICE), content);
        content.epoch = content.epoch.saturating_add(u64::from(!valid));
        let framed = fixture.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
        Ok(vec![Sent::new(fixture.forger.public(&framed)?)?])
    }),
    case("FramingError::WrongGroup", "A proposal names another group.", |fixture, valid| {
        let (alice, content) = (fixture.forger.member(ALICE)?, Content::Proposal(remove(BOB)));
        let mut content = fixture.forger.content(Sender::Member(ALICE), content);
        if !valid {
            content.group_id = spoil(&content.group_id).into();
        }
        let framed = fixture.forger.sign(WireFormat::MLS_PUBLIC_MESSAGE, content, &*alice.signer)?;
        Ok(vec![Sent::new(fixture.forger.public(&framed)?)?])
    }),
    case("DecodeError::TrailingBytes", "There is a byte after the end of a message.", |fixture, valid| {
        rewritten(fixture, |bytes| bytes.extend((!valid).then_some(0)))
    }),
    case("DecodeError::Truncated", "A message lacks its last byte.", |fixture, valid| {
        rewritten(fixture, |bytes| bytes.truncate(bytes.len().saturating_sub(usize::from(!valid))))
    }),
    case("DecodeError::UnknownValue", "A message is of version 2.", |fixture, valid| {
        rewritten(fixture, |bytes| {
            if let (false, Some(version)) = (valid, bytes.get_mut(1)) {
                *version = 2;
            }
        })
    }),
    case("DecodeError::UnknownValue", "The sender type of a message does not exist.", |fixture, valid| {
        // In the encoding, the sender type follows the version, the wire format, the group
        // identifier with its length prefix, and the epoch.
        rewritten(fixture, |bytes| {
            if let (false, Some(sender_type)) = (valid, bytes.get_mut(29)) {
                *sender_type = 5;
            }
        })
    }),
    case(
        "DecodeError::BadLength",
        "The length of the group identifier takes two bytes, but fits in one.",
        |fixture, valid| {
            rewritten(fixture, |bytes| {
                if !valid {
                    bytes.insert(4, 0x40);
                }
            })
        },
    ),
    case(
        "DecodeError::Malformed",
        "The octet that says whether a Commit has a path is 2.",
        |fixture, valid| {
            let mut path = Vec::new();
            let draft = Draft::empty().path(|sent| path = sent.encode().unwrap_or_default());
            let mut sent = draft.send(&mut fixture.forger)?;
            let position = sent.bytes.windows(path.len()).position(|part| part == path).ok_or("no path")?;
            if let (false, Some(presence)) = (valid, sent.bytes.get_mut(position.saturating_sub(1))) {
                *presence = 2;
            }
            Ok(vec![sent])
        },
    ),
];

fn hello() -> Content {
    Content::Application(Opaque::from(b"hello".as_slice()))
}

/// Alice sends application data in a PrivateMessage.
pub(super) fn send_message(fixture: &mut Fixture) -> Forging<Vec<Sent>> {
    private(fixture, ALICE, ALICE, |_| {})
}

/// Returns application data that claims to come from the leaf `sender` and is signed by the member
/// `signer`.
fn private(
    fixture: &mut Fixture,
    sender: LeafIndex,
    signer: LeafIndex,
    change: impl FnOnce(&mut Plain),
) -> Forging<Vec<Sent>> {
    let signer = fixture.forger.member(signer)?;
    let content = fixture.forger.content(Sender::Member(sender), hello());
    let framed = fixture.forger.sign(WireFormat::MLS_PRIVATE_MESSAGE, content, &*signer.signer)?;
    Ok(vec![Sent::new(fixture.forger.private(&framed, sender, change)?)?])
}

/// Returns a copy of the sender data with a different generation.
fn sender_data(old: &[u8], generation: u32) -> Vec<u8> {
    let mut new = old.to_vec();
    new.iter_mut().skip(4).zip(generation.to_be_bytes()).for_each(|(byte, new)| *byte = new);
    new
}

/// Returns a proposal from Alice whose encoding is changed by `change`.
fn rewritten(fixture: &mut Fixture, change: impl FnOnce(&mut Vec<u8>)) -> Forging<Vec<Sent>> {
    let (mut sent, _) = fixture.forger.propose(ALICE, remove(BOB))?;
    change(&mut sent.bytes);
    Ok(vec![sent])
}
