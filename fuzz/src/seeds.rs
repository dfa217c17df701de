//! The seed inputs for the targets that run groups, and for the delivery service. The seeds cover
//! all operations, with few or no edits.

use crate::api_requests::CHECKS;
use crate::delivery::KINDS;
use crate::group_fixture::{GROUPS, GroupFixture, fixture};
use crate::insider::SIGN_AGAIN;
use crate::join::welcome;
use crate::pair::OPERATIONS;
use crate::public_group::SIGNED;
use pando_mls::wire::{
    Add, Content, GroupContextExtensions, OtherProposal, PreSharedKey, PreSharedKeyId, Remove,
    ResumptionPskUsage,
};
use pando_mls::{
    Encode, Extensions, Group, LeafIndex, MlsMessageBody, Proposal, ProposalType, ProtocolVersion, Psk,
    ReInit,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::fs;
use std::path::Path;

/// The name of a target and an input for it.
type Seed = (&'static str, Vec<u8>);

/// Returns the seeds of all targets that run groups, and of the delivery service.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for group in GROUPS {
        let fixture = fixture(group);
        scripts(fixture, group, &mut seeds);
        insiders(fixture, group, &mut seeds);
        joins(group, &mut seeds);
    }
    for start in 0..24_u8 {
        let steps = (0..96).map(|step: u8| step.wrapping_mul(start.wrapping_mul(2) + 37) ^ start);
        seeds.push(("operations", [vec![start], steps.collect()].concat()));
    }
    stores(&mut seeds);
    requests(&mut seeds);
    services(&mut seeds);
    seeds
}

/// Adds the golden structures of `pando-api` and texts, each after the number of its check.
fn requests(seeds: &mut Vec<Seed>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/pando-api/tests/golden");
    for (number, (name, _)) in (0..).zip(CHECKS) {
        let texts: &[&str] = match *name {
            "domain" => &["example.org", "a-1.b.c"],
            "user" => &["alice@example.org"],
            "device" => &["laptop", "a.b_c-1"],
            "client" => &["alice@example.org/laptop"],
            "group" => &["MDEyMzQ1Njc4OWFiY2RlZg@example.org", "MDEyMzQ1Njc4OWFiY2RlZg"],
            "digest" => &["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"],
            "token" => &["AbC0-._~+/=", "\x0bAbC0-._~+/="],
            "authority" => &["ds.example.org", "ds.example.org:8443"],
            "problem" => &[
                r#"{"code":"gap","status":410,"retryable":false,"title":"t","first":7}"#,
                r#"{"code":"epoch-conflict","status":409,"epoch":8,"proposals":[3,5],"winner":{"seq":41,"digest":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}}"#,
            ],
            _ => &[],
        };
        seeds.extend(texts.iter().map(|text| ("api_requests", [&[number], text.as_bytes()].concat())));
        let file = if *name == "revocations" { "RevocationList" } else { name };
        let Ok(text) = fs::read_to_string(folder.join(format!("{file}.hex"))) else { continue };
        let bytes = hex::decode(text.split_whitespace().collect::<String>()).expect("hexadecimal digits");
        // The list is the input without its signature.
        let length = if *name == "revocations" { bytes.len() - 66 } else { bytes.len() };
        seeds.push(("api_requests", [&[number], &bytes[..length]].concat()));
    }
    for message in GROUPS.iter().flat_map(|group| &fixture(*group).honest) {
        let number = CHECKS.iter().position(|(name, _)| *name == "message").expect("there is one");
        let number = u8::try_from(number).expect("there are few");
        seeds.push(("api_requests", [&[number], &**message].concat()));
    }
}

/// Adds scripts for the delivery service. Each kind of step occurs without and with an alteration,
/// by a member and by another client, followed by other steps.
fn services(seeds: &mut Vec<Seed>) {
    for kind in 0..KINDS {
        for how in [0, 16, 32, 5, 6, 13, 47] {
            let steps = (0..12_u8).flat_map(|step| {
                let next = if step % 3 == 0 { kind } else { kind.wrapping_mul(step) % KINDS };
                let who = (step * 5 + how) % 16;
                [next, who, step.wrapping_mul(7) ^ how, if step % 3 == 0 { how } else { 0 }]
            });
            seeds.push(("service", steps.collect()));
        }
        let mut chance = [0; 140];
        ChaCha20Rng::seed_from_u64(u64::from(kind) + 100).fill_bytes(&mut chance);
        seeds.push(("service", chance.to_vec()));
    }
}

/// Adds seeds that combine every operation with every fault, early and late. Also adds random
/// inputs.
fn stores(seeds: &mut Vec<Seed>) {
    let count = u8::try_from(OPERATIONS.len()).expect("there are few");
    for number in 0..count * 4 {
        let (operation, after) = (number % count, number / count);
        // The first byte selects the store. The operation byte of a step also determines whether
        // the store fails while the group is reloaded, and whether pending work is finished.
        let steps = (0..18).flat_map(|step: u8| {
            let what = operation + count * ((step * 5 + after) % 20);
            [what, step, after, step + 5 * after, step.wrapping_mul(7)]
        });
        seeds.push(("store", [vec![number % 8], steps.collect()].concat()));
        let mut chance = [0; 101];
        ChaCha20Rng::seed_from_u64(number.into()).fill_bytes(&mut chance);
        seeds.push(("store", chance.to_vec()));
    }
}

