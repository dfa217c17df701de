//! The initial state of most test cases, which is a group of Alice, Bob and the client, and the
//! actions that most test cases share.

use super::forger::{Draft, Forger, Forging, Item, Sent, TestClient, sign_leaf};
use crate::random::bytes;
use pando_crypto::Suite;
use pando_wire::{
    Add, Capabilities, CipherSuite, CredentialType, Extension, ExtensionType, Extensions,
    GroupContextExtensions, KeyPackage, LeafIndex, LeafNode, LeafNodeSource, PreSharedKey, PreSharedKeyId,
    Proposal, ProposalType, ProtocolVersion, Psk, Remove, Update,
};
use rand_chacha::ChaCha20Rng;
use std::rc::Rc;

/// The leaf indices of the members.
pub(crate) const ALICE: LeafIndex = LeafIndex(0);
pub(crate) const BOB: LeafIndex = LeafIndex(1);
pub(crate) const CLIENT: LeafIndex = LeafIndex(2);

/// Two extension types that all members support, and one that no member supports.
pub(crate) const LISTED: ExtensionType = ExtensionType(0xf00e);
const ALSO_LISTED: ExtensionType = ExtensionType(0xf00f);
pub(crate) const UNKNOWN: ExtensionType = ExtensionType(0xf00d);
/// A proposal type that all members support, and one that no member supports.
pub(crate) const LISTED_PROPOSAL: ProposalType = ProposalType(0xf001);
pub(crate) const UNKNOWN_PROPOSAL: ProposalType = ProposalType(0xf002);

/// The identifier of the external PSK that all members know.
const PSK_ID: &[u8] = b"psk";

/// The properties of the group in a test case.
pub(crate) struct Parameters {
    pub(crate) epoch: u64,
    pub(crate) extensions: Extensions,
    /// The capabilities of all members, including members that join later.
    pub(crate) capabilities: Capabilities,
    /// Whether the group allows an external sender to send proposals.
    pub(crate) has_server: bool,
}

/// The group from Alice's point of view. Alice forges the messages to the client.
pub(crate) struct Fixture {
    pub(crate) forger: Forger,
    pub(crate) client: Rc<TestClient>,
    /// The client's second KeyPackage.
    pub(crate) spare: Rc<TestClient>,
    pub(crate) server: Rc<TestClient>,
    pub(crate) capabilities: Capabilities,
    /// The path secret in the client's Welcome.
    pub(crate) path_secret: Option<Vec<u8>>,
}

impl Fixture {
    pub(crate) fn new(
        suite: Suite,
        mut rng: ChaCha20Rng,
        change: fn(&mut Parameters) -> Forging<()>,
    ) -> Forging<Self> {
        let mut parameters = Parameters {
            epoch: 7,
            extensions: Extensions::default(),
            capabilities: Capabilities {
                versions: vec![ProtocolVersion::MLS_10],
                cipher_suites: vec![suite.cipher_suite()],
                extensions: vec![LISTED, ALSO_LISTED],
                proposals: vec![LISTED_PROPOSAL],
                credentials: vec![CredentialType::BASIC],
            },
            has_server: false,
        };
        change(&mut parameters)?;
        let Parameters { epoch, mut extensions, capabilities, has_server } = parameters;
        let mut new_client = |name| TestClient::new(suite, name, &capabilities, &mut rng);
        let (alice, bob, client) = (new_client("alice")?, new_client("bob")?, new_client("client")?);
        let (spare, server) = (new_client("client")?, new_client("server")?);
        if has_server {
            let sender = pando_wire::ExternalSender {
                signature_key: server.signer.public_key().clone(),
                credential: server.key_package.leaf_node.credential.clone(),
            };
            extensions.0.push(Extension::new(&pando_wire::ExternalSenders(vec![sender]))?);
        }
        let psk = bytes(&mut rng, suite.hash_len());
        let mut forger = Forger::new(suite, epoch, extensions, alice, rng)?;
        let _ = forger.external_psks.insert(PSK_ID.to_vec(), psk);
        let _ = forger.add_member(bob)?;
        let client_leaf = forger.add_member(client)?;
        let path_secret = forger.renew(ALICE, client_leaf)?;
        let client = forger.member(client_leaf)?;
        let (spare, server) = (Rc::new(spare), Rc::new(server));
        Ok(Self { forger, client, spare, server, capabilities, path_secret })
    }

    pub(crate) fn fork(&self) -> Forging<Self> {
        Ok(Self {
            forger: self.forger.fork()?,
            client: Rc::clone(&self.client),
            spare: Rc::clone(&self.spare),
            server: Rc::clone(&self.server),
            capabilities: self.capabilities.clone(),
            path_secret: self.path_secret.clone(),
        })
    }

