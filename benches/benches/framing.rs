//! Benchmarks of encrypting and decrypting messages.

#![allow(
    clippy::unwrap_used,
    clippy::unreachable,
    missing_docs,
    reason = "a benchmark that fails has no result"
)]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use pando_benches::{context, rng, suite};
use pando_framing::{FramingError, Padding, SignedContent, open_private, open_public};
use pando_schedule::{EncryptionSecret, MembershipKey, RatchetLimits, SecretTree, SenderDataSecret};
use pando_wire::{
    Content, Decode, Encode, FramedContent, LeafIndex, MlsMessage, MlsMessageBody, Opaque, Proposal, Remove,
    Sender, TreeSize, WireFormat,
};

fn content(content: Content) -> FramedContent {
    FramedContent {
        group_id: context(suite()).group_id,
        epoch: context(suite()).epoch,
        sender: Sender::Member(LeafIndex(0)),
        authenticated_data: Opaque::default(),
        content,
    }
}

fn secret_tree() -> SecretTree {
    let secret = EncryptionSecret::from(vec![1; 32]);
    SecretTree::new(TreeSize::with_leaves(50_000).unwrap(), secret, RatchetLimits::default())
}

fn private(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("application message");
    let (suite, mut rng) = (suite(), rng());
    let (context, secret) = (context(suite), SenderDataSecret::from(vec![2; 32]));
    let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
    for size in [32, 1_024, 65_536] {
        let mut seal = |tree: &mut SecretTree| {
            let content = content(Content::Application(vec![7; size].into()));
            let format = WireFormat::MLS_PRIVATE_MESSAGE;
            let signed = SignedContent::sign(suite, &*signer, format, content, &context).unwrap();
            let message = signed.seal_private(suite, tree, &secret, Padding::None, &mut rng).unwrap();
            MlsMessage::from(message).encode().unwrap()
        };
        let mut tree = secret_tree();
        group.bench_function(BenchmarkId::new("encrypt", size), |b| b.iter(|| seal(&mut tree)));

        let (mut sending, mut receiving) = (secret_tree(), secret_tree());
        group.bench_function(BenchmarkId::new("decrypt", size), |b| {
            b.iter_batched(
                || seal(&mut sending),
                |bytes| {
                    let MlsMessageBody::PrivateMessage(message) = MlsMessage::decode(&bytes).unwrap().body
                    else {
                        unreachable!("the message is private");
                    };
                    let key = |_| Ok::<_, FramingError>(Some(signer.public_key().clone()));
                    let (tree, own_leaf) = (&receiving, LeafIndex(1));
                    let opened = open_private(suite, &message, &context, &secret, tree, own_leaf, key);
                    let (content, used) = opened.unwrap();
                    receiving.delete_key(used);
                    content
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn public(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("public proposal");
    let (suite, mut rng) = (suite(), rng());
    let (context, key) = (context(suite), MembershipKey::from(vec![2; 32]));
    let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
    let seal = || {
        let content = content(Content::Proposal(Proposal::Remove(Remove { removed: LeafIndex(1) })));
        let format = WireFormat::MLS_PUBLIC_MESSAGE;
        let signed = SignedContent::sign(suite, &*signer, format, content, &context).unwrap();
        MlsMessage::from(signed.seal_public(suite, Some(&key)).unwrap()).encode().unwrap()
    };
    group.bench_function("make", |b| b.iter(seal));
    let bytes = seal();
    group.bench_function("open", |b| {
        b.iter(|| {
            let MlsMessageBody::PublicMessage(message) = MlsMessage::decode(&bytes).unwrap().body else {
                unreachable!("the message is public");
            };
            let opened = open_public(suite, *message, &context, &key).unwrap();
            opened.verify(suite, signer.public_key()).unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, private, public);
criterion_main!(benches);