/// Adds seeds with single honest messages, and scripts of them. The scripts contain the messages in
/// the order of sending, in a different order, or mixed with actions of the member.
fn scripts(fixture: &GroupFixture, group: u8, seeds: &mut Vec<Seed>) {
    let count = u8::try_from(fixture.honest.len()).expect("there are few");
    for which in 0..count {
        seeds.push(("process_message", [&[group], &*fixture.honest[usize::from(which)]].concat()));
        let next = (0..6).flat_map(|step| [(which + step) % count, 0]);
        let mixed = (0..12).flat_map(|step: u8| [step.wrapping_mul(5) + which, 0]);
        // The script selects actions of the member, each followed by a message.
        let own = (0..12)
            .flat_map(|step: u8| [[0xe0 | (step.wrapping_mul(which | 1) % 8), 0], [which, 0x80]].concat());
        let scripts: [Vec<u8>; 3] = [next.collect(), mixed.collect(), own.collect()];
        for script in scripts.iter().take(if which % 3 == 0 { 3 } else { 1 }) {
            seeds.push(("process_message", [&[group | 1], &**script].concat()));
        }
        for script in &scripts[..2] {
            seeds.push(("public_group", [&[group], &**script].concat()));
            // The GroupInfo is edited once and then signed by a member.
            seeds.push(("public_group", [&[group | SIGNED | 1, 3, which, which, 1], &**script].concat()));
        }
    }
}

/// Returns the encoded proposals that a member can send.
fn proposals(fixture: &GroupFixture) -> Vec<Vec<u8>> {
    let context = &fixture.group_info.group_context;
    let psk = |psk| {
        let psk = PreSharedKeyId { psk, psk_nonce: vec![1; fixture.suite.hash_len()].into() };
        Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
    };
    let (usage, psk_group_id) = (ResumptionPskUsage::Application, context.group_id.clone());
    // This client does not encrypt its messages, so the Update can be read.
    let cx = fixture.outside(&*fixture.signers[0]);
    let mut group = Group::load(fixture.rows(0), &cx).expect("loads");
    let update = group.propose_update(None, b"", &cx, &mut ChaCha20Rng::seed_from_u64(6));
    let MlsMessageBody::PublicMessage(update) = update.expect("proposes").assume_persisted().body else {
        panic!("encrypted")
    };
    let Content::Proposal(update) = update.content.content else { panic!("no proposal") };
    let reinit = ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: fixture.suite.cipher_suite(),
        extensions: Extensions::default(),
    };
    let extensions = |extensions: &Extensions| {
        Proposal::GroupContextExtensions(GroupContextExtensions { extensions: extensions.clone() })
    };
    let proposals = [
        Proposal::Add(Box::new(Add { key_package: fixture.newcomer.key_package.clone() })),
        Proposal::Remove(Remove { removed: LeafIndex(2) }),
        psk(Psk::External { psk_id: vec![1].into() }),
        psk(Psk::Resumption { usage, psk_group_id, psk_epoch: context.epoch }),
        extensions(&context.extensions),
        extensions(&Extensions::default()),
        Proposal::Other(OtherProposal { proposal_type: ProposalType(0xf001), data: vec![1].into() }),
        Proposal::Remove(Remove { removed: LeafIndex(1) }),
        Proposal::ReInit(Box::new(reinit)),
        update,
    ];
    proposals.iter().map(|proposal| proposal.encode().expect("short")).collect()
}

/// Adds seeds with a single proposal, and with all proposals from that one on, from every sender.
/// Also adds all kinds of Commits with these proposals, without edits and with one edit.
fn insiders(fixture: &GroupFixture, group: u8, seeds: &mut Vec<Seed>) {
    let proposals = proposals(fixture);
    for (from, proposal) in proposals.iter().enumerate() {
        for how in [0, 1, 4, 6] {
            seeds.push(("process_message", [&[group | 2, how], &**proposal].concat()));
            let all = proposals[from..].iter().flat_map(|proposal| [&[how], &**proposal].concat());
            seeds.push(("process_message", [vec![group | 2], all.collect()].concat()));
        }
    }
    for flags in 0..128_u8 {
        let from = usize::from(flags) % 7;
        let all = proposals[from..7].concat();
        seeds.push(("process_message", [&[group | 3, flags, 0], &*all].concat()));
        if flags % 4 != 0 {
            continue;
        }
        let edit = [3, 0, flags.wrapping_mul(5), 1];
        let first = [&[group | 3, flags | SIGN_AGAIN, 1], &edit[..]].concat();
        seeds.push(("process_message", [&*first, &*proposals[from]].concat()));
    }
}

/// Adds seeds with an edited Welcome, and with Welcomes from a malicious member.
fn joins(group: u8, seeds: &mut Vec<Seed>) {
    seeds.push(("join", [&[group], welcome(group)].concat()));
    seeds.push(("join", vec![group | 1]));
    for at in 0..32 {
        seeds.push(("join", vec![group | 1, 3, at / 8, at.wrapping_mul(32), 1]));
    }
    for flags in 0..64 {
        // Add a path secret and PSKs if the flags require them.
        let secrets = [flags, 7, flags, 1, flags >> 1, 2, flags >> 2, 3];
        let len = 1 + usize::from(flags % 4 == 2) + 2 * usize::from(flags >> 2 & 3);
        let first = [&[group | 2], &secrets[..len]].concat();
        seeds.push(("join", [&*first, &[3, 3, flags.wrapping_mul(4), 1]].concat()));
        seeds.push(("join", first));
    }
}
