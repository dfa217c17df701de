//! The negative test cases. Each case generates its messages twice with the same randomness: once
//! correctly, and once with a single error.

mod added;
mod committed;
mod external;
mod framed;
mod invited;
mod listed;
mod paths;
mod proposed;
mod successors;
mod trees;
mod updated;

use super::fixture::{Fixture, Parameters};
use super::forger::{Forging, Sent, TestClient};
use super::{Case, State, rules};
use crate::hex_bytes::Hex;
use crate::kinds::passive_client::{ExternalPsk, Keys};
use crate::run::Generated;
use pando_crypto::Suite;
use pando_wire::{Encode, MlsMessage};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;

const ALL: [&[CaseTemplate]; 11] = [
    added::CASES,
    updated::CASES,
    proposed::CASES,
    listed::CASES,
    committed::CASES,
    paths::CASES,
    external::CASES,
    framed::CASES,
    invited::CASES,
    trees::CASES,
    successors::CASES,
];

/// A message sequence in which a rule may be violated.
pub(crate) struct CaseTemplate {
    rule: &'static str,
    /// A description of the error.
    description: &'static str,
    parameters: fn(&mut Parameters) -> Forging<()>,
    /// Whether the client has already joined the group when the sequence begins.
    joined: bool,
    /// Whether the client has a second KeyPackage.
    spare: bool,
    /// Whether to generate the case for all cipher suites.
    everywhere: bool,
    /// The function that creates the messages. The second argument of the function says whether the
    /// messages must be correct.
    play: Play,
}

/// A function that creates either the correct or the incorrect messages of a case.
type Play = fn(&mut Fixture, bool) -> Forging<Vec<Sent>>;

/// Returns a case that begins after the client has joined the group.
const fn case(rule: &'static str, description: &'static str, play: Play) -> CaseTemplate {
    CaseTemplate {
        rule,
        description,
        parameters: |_| Ok(()),
        joined: true,
        spare: false,
        everywhere: false,
        play,
    }
}

/// Returns a case that begins with the client's Welcome.
const fn welcome_case(rule: &'static str, description: &'static str, play: Play) -> CaseTemplate {
    CaseTemplate { joined: false, ..case(rule, description, play) }
}

impl CaseTemplate {
    const fn with(self, parameters: fn(&mut Parameters) -> Forging<()>) -> Self {
        Self { parameters, ..self }
    }

    const fn with_spare(self) -> Self {
        Self { spare: true, ..self }
    }

    const fn everywhere(self) -> Self {
        Self { everywhere: true, ..self }
    }

    fn build(&self, suite: Suite, rng: ChaCha20Rng) -> Forging<Case> {
        let Self { rule, description, parameters, joined, spare, play, .. } = self;
        let mut fixture = Fixture::new(suite, rng, *parameters)?;
        let welcome = if *joined { Some(fixture.welcome()?) } else { None };
        let accept = play(&mut fixture.fork()?, true)?;
        let reject = play(&mut fixture.fork()?, false)?;
        let epochs = || welcome.iter().chain(&accept).rev();
        let authenticator = epochs().find_map(|sent| sent.authenticator.clone());
        let mut key_packages = vec![keys(&fixture.client)?];
        if *spare {
            key_packages.push(keys(&fixture.spare)?);
        }
        let external_psks = fixture.forger.external_psks.iter();
        Ok(Case {
            cipher_suite: suite.cipher_suite().0,
            rule: (*rule).into(),
            section: rules::section(rule).ok_or("no such rule")?.into(),
            description: (*description).into(),
            client: State {
                external_psks: external_psks
                    .map(|(psk_id, psk)| ExternalPsk { psk_id: Hex(psk_id.clone()), psk: Hex(psk.clone()) })
                    .collect(),
                key_packages,
            },
            given: messages(welcome),
            accept: messages(accept),
            epoch_authenticator: Hex(authenticator.ok_or("no epoch")?),
            reject: messages(reject),
        })
    }
}

fn messages(sent: impl IntoIterator<Item = Sent>) -> Vec<Hex> {
    sent.into_iter().map(|sent| Hex(sent.bytes)).collect()
}

fn keys(client: &TestClient) -> Forging<Keys> {
    Ok(Keys {
        key_package: Hex(MlsMessage::from(client.key_package.clone()).encode()?),
        signature_priv: client.signature_private.expose().into(),
        encryption_priv: client.leaf_key_pair.private.expose().into(),
        init_priv: client.init_key_pair.private.expose().into(),
    })
}

/// Generates all cases for cipher suite 1 and fewer cases for the other suites. For suite 2, it
/// generates one case per rule and the cases marked `everywhere`; for suite 3, one case per rule;
/// for the other suites, only the marked cases.
pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let mut rules = BTreeSet::new();
    let templates = ALL.iter().copied().flatten().filter(|template| {
        let is_first = rules.insert(template.rule);
        match suite.cipher_suite().0 {
            1 => true,
            2 => is_first || template.everywhere,
            3 => is_first,
            _ => template.everywhere,
        }
    });
    // All cases begin with the same seed, so that the files compress well.
    templates
        .map(|template| {
            let case = template.build(suite, ChaCha20Rng::from_seed(seed));
            case.map_err(|error| format!("{} ({}): {error}", template.rule, template.description).into())
        })
        .collect()
}
