//! Test vectors of the kind `passive-client`: a client that joins a group by a Welcome and then
//! processes its messages (RFC 9420, section 12.4).

#![expect(clippy::disallowed_methods, reason = "clients of test vectors store nothing")]

use crate::hex_bytes::Hex;
use crate::private_keys::{hpke_key, signature_key};
use crate::random::bytes;
use crate::report::{MustSucceed, Outcome, Problem, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, SignaturePrivateKey, Signer, Suite};
use pando_group::{
    Client, Context, Group, GroupConfig, IdentityError, IdentityPolicy, KeyPackageBundle, KeyPackageTemplate,
    Processed, PskStore, SourceError,
};
use pando_schedule::PskValue;
use pando_wire::{
    Capabilities, CipherSuite, Credential, CredentialType, Decode, Encode, Extensions, GroupId, KeyPackage,
    LeafIndex, Lifetime, MlsMessage, MlsMessageBody, Psk, SignaturePublicKey,
};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_group::AdmitAll));

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    external_psks: Vec<ExternalPsk>,
    #[serde(flatten)]
    keys: Keys,
    welcome: Hex,
    ratchet_tree: Option<Hex>,
    initial_epoch_authenticator: Hex,
    epochs: Vec<Epoch>,
}

/// A KeyPackage and its private keys.
#[derive(Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) key_package: Hex,
    pub(crate) signature_priv: Hex,
    pub(crate) encryption_priv: Hex,
    pub(crate) init_priv: Hex,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ExternalPsk {
    pub(crate) psk_id: Hex,
    pub(crate) psk: Hex,
}

#[derive(Serialize, Deserialize)]
struct Epoch {
    proposals: Vec<Hex>,
    commit: Hex,
    epoch_authenticator: Hex,
}

/// The external PSKs of a test case.
pub(crate) struct Psks<'a>(pub(crate) &'a [ExternalPsk]);

impl PskStore for Psks<'_> {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(self.0.iter().find(|psk| *psk.psk_id == *psk_id).map(|psk| PskValue::from(&*psk.psk)))
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

/// An identity policy that accepts any credential, because the test cases are not about identities.
pub(crate) struct AnyIdentity;

impl IdentityPolicy for AnyIdentity {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let (bundle, signer) = self.keys.bundle(suite)?;
        let MlsMessageBody::Welcome(welcome) = message("welcome", &self.welcome)?.body else {
            return must("welcome", false, "not a Welcome");
        };
        let psks = Psks(&self.external_psks);
        let tree = self.ratchet_tree.as_deref();
        let client =
            client(&*signer, &psks, GroupConfig::default()).with_crypto(crypto).with_policy(&AnyIdentity);
        // A client of test vectors has no store, so treat the group as persisted.
        let mut group = Group::join(&welcome, &bundle, tree, &client).in_field("welcome")?.assume_persisted();
        must_equal("initial_epoch_authenticator", &authenticator(&group), &self.initial_epoch_authenticator)?;

        for (number, epoch) in self.epochs.iter().enumerate() {
            for (index, proposal) in epoch.proposals.iter().enumerate() {
                let field = format!("epochs[{number}].proposals[{index}]");
                let proposal = message(&field, proposal)?;
                let processed = group.process(proposal, &client).in_field(&field)?.assume_persisted();
                must(&field, matches!(processed, Processed::Proposal(_)), "not a proposal")?;
            }
            let field = format!("epochs[{number}].commit");
            let commit = message(&field, &epoch.commit)?;
            match group.process(commit, &client).in_field(&field)?.assume_persisted() {
                Processed::Commit(staged) => drop(group.merge(*staged).in_field(&field)?),
                _ => return must(field, false, "not a Commit"),
            }
            must_equal(
                format!("epochs[{number}].epoch_authenticator"),
                &authenticator(&group),
                &epoch.epoch_authenticator,
            )?;
        }
        Ok(())
    }
}

impl Keys {
    /// Returns the KeyPackage together with its private keys. Fails if a private key does not match
    /// the KeyPackage.
    pub(crate) fn bundle(&self, suite: Suite) -> Result<(KeyPackageBundle, Box<dyn Signer>), Problem> {
        let key_package = match message("key_package", &self.key_package).map(|message| message.body) {
            Ok(MlsMessageBody::KeyPackage(key_package)) => *key_package,
            _ => KeyPackage::decode(&self.key_package).in_field("key_package")?,
        };
        let signer = suite.signer(&signature_key(suite, &self.signature_priv)).in_field("signature_priv")?;
        must_equal("signature_priv", signer.public_key(), &key_package.leaf_node.signature_key)?;
        let key_pair = |field, key| suite.hpke_key_pair(hpke_key(suite, key)).in_field(field);
        let init_key_pair = key_pair("init_priv", &self.init_priv)?;
        must_equal("init_priv", &init_key_pair.public, &key_package.init_key)?;
        let leaf_key_pair = key_pair("encryption_priv", &self.encryption_priv)?;
        must_equal("encryption_priv", &leaf_key_pair.public, &key_package.leaf_node.encryption_key)?;
        Ok((KeyPackageBundle { key_package, init_key_pair, leaf_key_pair }, signer))
    }
}

fn message(field: &str, bytes: &[u8]) -> Result<MlsMessage, Problem> {
    let message = MlsMessage::decode(bytes).in_field(field)?;
    must_equal(field, &message.encode().in_field(field)?, bytes)?;
    Ok(message)
}

/// A client that sends messages, in contrast to the passive client.
struct Member {
    signer: Box<dyn Signer>,
    group: Group,
}

