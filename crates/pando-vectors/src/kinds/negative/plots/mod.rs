//! The stories. Each is told twice, with the same randomness: once as it should go, and once with one thing wrong.

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

/// A story in which a rule may be broken.
pub(crate) struct Plot {
    rule: &'static str,
    /// What is wrong.
    says: &'static str,
    setting: fn(&mut Setting) -> Forging<()>,
    /// Whether the client has joined when the story begins.
    joined: bool,
    /// Whether the client has a second KeyPackage.
    spare: bool,
    /// Whether the story is told for all cipher suites.
    everywhere: bool,
    /// The messages, as they should be or not.
    play: Play,
}

/// The messages of a story, as they should be or not.
type Play = fn(&mut Scene, bool) -> Forging<Vec<Sent>>;

/// A story that begins when the client is in the group.
const fn plot(rule: &'static str, says: &'static str, play: Play) -> Plot {
    Plot { rule, says, setting: |_| Ok(()), joined: true, spare: false, everywhere: false, play }
}

/// A story that begins with a Welcome.
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

/// All stories for the first cipher suite, one of each rule for the others that are fast, and a selection for the rest.
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
    // All begin alike, so that the files have much in common.
    told.map(|plot| {
        let case = plot.case(suite, ChaCha20Rng::from_seed(seed));
        case.map_err(|error| format!("{} ({}): {error}", plot.rule, plot.says).into())
    })
    .collect()
}
