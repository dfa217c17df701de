//! Users and members, and the operations that the examples share.

#![allow(dead_code, reason = "each example uses a part")]

use pando_mls::*;
use std::error::Error;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The cipher suite that all implementations must support.
pub(crate) const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

pub(crate) fn suite(id: CipherSuite) -> Outcome<Suite> {
    Ok(RustCrypto.suite(id).ok_or("there is no such cipher suite")?)
}

/// The current time in the examples, in seconds since 1970. A real application uses the system
/// time.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A user with a name, a signature key and a client.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) psks: &'static dyn PskStore,
    pub(crate) client: Client,
}

impl User {
    pub(crate) fn new(name: &str, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<Self> {
        let signer = suite.signer(&suite.signature_generate_key(rng)?)?;
        Ok(Self { name: name.to_owned(), signer, psks: &NoPsks, client: Client::new(BasicIdentities) })
    }

    /// Returns the context for this user's operations.
    pub(crate) fn cx(&self) -> Context<'_> {
        self.client.at(NOW, &*self.signer).with_psks(self.psks)
    }

    /// Returns the contents of this user's leaf. The leaf supports all cipher suites, because a
    /// ReInit may change the cipher suite of a group.
    pub(crate) fn leaf(&self) -> LeafTemplate {
        LeafTemplate {
            credential: Credential::basic(self.name.as_str()),
            capabilities: Capabilities::new(CipherSuite::ALL, [CredentialType::BASIC]),
            extensions: Extensions::default(),
        }
    }

    /// Creates a KeyPackage together with its private keys.
    pub(crate) fn key_package(&self, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<KeyPackageBundle> {
        let LeafTemplate { credential, capabilities, extensions } = self.leaf();
        let builder = self.cx().key_package(suite.cipher_suite(), credential);
        Ok(builder.capabilities(capabilities).leaf_extensions(extensions).build(rng)?)
    }

    /// Creates a group with this user as its only member.
    pub(crate) fn create(self, name: &str, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<Member> {
        let bundle = self.key_package(suite, rng)?;
        let created = Group::builder(name).build(bundle, &self.cx(), rng)?;
        Member::new(self, created)
    }

    /// Joins a group by a Welcome.
    pub(crate) fn join(self, welcome: &Welcome, bundle: &KeyPackageBundle) -> Outcome<Member> {
        let joined = Group::join(welcome, bundle, None, &self.cx())?;
        Member::new(self, joined)
    }
}

/// A member of a group, together with its store.
pub(crate) struct Member {
    pub(crate) user: User,
    pub(crate) group: Group,
    pub(crate) rows: Rows,
}

impl Member {
    pub(crate) fn new(user: User, group: Unpersisted<Group>) -> Outcome<Self> {
        let mut rows = Rows::new();
        let group = group.persist_to(&mut rows)?;
        Ok(Self { user, group, rows })
    }

    /// Creates a Commit. The Commit is pending until the member receives it.
    pub(crate) fn commit(
        &mut self,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Outcome<(MlsMessage, Option<Welcome>)> {
        let output = fill(self.group.commit()).build(&self.user.cx(), rng)?;
        let output = output.persist_to(&mut self.rows)?;
        Ok((output.message, output.welcome))
    }

    pub(crate) fn send(&mut self, text: &str, rng: &mut dyn CryptoRng) -> Outcome<MlsMessage> {
        let message = self.group.encrypt(text.as_bytes(), &self.user.cx(), rng)?;
        Ok(message.persist_to(&mut self.rows)?)
    }

    /// Processes a message. For a Commit, enters the new epoch; for a proposal, keeps it; for an
    /// application message, returns its text.
    pub(crate) fn receive(&mut self, message: &MlsMessage) -> Outcome<Option<String>> {
        let Self { user, group, rows } = self;
        let processed = group.process(message.clone(), &user.cx())?;
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

/// Delivers a message to each of `members`.
pub(crate) fn deliver<'a>(
    message: &MlsMessage,
    members: impl IntoIterator<Item = &'a mut Member>,
) -> Outcome {
    members.into_iter().try_for_each(|member| member.receive(message).map(drop))
}

/// Asserts that all `members` are in the same epoch and have the same secrets.
pub(crate) fn assert_agreement<'a>(members: impl IntoIterator<Item = &'a Member>) {
    let mut members = members.into_iter().map(|member| &member.group);
    let Some(first) = members.next() else { return };
    for other in members {
        assert_eq!(other.public().context(), first.public().context());
        assert_eq!(other.epoch_authenticator(), first.epoch_authenticator());
    }
}
