//! Writes seed inputs for every fuzz target, based on the official test vectors of MLS.
//!
//! Messages are split into their parts, so that a KeyPackage, for example, also provides seeds for
//! leaf nodes, credentials and extensions. Before that, the program creates values that no vector
//! contains unencrypted.

use pando_wire::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

type Outcome = Result<(), Box<dyn Error>>;

/// The maximum length of a seed. The fuzzer progresses faster with many small seeds.
const LARGEST: usize = 8 * 1024;
/// The maximum number of seeds per target. The number is limited because many seeds have the same
/// structure.
const MOST: usize = 1000;

fn main() -> Outcome {
    // Cargo sets this variable to the folder that contains the package.
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| ".".into()));
    let vectors = vectors(&package);
    let mut seeds = Seeds { corpus: package.join("corpus"), written: BTreeMap::new() };

    println!("reading {}", vectors.display());
    let files: Result<BTreeSet<_>, _> =
        fs::read_dir(&vectors)?.map(|entry| entry.map(|e| e.path())).collect();
    seeds.made_up()?;
    for path in files? {
        if path.extension().is_some_and(|extension| extension == "json") {
            let file: Value = serde_json::from_slice(&fs::read(&path)?)?;
            seeds.walk("", &file).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }

    for (target, names) in seeds.written {
        println!("{:6} {target}", names.len());
    }
    Ok(())
}

/// Returns the folder of the test vectors, which is the argument, the value of the environment
/// variable, or one of the default folders.
fn vectors(package: &Path) -> PathBuf {
    let told = env::args_os().nth(1).or_else(|| env::var_os("PANDO_TEST_VECTORS"));
    if let Some(path) = told {
        return path.into();
    }
    let shared = package.join("../../shared/test-vectors/official");
    if shared.is_dir() { shared } else { package.join("../test-vectors") }
}

struct Seeds {
    corpus: PathBuf,
    /// The hashes that name the files written so far, for each target.
    written: BTreeMap<&'static str, BTreeSet<u64>>,
}

