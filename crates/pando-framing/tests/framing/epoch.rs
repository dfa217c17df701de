//! A group of two members with the state that framing needs, and sample content of every type.

use pando_crypto::{CryptoProvider, RustCrypto, Signer, Suite};
use pando_framing::{FramingError, SignedContent};
use pando_schedule::{MembershipKey, RatchetLimits, SecretTree, SenderDataSecret};
use pando_wire::{
    CipherSuite, Commit, Content, Extensions, FramedContent, GroupContext, LeafIndex, Mac, Opaque, Proposal,
    ProposalOrRef, ProtocolVersion, Remove, Sender, TreeSize, WireFormat,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) struct Epoch {
    pub(crate) suite: Suite,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) context: GroupContext,
    pub(crate) membership_key: MembershipKey,
    pub(crate) sender_data_secret: SenderDataSecret,
}

impl Epoch {
    pub(crate) fn new(cipher_suite: CipherSuite) -> Self {
        let suite = RustCrypto.suite(cipher_suite).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(cipher_suite.0.into());
        let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite,
            group_id: b"group".as_slice().into(),
            epoch: 5,
            tree_hash: vec![1; suite.hash_len()].into(),
            confirmed_transcript_hash: vec![2; suite.hash_len()].into(),
            extensions: Extensions::default(),
        };
        let membership_key = vec![3; suite.hash_len()].into();
        let sender_data_secret = vec![4; suite.hash_len()].into();
        Self { suite, rng, signer, context, membership_key, sender_data_secret }
    }

    pub(crate) fn first() -> Self {
        Self::new(CipherSuite::ALL[0])
    }

    pub(crate) fn secret_tree(&self) -> SecretTree {
        let size = TreeSize::with_leaves(2).unwrap();
        SecretTree::new(size, vec![5; self.suite.hash_len()].into(), RatchetLimits::default())
    }

    pub(crate) fn framed(&self, sender: Sender, content: Content) -> FramedContent {
        FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender,
            authenticated_data: Opaque::from(vec![9; 3]),
            content,
        }
    }

    /// Signs content, and adds a confirmation tag if it is a Commit.
    pub(crate) fn sign(
        &self,
        wire_format: WireFormat,
        sender: Sender,
        content: Content,
    ) -> Result<SignedContent, FramingError> {
        let is_commit = matches!(content, Content::Commit(_));
        let framed = self.framed(sender, content);
        let mut signed = SignedContent::sign(self.suite, &*self.signer, wire_format, framed, &self.context)?;
        if is_commit {
            signed.set_confirmation_tag(Mac::from(vec![6; self.suite.hash_len()]))?;
        }
        Ok(signed)
    }
}

pub(crate) const MEMBER: Sender = Sender::Member(LeafIndex(1));

pub(crate) fn proposal() -> Content {
    Content::Proposal(Proposal::Remove(Remove { removed: LeafIndex(0) }))
}

pub(crate) fn commit() -> Content {
    let proposals = vec![ProposalOrRef::Proposal(Proposal::Remove(Remove { removed: LeafIndex(0) }))];
    Content::Commit(Box::new(Commit { proposals, path: None }))
}

pub(crate) fn application() -> Content {
    Content::Application(b"hello".as_slice().into())
}
