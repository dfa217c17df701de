//! Proposals from members, from an external sender, and from clients that ask to be added.

use crate::client::{CAPABLE, CUSTOM_EXTENSION, CUSTOM_PROPOSAL, Id, NOW, POLICY, context, leaf};
use crate::content::custom;
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::history::Proposed;
use crate::random::Random;
use crate::service::{Handshake, Record};
use crate::simulation::{Simulation, suite};
use pando_mls::{
    Credential, CredentialType, Encode, Extension, ExtensionType, Extensions, GroupConfig, GroupError,
    GroupId, MlsMessage, NewLeaf, Proposal, ProtocolVersion, ReInit, Signer, Violation,
    propose_as_external_sender, propose_own_add,
    wire::{
        Add, ExternalSender, ExternalSenders, GroupContextExtensions, PreSharedKey, PreSharedKeyId, Remove,
        RequiredCapabilities,
    },
};
use std::collections::BTreeSet;

impl Simulation {
    pub(crate) fn propose(&mut self, proposed: Proposed, random: &mut Random) -> Outcome<bool> {
        let Some(by) = random.pick(self.proposers()) else { return Ok(false) };
        let record = self.service.current()?.clone();
        let required = demanding(&record.public.context.extensions);
        let message = match proposed {
            Proposed::Update | Proposed::Rotate => {
                let rotates = proposed == Proposed::Rotate;
                if rotates {
                    self.clients[by].new_signer(self.suite, random)?;
                }
                let capable = required || random.percent(CAPABLE);
                self.clients[by].act(&self.psks, |group, cx, newest| {
                    let new_leaf = NewLeaf { template: leaf(by, capable), signer: newest };
                    group.propose_update(Some(new_leaf).filter(|_| rotates), b"", cx, random.rng())
                })
            }
            _ => {
                let Some(proposal) = self.proposal(proposed, &record, random)? else { return Ok(false) };
                self.clients[by]
                    .act(&self.psks, |group, cx, _| group.propose(proposal, b"", cx, random.rng()))
            }
        };
        // A member cannot propose a type that another member does not support, unless the removal
        // of that member is pending.
        let lacking = proposed == Proposed::Custom && !self.everybody_supports_custom(by)?;
        if lacking {
            let unsupported =
                GroupError::from(Violation::ProposalTypeUnsupported(CUSTOM_PROPOSAL)).to_string();
            ensure(message.as_ref().is_err_and(|Failure(reason)| *reason == unsupported), || {
                format!("client {by} proposes what a member does not support: {message:?}")
            })?;
            return Ok(false);
        }
        let message = message.during(|| format!("client {by} proposes {proposed:?}"))?;
        self.clients[by].member_mut()?.handshakes += 1;
        self.send_proposal(Some(by), &message)?;
        Ok(true)
    }