impl Seeds {
    /// Visits a value of a JSON file under its key, and all values that it contains.
    fn walk(&mut self, key: &str, value: &Value) -> Outcome {
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| self.walk(key, value)),
            Value::Object(fields) => fields.iter().try_for_each(|(key, value)| self.walk(key, value)),
            Value::String(text) => self.field(key, text).map_err(|error| format!("{key}: {error}").into()),
            _ => Ok(()),
        }
    }

    fn field(&mut self, key: &str, text: &str) -> Outcome {
        match key {
            "mls_welcome" | "mls_group_info" | "mls_key_package" | "welcome" | "key_package"
            | "private_message" | "proposals" | "application_priv" => self.message(text),
            _ if key.starts_with("public_message_") => self.message(text),
            "proposal_pub" | "proposal_priv" | "commit_pub" | "commit_priv" => self.message(text),
            // In the vectors of the kind `passive-client`, this field contains a whole message. In
            // the other vectors, it contains only the Commit itself.
            "commit" if text.starts_with("0001") => self.message(text),
            "commit" => self.commit(&decode(text)?),
            "proposal" => self.proposal(&decode(text)?),
            "add_proposal" => self.proposal_body(ProposalType::ADD, text),
            "update_proposal" => self.proposal_body(ProposalType::UPDATE, text),
            "remove_proposal" => self.proposal_body(ProposalType::REMOVE, text),
            "pre_shared_key_proposal" => self.proposal_body(ProposalType::PSK, text),
            "re_init_proposal" => self.proposal_body(ProposalType::REINIT, text),
            "external_init_proposal" => self.proposal_body(ProposalType::EXTERNAL_INIT, text),
            "group_context_extensions_proposal" => {
                self.proposal_body(ProposalType::GROUP_CONTEXT_EXTENSIONS, text)
            }
            "ratchet_tree" | "tree" | "tree_before" | "tree_after" => self.tree(&decode(text)?),
            "update_path" => self.update_path(&decode(text)?),
            "group_secrets" => self.write("group_secrets", &decode::<GroupSecrets>(text)?.encode()?),
            "authenticated_content" => self.authenticated_content(&decode(text)?),
            _ => Ok(()),
        }
    }

    fn message(&mut self, text: &str) -> Outcome {
        let message: MlsMessage = decode(text)?;
        self.write("mls_message", &message.encode()?)?;
        match message.body {
            MlsMessageBody::PublicMessage(body) => {
                self.write("public_message", &body.encode()?)?;
                // Mode 0 opens the message. Mode 1 corrects the membership tag first.
                self.write("open_message", &[vec![0], text_bytes(text)?].concat())?;
                self.write("open_message", &[vec![1], body.encode()?].concat())?;
                let PublicMessage { content, auth, .. } = *body;
                let wire_format = WireFormat::MLS_PUBLIC_MESSAGE;
                self.authenticated_content(&AuthenticatedContent { wire_format, content, auth })
            }
            MlsMessageBody::PrivateMessage(body) => self.write("private_message", &body.encode()?),
            MlsMessageBody::Welcome(body) => {
                self.write("welcome", &body.encode()?)?;
                // Mode 0 joins by any Welcome.
                self.write("join", &[vec![0], body.encode()?].concat())
            }
            MlsMessageBody::GroupInfo(body) => {
                self.write("group_info", &body.encode()?)?;
                // Mode 3 takes the GroupContext from this GroupInfo. With flags 0, nothing else is
                // changed.
                self.write("join", &[vec![3, 0], body.encode()?].concat())?;
                self.extensions(&body.group_context.extensions)?;
                self.extensions(&body.extensions)
            }
            MlsMessageBody::KeyPackage(body) => self.key_package(&body),
        }
    }

    fn authenticated_content(&mut self, value: &AuthenticatedContent) -> Outcome {
        self.write("authenticated_content", &value.encode()?)?;
        let content = &value.content.content;
        // The target expects the content type as the first byte. Add some padding.
        let mut bytes = content.content_type().encode()?;
        bytes.extend(&*PrivateMessageContent::encode(content, &value.auth, |len| len + 3)?);
        self.write("private_message_content", &bytes)?;
        // The first byte is the mode of the target. Mode 3 signs this content and opens the result.
        self.write("open_message", &[vec![3], value.content.encode()?].concat())?;
        // Mode 2 encrypts with chosen sender data. The input consists of the content type, the
        // sender data and the plaintext.
        let sender_data = SenderData { leaf_index: LeafIndex(1), generation: 0, reuse_guard: [0; 4] };
        let (content_type, plaintext) = bytes.split_at(1);
        let seed = [vec![2], content_type.to_vec(), sender_data.encode()?, plaintext.to_vec()].concat();
        self.write("open_message", &seed)?;
        match content {
            Content::Application(_) => Ok(()),
            Content::Proposal(proposal) => self.proposal(proposal),
            Content::Commit(commit) => self.commit(commit),
        }
    }

    fn proposal_body(&mut self, proposal_type: ProposalType, text: &str) -> Outcome {
        let bytes = [proposal_type.encode()?, hex::decode(text)?].concat();
        self.proposal(&Proposal::decode(&bytes)?)
    }

    fn proposal(&mut self, value: &Proposal) -> Outcome {
        self.write("proposal", &value.encode()?)?;
        // Mode 2 signs this proposal. The byte 0 makes a member the sender.
        self.write("process_message", &[vec![2, 0], value.encode()?].concat())?;
        match value {
            Proposal::Add(add) => self.key_package(&add.key_package),
            Proposal::Update(update) => self.leaf_node(&update.leaf_node),
            Proposal::ReInit(reinit) => self.extensions(&reinit.extensions),
            Proposal::GroupContextExtensions(proposal) => self.extensions(&proposal.extensions),
            _ => Ok(()),
        }
    }

    fn commit(&mut self, value: &Commit) -> Outcome {
        self.write("commit", &value.encode()?)?;
        for proposal in &value.proposals {
            if let ProposalOrRef::Proposal(proposal) = proposal {
                self.proposal(proposal)?;
            }
        }
        value.path.as_ref().map_or(Ok(()), |path| self.update_path(path))
    }

    fn update_path(&mut self, value: &UpdatePath) -> Outcome {
        self.write("update_path", &value.encode()?)?;
        self.leaf_node(&value.leaf_node)
    }

    fn key_package(&mut self, value: &KeyPackage) -> Outcome {
        self.write("key_package", &value.encode()?)?;
        self.extensions(&value.extensions)?;
        self.leaf_node(&value.leaf_node)
    }

    fn leaf_node(&mut self, value: &LeafNode) -> Outcome {
        self.write("leaf_node", &value.encode()?)?;
        self.write("credential", &value.credential.encode()?)?;
        self.extensions(&value.extensions)
    }

    fn tree(&mut self, value: &RatchetTree) -> Outcome {
        self.write("ratchet_tree", &value.encode()?)?;
        // Mode 4 imports this ratchet tree.
        self.write("join", &[vec![4], value.encode()?].concat())?;
        // One leaf node of each tree is enough, because the leaf nodes are similar.
        if let Some(Some(Node::Leaf(leaf))) = value.0.first() {
            self.leaf_node(leaf)?;
        }
        Ok(())
    }

    fn extensions(&mut self, value: &Extensions) -> Outcome {
        self.write("extensions", &value.encode()?)?;
        for extension in &value.0 {
            self.write("extension_bodies", &extension.extension_data)?;
        }
        value.find::<RatchetTree>()?.map_or(Ok(()), |tree| self.tree(&tree))
    }

    /// Creates and writes seeds for structures that the vectors contain only encrypted or not at
    /// all.
    fn made_up(&mut self) -> Outcome {
        for (target, seed) in pando_fuzz::seeds() {
            self.write(target, &seed)?;
        }
        for leaf in [0, 1, u32::MAX] {
            let leaf_index = LeafIndex(leaf);
            let value = SenderData { leaf_index, generation: 1, reuse_guard: [1, 2, 3, 4] };
            self.write("sender_data", &value.encode()?)?;
        }

        let certificate = |len| Certificate { cert_data: vec![0x30; len].into() };
        let chain = Credential::X509 { certificates: vec![certificate(3), certificate(70)] };
        let other = Credential::Other { credential_type: CredentialType(0x0a0a), data: vec![1, 2].into() };
        self.write("credential", &chain.encode()?)?;
        self.write("credential", &other.encode()?)?;

        let signature_key = SignaturePublicKey::from(vec![4; 32]);
        let senders = [chain, other]
            .map(|credential| ExternalSender { signature_key: signature_key.clone(), credential });
        let required = RequiredCapabilities {
            extension_types: vec![ExtensionType(0x0a0a), ExtensionType(0xf000)],
            proposal_types: vec![ProposalType(0xf001)],
            credential_types: vec![CredentialType::BASIC, CredentialType::X509],
        };
        let id = ApplicationId { application_id: vec![1, 2, 3].into() };
        self.extensions(&Extensions(vec![
            Extension::new(&id)?,
            Extension::new(&RatchetTree(vec![None, None]))?,
            Extension::new(&required)?,
            Extension::new(&ExternalPub { external_pub: vec![4; 32].into() })?,
            Extension::new(&ExternalSenders(senders.into()))?,
        ]))
    }

    /// Writes a seed unless it has been written before. The file is named after the hash of the
    /// seed.
    fn write(&mut self, target: &'static str, bytes: &[u8]) -> Outcome {
        let names = self.written.entry(target).or_default();
        if bytes.len() > LARGEST || names.len() >= MOST {
            return Ok(());
        }
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        if names.insert(hasher.finish()) {
            let folder = self.corpus.join(target);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{:016x}", hasher.finish())), bytes)?;
        }
        Ok(())
    }
}

fn text_bytes(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(hex::decode(text)?)
}

fn decode<T: Decode>(text: &str) -> Result<T, Box<dyn Error>> {
    Ok(T::decode(&text_bytes(text)?)?)
}
