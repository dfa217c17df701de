//! The cases. Each generates its messages twice with the same randomness: once correctly, and once
//! with one error.

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

use super::forger::{Forging, Person, Sent};
use super::scene::{Scene, Setting};
use super::{Case, State, rules};
use crate::hex_bytes::Hex;
use crate::kinds::passive_client::{ExternalPsk, Keys};
use crate::run::Generated;
use pando_crypto::Suite;
use pando_wire::{Encode, MlsMessage};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;

const ALL: [&[Plot]; 11] = [
    added::PLOTS,
    updated::PLOTS,
    proposed::PLOTS,
    listed::PLOTS,
    committed::PLOTS,
    paths::PLOTS,
    external::PLOTS,
    framed::PLOTS,
    invited::PLOTS,
    trees::PLOTS,
    successors::PLOTS,
];

/// A message sequence in which a rule may be violated.
pub(crate) struct Plot {
    rule: &'static str,
    /// Description of the error.
    says: &'static str,
    setting: fn(&mut Setting) -> Forging<()>,
    /// Whether the client joins before the sequence begins.
    joined: bool,
    /// Whether the client has a second KeyPackage.
    spare: bool,
    /// Whether to generate the case for all cipher suites.
    everywhere: bool,
    /// Creates the messages. The second argument says whether they are correct.
    play: Play,
}

/// A function that creates the messages of a case, correct or not.
type Play = fn(&mut Scene, bool) -> Forging<Vec<Sent>>;

/// Returns a case that begins when the client is in the group.
const fn plot(rule: &'static str, says: &'static str, play: Play) -> Plot {
    Plot { rule, says, setting: |_| Ok(()), joined: true, spare: false, everywhere: false, play }
}

/// Returns a case that begins with a Welcome.
const fn invitation(rule: &'static str, says: &'static str, play: Play) -> Plot {
    Plot { joined: false, ..plot(rule, says, play) }
}

impl Plot {
    const fn with(self, setting: fn(&mut Setting) -> Forging<()>) -> Self {
        Self { setting, ..self }
    }

    const fn with_spare(self) -> Self {
        Self { spare: true, ..self }
    }

    const fn everywhere(self) -> Self {
        Self { everywhere: true, ..self }
    }

    fn case(&self, suite: Suite, rng: ChaCha20Rng) -> Forging<Case> {
        let Self { rule, says, setting, joined, spare, play, .. } = self;
        let mut scene = Scene::new(suite, rng, *setting)?;
        let welcome = if *joined { Some(scene.welcome()?) } else { None };
        let accept = play(&mut scene.fork()?, true)?;
        let reject = play(&mut scene.fork()?, false)?;
        let epochs = || welcome.iter().chain(&accept).rev();
        let authenticator = epochs().find_map(|sent| sent.authenticator.clone());
        let mut key_packages = vec![keys(&scene.client)?];
        if *spare {
            key_packages.push(keys(&scene.spare)?);
        }
        let external_psks = scene.forger.external_psks.iter();
        Ok(Case {
            cipher_suite: suite.cipher_suite().0,
            rule: (*rule).into(),
            section: rules::section(rule).ok_or("no such rule")?.into(),
            description: (*says).into(),
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

fn keys(person: &Person) -> Forging<Keys> {
    Ok(Keys {
        key_package: Hex(MlsMessage::from(person.key_package.clone()).encode()?),
        signature_priv: person.signature_private.expose().into(),
        encryption_priv: person.leaf_key_pair.private.expose().into(),
        init_priv: person.init_key_pair.private.expose().into(),
    })
}

/// Generates all cases for cipher suite 1, and fewer for the others. Suite 2 has one case for each
/// rule and those marked `everywhere`; suite 3 has one for each rule; the rest have the
/// marked ones.
pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let mut rules = BTreeSet::new();
    let told = ALL.iter().copied().flatten().filter(|plot| {
        let is_first = rules.insert(plot.rule);
        match suite.cipher_suite().0 {
            1 => true,
            2 => is_first || plot.everywhere,
            3 => is_first,
            _ => plot.everywhere,
        }
    });
    // All cases begin with the same seed, so that the files compress well.
    told.map(|plot| {
        let case = plot.case(suite, ChaCha20Rng::from_seed(seed));
        case.map_err(|error| format!("{} ({}): {error}", plot.rule, plot.says).into())
    })
    .collect()
}