fn client<'a>(signer: &'a dyn Signer, psks: &'a dyn PskStore, config: GroupConfig) -> Context<'a> {
    CLIENT.without_clock(signer).with_psks(psks).with_config(config)
}

/// A client that has not joined yet: its KeyPackage, its signer and its private signature key.
type NewClient = (KeyPackageBundle, Box<dyn Signer>, SignaturePrivateKey);

fn new_bundle(suite: Suite, name: u8, rng: &mut ChaCha20Rng) -> Result<NewClient, Box<dyn Error>> {
    let private = suite.signature_generate_key(rng)?;
    let signer = suite.signer(&private)?;
    let template = KeyPackageTemplate {
        credential: Credential::Basic { identity: vec![name].into() },
        capabilities: Capabilities::new(CipherSuite::ALL, [CredentialType::BASIC]),
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    let bundle = KeyPackageBundle::new(suite, template, &*signer, rng).map_err(Box::new)?;
    Ok((bundle, signer, private))
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    // Two variants: encrypted handshake messages and a Welcome with the ratchet tree, or public
    // handshake messages and a Welcome without it.
    [(true, true), (false, false)]
        .into_iter()
        .map(|(encrypt, tree)| case(suite, encrypt, tree, rng))
        .collect()
}

fn case(
    suite: Suite,
    encrypt_handshakes: bool,
    tree_in_welcome: bool,
    rng: &mut ChaCha20Rng,
) -> Result<Case, Box<dyn Error>> {
    let config = GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes);
    let psk_id = Hex(bytes(rng, 8));
    let external_psks = vec![ExternalPsk { psk_id: psk_id.clone(), psk: Hex(bytes(rng, 40)) }];
    let psks = Psks(&external_psks);
    let psk = || Psk::External { psk_id: (&*psk_id).into() };

    // Create the two active members and the passive client.
    let (bundle, signer, _) = new_bundle(suite, 0, rng)?;
    let group_id = GroupId::from(bytes(rng, 16));
    let creator = client(&*signer, &psks, config);
    let group = Group::builder(group_id).build(bundle, &creator, rng)?.assume_persisted();
    let mut alice = Member { signer, group };
    let (bob_bundle, bob_signer, _) = new_bundle(suite, 1, rng)?;
    let (bundle, _, signature_private) = new_bundle(suite, 2, rng)?;
    let mut builder =
        alice.group.commit().add(bob_bundle.key_package.clone()).add(bundle.key_package.clone());
    if !tree_in_welcome {
        builder = builder.without_tree();
    }
    let output = builder.psk(psk()).build(&client(&*alice.signer, &psks, config), rng)?.assume_persisted();
    alice.group.merge_pending()?.assume_persisted();
    let welcome = output.welcome.ok_or("no Welcome")?;
    let tree = alice.group.public().tree().export()?;
    let outside = (!tree_in_welcome).then_some(&*tree);
    let group =
        Group::join(&welcome, &bob_bundle, outside, &client(&*bob_signer, &psks, config))?.assume_persisted();
    let mut bob = Member { signer: bob_signer, group };
    let mut case = Case {
        cipher_suite: suite.cipher_suite().0,
        external_psks: external_psks.clone(),
        keys: Keys {
            key_package: Hex(MlsMessage::from(bundle.key_package.clone()).encode()?),
            signature_priv: signature_private.expose().into(),
            encryption_priv: bundle.leaf_key_pair.private.expose().into(),
            init_priv: bundle.init_key_pair.private.expose().into(),
        },
        welcome: Hex(MlsMessage::from(welcome).encode()?),
        ratchet_tree: outside.map(Hex::from),
        initial_epoch_authenticator: Hex(authenticator(&alice.group)),
        epochs: Vec::new(),
    };

    for round in 0..6 {
        // Alice and Bob take turns as the committer. The member that does not commit sends an
        // Update, which the Commit includes by reference.
        let (committer, other) = if round % 2 == 0 { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        let mut proposals = Vec::new();
        if round % 3 != 2 {
            let sender = client(&*other.signer, &psks, config);
            let update = other.group.propose_update(None, b"", &sender, rng)?.assume_persisted();
            let receiver = client(&*committer.signer, &psks, config);
            let _ = committer.group.process(update.clone(), &receiver)?;
            proposals.push(Hex(update.encode()?));
        }
        let builder = committer.group.commit();
        let builder = match round {
            0 | 1 => builder.add(new_bundle(suite, 10, rng)?.0.key_package),
            2 => builder.remove(LeafIndex(3)),
            3 => builder.psk(psk()),
            5 => builder.add(new_bundle(suite, 11, rng)?.0.key_package).without_path(),
            _ => builder,
        };
        let commit =
            builder.build(&client(&*committer.signer, &psks, config), rng)?.assume_persisted().message;
        committer.group.merge_pending()?.assume_persisted();
        match other.group.process(commit.clone(), &client(&*other.signer, &psks, config))?.assume_persisted()
        {
            Processed::Commit(staged) => drop(other.group.merge(*staged)?),
            _ => return Err("a Commit was processed as another message".into()),
        }
        let agreed = authenticator(&committer.group);
        if agreed != authenticator(&other.group) {
            return Err("two members disagree".into());
        }
        case.epochs.push(Epoch {
            proposals,
            commit: Hex(commit.encode()?),
            epoch_authenticator: Hex(agreed),
        });
    }
    Ok(case)
}

/// Returns the epoch authenticator of a group, or an empty value if our client was removed.
fn authenticator(group: &Group) -> Vec<u8> {
    group.epoch_authenticator().map(|authenticator| authenticator.expose().to_vec()).unwrap_or_default()
}
