//! The people in the examples, and what they do over and over again.

#![allow(dead_code, reason = "no example needs all of it")]

use pando_mls::*;
use std::error::Error;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The cipher suite that every implementation has.
pub(crate) const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

pub(crate) fn suite(id: CipherSuite) -> Outcome<Suite> {
    Ok(RustCrypto.suite(id).ok_or("there is no such cipher suite")?)
}

/// Somebody with a name and a signature key.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) psks: &'static dyn PskStore,
    pub(crate) config: GroupConfig,
}

impl Person {
    pub(crate) fn new(name: &str, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<Self> {
        let signer = suite.signer(&suite.signature_generate_key(rng)?)?;
        Ok(Self { name: name.to_owned(), signer, psks: &NoPsks, config: GroupConfig::default() })
    }

    /// What this person brings to every operation.
    pub(crate) fn client(&self) -> Client<'_> {
        let Self { signer, psks, config, .. } = self;
        Client {
            crypto: &RustCrypto,
            signer: &**signer,
            policy: &BasicIdentities,
            rules: &DefaultRules,
            psks: *psks,
            is_in_group: &|_| false,
            now: None,
            config: *config,
        }
    }

    /// What this person's leaf says. All suites are supported, since a group may change its own.
    pub(crate) fn leaf(&self) -> LeafTemplate {
        LeafTemplate {
            credential: Credential::Basic { identity: self.name.as_bytes().into() },
            capabilities: Capabilities::new(CipherSuite::ALL, [CredentialType::BASIC]),
            extensions: Extensions::default(),
        }
    }

    /// A KeyPackage, by which others can add this person, and its private keys.
    pub(crate) fn key_package(&self, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<KeyPackageBundle> {
        let LeafTemplate { credential, capabilities, extensions } = self.leaf();
        let template = KeyPackageTemplate {
            credential,
            capabilities,
            lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
            leaf_extensions: extensions,
            extensions: Extensions::default(),
        };
        Ok(KeyPackageBundle::new(suite, template, &*self.signer, rng)?)
    }

    /// Begins a group.
    pub(crate) fn create(self, name: &str, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<Member> {
        let bundle = self.key_package(suite, rng)?;
        let (id, extensions) = (name.as_bytes().into(), Extensions::default());
        let created = Group::create(suite, id, extensions, bundle, &self.client(), rng)?;
        Member::new(self, created)
    }

    /// Joins by a Welcome.
    pub(crate) fn join(self, welcome: &Welcome, bundle: &KeyPackageBundle) -> Outcome<Member> {
        let joined = Group::join(welcome, bundle, None, &self.client())?;
        Member::new(self, joined)
    }
}

/// Somebody in a group, with a store.
pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) group: Group,
    pub(crate) rows: Rows,
}

impl Member {
    pub(crate) fn new(person: Person, group: Unpersisted<Group>) -> Outcome<Self> {
        let mut rows = Rows::new();
        let group = group.persist_to(&mut rows)?;
        Ok(Self { person, group, rows })
    }

    /// Makes a Commit, which is pending until it comes back.
    pub(crate) fn commit(
        &mut self,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Outcome<(MlsMessage, Option<Welcome>)> {
        let output = fill(self.group.commit()).build(&self.person.client(), rng)?;
        let output = output.persist_to(&mut self.rows)?;
        Ok((output.message, output.welcome))
    }

    pub(crate) fn send(&mut self, text: &str, rng: &mut dyn CryptoRng) -> Outcome<MlsMessage> {
        let message = self.group.encrypt(text.as_bytes(), b"", &self.person.client(), rng)?;
        Ok(message.persist_to(&mut self.rows)?)
    }

    /// Takes any message: enters the epoch of a Commit, keeps a proposal, and gives back the text that somebody has
    /// sent.
    pub(crate) fn receive(&mut self, message: &MlsMessage) -> Outcome<Option<String>> {
        let Self { person, group, rows } = self;
        let processed = group.process(message.clone(), &person.client())?;
        match processed.persist_to(rows)? {
            Processed::Application { data, .. } => return Ok(Some(String::from_utf8(data.to_vec())?)),
            Processed::Commit(staged) => {
                group.merge(*staged)?.persist_to(rows)?;
            }
            Processed::OwnCommit => group.merge_pending()?.persist_to(rows)?,
            Processed::Proposal(_) | Processed::NotAdmitted(..) | Processed::OwnProposal(_) => {}
        }
        Ok(None)
    }
}

/// A message reaches all of them.
pub(crate) fn deliver<'a>(
    message: &MlsMessage,
    members: impl IntoIterator<Item = &'a mut Member>,
) -> Outcome {
    members.into_iter().try_for_each(|member| member.receive(message).map(drop))
}

/// All of them are in the same epoch and have the same secrets.
pub(crate) fn assert_agreement<'a>(members: impl IntoIterator<Item = &'a Member>) {
    let mut members = members.into_iter().map(|member| &member.group);
    let Some(first) = members.next() else { return };
    for other in members {
        assert_eq!(other.public().context(), first.public().context());
        assert_eq!(other.epoch_authenticator(), first.epoch_authenticator());
    }
}