    /// Returns whether all members support the custom type. Members whose removal is pending for
    /// client `by` do not count.
    fn everybody_supports_custom(&self, by: Id) -> Outcome<bool> {
        let group = &self.clients[by].member()?.group;
        let removed: BTreeSet<_> = group
            .pending_proposals()
            .filter_map(|pending| match &pending.proposal {
                Proposal::Remove(remove) => Some(remove.removed),
                _ => None,
            })
            .collect();
        let tree = group.public().tree();
        for leaf in tree.members() {
            let leaf = leaf?;
            let leaf_node = tree.leaf(leaf)?.ok_or_else(|| Failure(format!("{leaf} is blank")))?;
            if !removed.contains(&leaf) && !leaf_node.capabilities.proposals.contains(&CUSTOM_PROPOSAL) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns a proposal that is valid on its own. The proposal may conflict with other proposals.
    fn proposal(
        &mut self,
        proposed: Proposed,
        record: &Record,
        random: &mut Random,
    ) -> Outcome<Option<Proposal>> {
        let required = demanding(&record.public.context.extensions);
        Ok(Some(match proposed {
            Proposed::Add => {
                let Some(id) = random.pick(self.outside()) else { return Ok(None) };
                let capable = required || random.percent(CAPABLE);
                let key_package = self.clients[id].key_package(self.suite, capable, random)?;
                Proposal::Add(Box::new(Add { key_package }))
            }
            Proposed::Remove => {
                let removed = random.pick(record.public.roster.keys().copied());
                let Some(member_leaf) = removed.and_then(|id| record.member_leaf(id)) else {
                    return Ok(None);
                };
                Proposal::Remove(Remove { removed: member_leaf.leaf })
            }
            Proposed::Psk => {
                let psk_nonce = random.bytes(self.suite.hash_len()).into();
                let psk = PreSharedKeyId { psk: self.psk(record, random), psk_nonce };
                Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
            }
            Proposed::Extensions => {
                let requires = random.percent(50);
                let extensions = self.extensions(requires, random)?;
                Proposal::GroupContextExtensions(GroupContextExtensions { extensions })
            }
            Proposed::Reinit => Proposal::ReInit(Box::new(self.new_parameters(random)?)),
            Proposed::Custom | Proposed::Update | Proposed::Rotate => custom(random),
        }))
    }

    pub(crate) fn propose_from_outside(&mut self, random: &mut Random) -> Outcome<bool> {
        let record = self.service.current()?.clone();
        let proposed =
            [Proposed::Add, Proposed::Remove, Proposed::Psk, Proposed::Extensions][random.below(4)];
        let known = record.public.context.extensions.get(ExtensionType::EXTERNAL_SENDERS).is_some();
        let proposal = self.proposal(proposed, &record, random)?;
        let Some(proposal) = proposal.filter(|_| known) else { return Ok(false) };
        let group_context = &record.public.context;
        let server = context(&*self.server, &self.psks, GroupConfig::default());
        let message = propose_as_external_sender(group_context, proposal, &server)?;
        self.send_proposal(None, &message)?;
        Ok(true)
    }

    pub(crate) fn ask_to_be_added(&mut self, random: &mut Random) -> Outcome<bool> {
        let Some(id) = random.pick(self.outside()) else { return Ok(false) };
        let group_context = self.service.current()?.public.context.clone();
        let capable = demanding(&group_context.extensions) || random.percent(CAPABLE);
        let client = &mut self.clients[id];
        let key_package = client.key_package(self.suite, capable, random)?;
        let cx = context(client.newest_signer(), &self.psks, client.config);
        let message = propose_own_add(&group_context, key_package, &cx)?;
        self.send_proposal(None, &message)?;
        Ok(true)
    }

    /// Adds a proposal of the current epoch to the log. Does not check first whether the observer
    /// would accept the proposal.
    fn send_proposal(&mut self, by: Option<Id>, message: &MlsMessage) -> Outcome {
        self.service.head_mut()?.proposals.push(Handshake { by, bytes: message.encode()? });
        Ok(())
    }

    /// Returns the parameters for a successor of this group.
    pub(crate) fn new_parameters(&self, random: &mut Random) -> Outcome<ReInit> {
        let suites = self.parameters.suites;
        let next = suite(suites[random.below(suites.len())])?;
        let requires = random.percent(30);
        Ok(ReInit {
            group_id: GroupId::from(random.bytes(8)),
            version: ProtocolVersion::MLS_10,
            cipher_suite: next.cipher_suite(),
            extensions: Extensions(if requires { custom_extensions(random)? } else { Vec::new() }),
        })
    }

    /// Processes one of the proposals of an epoch, in any order. Returns whether there was one.
    pub(crate) fn take_proposal(&mut self, id: Id, random: &mut Random) -> Outcome<bool> {
        use pando_mls::{Decode, Processed};
        let member = self.clients[id].member()?;
        let epoch = self.service.epoch(member.group.epoch())?;
        let left = (0..epoch.proposals.len()).filter(|position| !member.taken.contains(position));
        let Some(position) = random.pick(left) else { return Ok(false) };
        let Handshake { by, bytes } = epoch.proposals[position].clone();
        let processed = self
            .process(id, MlsMessage::decode(&bytes)?)
            .during(|| format!("client {id} takes a proposal of {by:?}"))?;
        let own = matches!(processed, Processed::OwnProposal(_));
        let fits = own || matches!(processed, Processed::Proposal(_));
        ensure(fits && own == (by == Some(id)), || format!("client {id}: a proposal is {processed:?}"))?;
        self.clients[id].member_mut()?.taken.insert(position);
        Ok(true)
    }
}

/// Returns whether the extensions require the types that only some clients support.
pub(crate) fn demanding(extensions: &Extensions) -> bool {
    let demanding = [ExtensionType::REQUIRED_CAPABILITIES, CUSTOM_EXTENSION];
    extensions.0.iter().any(|extension| demanding.contains(&extension.extension_type))
}

/// Returns group extensions. If `requires` is set, they include those that only some clients
/// support.
pub(crate) fn extensions(server: &dyn Signer, requires: bool, random: &mut Random) -> Outcome<Extensions> {
    let mut extensions = Vec::new();
    if random.percent(70) {
        let credential = Credential::Basic { identity: 1_000_000_u64.to_be_bytes().as_slice().into() };
        let sender = ExternalSender { signature_key: server.public_key().clone(), credential };
        ensure(
            POLICY.validate_external_sender(&sender.credential, &sender.signature_key, Some(NOW)).is_ok(),
            || "the policy rejects the server".to_owned(),
        )?;
        extensions.push(Extension::new(&ExternalSenders(vec![sender]))?);
    }
    if requires {
        extensions.extend(custom_extensions(random)?);
    }
    Ok(Extensions(extensions))
}

/// Returns the extensions that only some clients support.
fn custom_extensions(random: &mut Random) -> Outcome<Vec<Extension>> {
    let required = RequiredCapabilities {
        extension_types: vec![CUSTOM_EXTENSION],
        proposal_types: vec![CUSTOM_PROPOSAL],
        credential_types: vec![CredentialType::BASIC],
    };
    let custom = Extension { extension_type: CUSTOM_EXTENSION, extension_data: random.bytes(5).into() };
    Ok(match random.below(3) {
        0 => vec![Extension::new(&required)?],
        1 => vec![custom],
        _ => vec![custom, Extension::new(&required)?],
    })
}
