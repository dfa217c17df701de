//! Proposals of members, of an external sender, and of clients that ask to be added.

use crate::content::custom;
use crate::device::{CAPABLE, CUSTOM_EXTENSION, CUSTOM_PROPOSAL, Id, NOW, POLICY, client, leaf};
use crate::dice::Dice;
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::history::Proposed;
use crate::service::{Handshake, Record};
use crate::world::{World, suite};
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

impl World {
    pub(crate) fn propose(&mut self, proposed: Proposed, dice: &mut Dice) -> Outcome<bool> {
        let Some(by) = dice.pick(self.proposers()) else { return Ok(false) };
        let record = self.service.current()?.clone();
        let required = demanding(&record.public.context.extensions);
        let message = match proposed {
            Proposed::Update | Proposed::Rotate => {
                let rotates = proposed == Proposed::Rotate;
                if rotates {
                    self.devices[by].new_signer(self.suite, dice)?;
                }
                let capable = required || dice.percent(CAPABLE);
                self.devices[by].act(&self.psks, |group, client, newest| {
                    let new_leaf = NewLeaf { template: leaf(by, capable), signer: newest };
                    group.propose_update(Some(new_leaf).filter(|_| rotates), b"", client, dice.rng())
                })
            }
            _ => {
                let Some(proposal) = self.proposal(proposed, &record, dice)? else { return Ok(false) };
                self.devices[by]
                    .act(&self.psks, |group, client, _| group.propose(proposal, b"", client, dice.rng()))
            }
        };
        // A member cannot propose a type that another member does not support, unless that member's
        // removal is pending.
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
        self.devices[by].member_mut()?.handshakes += 1;
        self.send_proposal(Some(by), &message)?;
        Ok(true)
    }