    pub(crate) fn suite(&self) -> Suite {
        self.forger.suite
    }

    /// Returns a cipher suite that differs from the group's cipher suite.
    pub(crate) fn other_suite(&self) -> CipherSuite {
        if self.suite().cipher_suite() == CipherSuite(1) { CipherSuite(2) } else { CipherSuite(1) }
    }

    /// Returns the client's Welcome to the group.
    pub(crate) fn welcome(&mut self) -> Forging<Sent> {
        self.forger.welcome(&self.client, self.path_secret.as_deref())
    }

    /// Returns a client that is not in the group. `change` changes its KeyPackage before it is
    /// signed.
    pub(crate) fn newcomer(&mut self, change: impl FnOnce(&mut KeyPackage)) -> Forging<TestClient> {
        self.forger.client("dora", &self.capabilities, change)
    }

    /// Returns a client that is not in the group and has the given name.
    pub(crate) fn named(&mut self, name: &str) -> Forging<TestClient> {
        self.forger.client(name, &self.capabilities, |_| {})
    }

    /// Alice sends a Commit with the given proposals.
    pub(crate) fn commits(&mut self, items: impl IntoIterator<Item = impl Into<Item>>) -> Forging<Vec<Sent>> {
        Ok(vec![Draft::new(items).send(&mut self.forger)?])
    }

    /// Alice sends a Commit with the given proposals and without a path.
    pub(crate) fn commits_without_path(
        &mut self,
        items: impl IntoIterator<Item = impl Into<Item>>,
    ) -> Forging<Vec<Sent>> {
        Ok(vec![Draft::new(items).with_path(false).send(&mut self.forger)?])
    }

    /// Alice adds a client. `change` changes the client's KeyPackage before it is signed.
    pub(crate) fn adds(&mut self, change: impl FnOnce(&mut KeyPackage)) -> Forging<Vec<Sent>> {
        let client = self.newcomer(change)?;
        self.commits_without_path([add(client.key_package)])
    }

    /// Returns a leaf node for an Update from Bob, signed for the leaf index `place` after `change`
    /// is applied.
    pub(crate) fn updated_leaf(
        &mut self,
        place: LeafIndex,
        change: impl FnOnce(&mut LeafNode),
    ) -> Forging<LeafNode> {
        let (suite, bob) = (self.suite(), self.forger.member(BOB)?);
        let mut leaf_node = self.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?;
        leaf_node.encryption_key = suite.hpke_generate_key_pair(&mut self.forger.rng)?.public;
        leaf_node.leaf_node_source = LeafNodeSource::Update;
        change(&mut leaf_node);
        sign_leaf(suite, &mut leaf_node, (&self.forger.context.group_id, place), &*bob.signer)?;
        Ok(leaf_node)
    }

    /// Bob sends an Update, and Alice commits it. `change` changes the leaf node of the Update
    /// before it is signed.
    pub(crate) fn updates(&mut self, change: impl FnOnce(&mut LeafNode)) -> Forging<Vec<Sent>> {
        let leaf_node = self.updated_leaf(BOB, change)?;
        let (update, sent_proposal) = self.forger.propose(BOB, update(leaf_node))?;
        Ok(vec![update, Draft::new([sent_proposal]).send(&mut self.forger)?])
    }

    /// Returns the identifier of the external PSK that all members know, with a new nonce.
    pub(crate) fn psk(&mut self) -> PreSharedKeyId {
        PreSharedKeyId { psk: Psk::External { psk_id: PSK_ID.into() }, psk_nonce: self.forger.nonce() }
    }
}

pub(crate) fn add(key_package: KeyPackage) -> Proposal {
    Proposal::Add(Box::new(Add { key_package }))
}

pub(crate) fn update(leaf_node: LeafNode) -> Proposal {
    Proposal::Update(Box::new(Update { leaf_node }))
}

pub(crate) fn remove(removed: LeafIndex) -> Proposal {
    Proposal::Remove(Remove { removed })
}

pub(crate) fn psk(psk: PreSharedKeyId) -> Proposal {
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
}

pub(crate) fn set_extensions(extensions: Extensions) -> Proposal {
    Proposal::GroupContextExtensions(GroupContextExtensions { extensions })
}

pub(crate) fn extension(extension_type: ExtensionType, data: &[u8]) -> Extension {
    Extension { extension_type, extension_data: data.into() }
}

/// Returns two extensions, which have different types if `valid` is set and the same type
/// otherwise.
pub(crate) fn two_extensions(valid: bool) -> Extensions {
    let second = if valid { ALSO_LISTED } else { LISTED };
    Extensions(vec![extension(LISTED, b"1"), extension(second, b"2")])
}
