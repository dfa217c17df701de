//! Signs and encrypts a message, and opens it as another member of the group.

use pando_crypto::{CryptoProvider, RustCrypto};
use pando_framing::{FramingError, Padding, SignedContent, open_private};
use pando_schedule::{EncryptionSecret, RatchetLimits, SecretTree, SenderDataSecret};
use pando_wire::{
    CipherSuite, Content, Extensions, FramedContent, GroupContext, LeafIndex, Opaque, ProtocolVersion,
    Sender, TreeSize, WireFormat,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // A real program uses the keys of its group and a random number generator that is seeded by the
    // operating system.
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let group_context = GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
        group_id: b"group".as_slice().into(),
        epoch: 3,
        tree_hash: vec![1; 32].into(),
        confirmed_transcript_hash: vec![2; 32].into(),
        extensions: Extensions::default(),
    };
    let sender_data_secret = SenderDataSecret::from(vec![3; 32]);
    let size = TreeSize::with_leaves(2).ok_or("no such tree")?;
    let tree = || SecretTree::new(size, EncryptionSecret::from(vec![4; 32]), RatchetLimits::default());
    let (mut sending_tree, mut receiving_tree) = (tree(), tree());
    let content = FramedContent {
        group_id: group_context.group_id.clone(),
        epoch: group_context.epoch,
        sender: Sender::Member(LeafIndex(0)),
        authenticated_data: Opaque::default(),
        content: Content::Application(b"hello".as_slice().into()),
    };

    let suite = RustCrypto.suite(group_context.cipher_suite).ok_or("no such cipher suite")?;
    let signer = suite.signer(&suite.signature_generate_key(&mut rng)?)?;

    let format = WireFormat::MLS_PRIVATE_MESSAGE;
    let signed = SignedContent::sign(suite, &*signer, format, content, &group_context)?;
    let (secret, padding) = (&sender_data_secret, Padding::Padme);
    let message = signed.seal_private(suite, &mut sending_tree, secret, padding, &mut rng)?;

    let (own_leaf, tree) = (LeafIndex(1), &receiving_tree);
    let sender_key =
        |leaf: LeafIndex| Ok::<_, FramingError>((leaf.0 == 0).then(|| signer.public_key().clone()));
    let (authenticated, key) =
        open_private(suite, &message, &group_context, secret, tree, own_leaf, sender_key)?;
    // A real program persists the deletion of the key together with the effects of the message.
    receiving_tree.delete_key(key);

    if let Content::Application(data) = &authenticated.content.content {
        println!("{}", String::from_utf8_lossy(data));
    }
    Ok(())
}