    /// Returns whether all members support the custom type, except those whose removal is pending
    /// at client `by`.
    fn everybody_supports_custom(&self, by: Id) -> Outcome<bool> {
        let group = &self.devices[by].member()?.group;
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

    /// Returns a proposal that is valid by itself, whether or not it conflicts with others.
    fn proposal(
        &mut self,
        proposed: Proposed,
        record: &Record,
        dice: &mut Dice,
    ) -> Outcome<Option<Proposal>> {
        let required = demanding(&record.public.context.extensions);
        Ok(Some(match proposed {
            Proposed::Add => {
                let Some(id) = dice.pick(self.outside()) else { return Ok(None) };
                let capable = required || dice.percent(CAPABLE);
                let key_package = self.devices[id].key_package(self.suite, capable, dice)?;
                Proposal::Add(Box::new(Add { key_package }))
            }
            Proposed::Remove => {
                let removed = dice.pick(record.public.roster.keys().copied());
                let Some(seat) = removed.and_then(|id| record.seat(id)) else { return Ok(None) };
                Proposal::Remove(Remove { removed: seat.leaf })
            }
            Proposed::Psk => {
                let psk_nonce = dice.bytes(self.suite.hash_len()).into();
                let psk = PreSharedKeyId { psk: self.psk(record, dice), psk_nonce };
                Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
            }
            Proposed::Extensions => {
                let requires = dice.percent(50);
                let extensions = self.extensions(requires, dice)?;
                Proposal::GroupContextExtensions(GroupContextExtensions { extensions })
            }
            Proposed::Reinit => Proposal::ReInit(Box::new(self.new_parameters(dice)?)),
            Proposed::Custom | Proposed::Update | Proposed::Rotate => custom(dice),
        }))
    }

    pub(crate) fn propose_from_outside(&mut self, dice: &mut Dice) -> Outcome<bool> {
        let record = self.service.current()?.clone();
        let proposed = [Proposed::Add, Proposed::Remove, Proposed::Psk, Proposed::Extensions][dice.below(4)];
        let known = record.public.context.extensions.get(ExtensionType::EXTERNAL_SENDERS).is_some();
        let proposal = self.proposal(proposed, &record, dice)?;
        let Some(proposal) = proposal.filter(|_| known) else { return Ok(false) };
        let context = &record.public.context;
        let server = client(&*self.server, &self.psks, GroupConfig::default());
        let message = propose_as_external_sender(context, proposal, &server)?;
        self.send_proposal(None, &message)?;
        Ok(true)
    }

    pub(crate) fn ask_to_be_added(&mut self, dice: &mut Dice) -> Outcome<bool> {
        let Some(id) = dice.pick(self.outside()) else { return Ok(false) };
        let context = self.service.current()?.public.context.clone();
        let capable = demanding(&context.extensions) || dice.percent(CAPABLE);
        let device = &mut self.devices[id];
        let key_package = device.key_package(self.suite, capable, dice)?;
        let client = client(device.newest_signer(), &self.psks, device.config);
        let message = propose_own_add(&context, key_package, &client)?;
        self.send_proposal(None, &message)?;
        Ok(true)
    }

    /// Puts a proposal of the current epoch into the log. The observer is not asked
    /// first, although it could reject some.
    fn send_proposal(&mut self, by: Option<Id>, message: &MlsMessage) -> Outcome {
        self.service.head_mut()?.proposals.push(Handshake { by, bytes: message.encode()? });
        Ok(())
    }

    /// Returns the parameters of a successor of this group.
    pub(crate) fn new_parameters(&self, dice: &mut Dice) -> Outcome<ReInit> {
        let suites = self.setting.suites;
        let next = suite(suites[dice.below(suites.len())])?;
        let requires = dice.percent(30);
        Ok(ReInit {
            group_id: GroupId::from(dice.bytes(8)),
            version: ProtocolVersion::MLS_10,
            cipher_suite: next.cipher_suite(),
            extensions: Extensions(if requires { custom_extensions(dice)? } else { Vec::new() }),
        })
    }

    /// Processes one of an epoch's proposals, in any order. Returns whether there was one.
    pub(crate) fn take_proposal(&mut self, id: Id, dice: &mut Dice) -> Outcome<bool> {
        use pando_mls::{Decode, Processed};
        let member = self.devices[id].member()?;
        let epoch = self.service.epoch(member.group.epoch())?;
        let left = (0..epoch.proposals.len()).filter(|position| !member.taken.contains(position));
        let Some(position) = dice.pick(left) else { return Ok(false) };
        let Handshake { by, bytes } = epoch.proposals[position].clone();
        let processed = self
            .process(id, MlsMessage::decode(&bytes)?)
            .during(|| format!("client {id} takes a proposal of {by:?}"))?;
        let own = matches!(processed, Processed::OwnProposal(_));
        let fits = own || matches!(processed, Processed::Proposal(_));
        ensure(fits && own == (by == Some(id)), || format!("client {id}: a proposal is {processed:?}"))?;
        self.devices[id].member_mut()?.taken.insert(position);
        Ok(true)
    }
}

/// Returns whether the extensions require the types that only some clients support.
pub(crate) fn demanding(extensions: &Extensions) -> bool {
    let demanding = [ExtensionType::REQUIRED_CAPABILITIES, CUSTOM_EXTENSION];
    extensions.0.iter().any(|extension| demanding.contains(&extension.extension_type))
}

/// Returns group extensions. `requires` adds the ones that only some clients support.
pub(crate) fn extensions(server: &dyn Signer, requires: bool, dice: &mut Dice) -> Outcome<Extensions> {
    let mut extensions = Vec::new();
    if dice.percent(70) {
        let credential = Credential::Basic { identity: 1_000_000_u64.to_be_bytes().as_slice().into() };
        let sender = ExternalSender { signature_key: server.public_key().clone(), credential };
        ensure(
            POLICY.validate_external_sender(&sender.credential, &sender.signature_key, Some(NOW)).is_ok(),
            || "the policy rejects the server".to_owned(),
        )?;
        extensions.push(Extension::new(&ExternalSenders(vec![sender]))?);
    }
    if requires {
        extensions.extend(custom_extensions(dice)?);
    }
    Ok(Extensions(extensions))
}

/// Returns the extensions that only some clients support.
fn custom_extensions(dice: &mut Dice) -> Outcome<Vec<Extension>> {
    let required = RequiredCapabilities {
        extension_types: vec![CUSTOM_EXTENSION],
        proposal_types: vec![CUSTOM_PROPOSAL],
        credential_types: vec![CredentialType::BASIC],
    };
    let custom = Extension { extension_type: CUSTOM_EXTENSION, extension_data: dice.bytes(5).into() };
    Ok(match dice.below(3) {
        0 => vec![Extension::new(&required)?],
        1 => vec![custom],
        _ => vec![custom, Extension::new(&required)?],
    })
}
