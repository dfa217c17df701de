//! Tests that count the work of operations. The work of a change must grow with the logarithm of
//! the group's size, and the work of joining must grow linearly.

use crate::counters::{HASHES, INDEX_STEPS, KEYS_COMPARED, NODES_ALLOCATED};
use crate::{LeafTemplate, Tree};
use pando_crypto::{
    AeadKey, AeadNonce, CryptoError, CryptoProvider, CryptoRng, Digest, HpkeKeyPair, HpkePrivateKey,
    Primitives, RustCrypto, SecretBytes, SignaturePrivateKey, Signer, Suite,
};
use pando_wire::{
    Capabilities, CipherSuite, Credential, Extensions, GroupContext, GroupId, HpkeCiphertext, HpkePublicKey,
    KemOutput, LeafIndex, LeafNode, LeafNodeSource, Opaque, ProtocolVersion, Signature, SignaturePublicKey,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A lock that each counting test holds, because all tests share the counters.
static COUNTING: Mutex<()> = Mutex::new(());

/// A cipher suite that counts the hashes that another suite computes.
struct Counting;

impl Counting {
    fn inner(&self) -> Suite {
        RustCrypto.suite(CipherSuite::ALL[0]).unwrap()
    }
}

impl Primitives for Counting {
    fn hash(&self, parts: &[&[u8]]) -> Digest {
        HASHES.count();
        self.inner().hash(parts)
    }

    fn cipher_suite(&self) -> CipherSuite {
        self.inner().cipher_suite()
    }

    fn hash_len(&self) -> usize {
        self.inner().hash_len()
    }

    fn aead_key_len(&self) -> usize {
        self.inner().aead_key_len()
    }

    fn aead_nonce_len(&self) -> usize {
        self.inner().aead_nonce_len()
    }

    fn aead_tag_len(&self) -> usize {
        self.inner().aead_tag_len()
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        self.inner().mac(key, parts)
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> SecretBytes {
        self.inner().extract(salt, ikm)
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], len: usize) -> Result<SecretBytes, CryptoError> {
        self.inner().expand(secret, info, len)
    }

    fn aead_seal(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.inner().aead_seal(key, nonce, aad, plaintext)
    }

    fn aead_open(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        self.inner().aead_open(key, nonce, aad, ciphertext)
    }

    fn hpke_derive_key_pair(&self, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        self.inner().hpke_derive_key_pair(ikm)
    }

    fn hpke_generate_key_pair(&self, rng: &mut dyn CryptoRng) -> Result<HpkeKeyPair, CryptoError> {
        self.inner().hpke_generate_key_pair(rng)
    }

    fn hpke_key_pair(&self, private: HpkePrivateKey) -> Result<HpkeKeyPair, CryptoError> {
        self.inner().hpke_key_pair(private)
    }

    fn check_hpke_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        self.inner().check_hpke_public_key(public)
    }

    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        self.inner().hpke_seal(public, info, aad, plaintext, rng)
    }

    fn hpke_open(
        &self,
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        self.inner().hpke_open(key_pair, info, aad, ciphertext)
    }

    fn hpke_send_export(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(KemOutput, SecretBytes), CryptoError> {
        self.inner().hpke_send_export(public, info, exporter_context, len, rng)
    }

    fn hpke_receive_export(
        &self,
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        self.inner().hpke_receive_export(key_pair, kem_output, info, exporter_context, len)
    }

    fn signature_generate_key(&self, rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
        self.inner().signature_generate_key(rng)
    }

    fn signer(&self, private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
        self.inner().signer(private)
    }

    fn check_signature_public_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        self.inner().check_signature_public_key(public)
    }

    fn verify(
        &self,
        public: &SignaturePublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), CryptoError> {
        self.inner().verify(public, message, signature)
    }
}

/// The cost of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    hashes: u64,
    nodes: u64,
    keys: u64,
    index_steps: u64,
}

fn now() -> Cost {
    Cost {
        hashes: HASHES.get(),
        nodes: NODES_ALLOCATED.get(),
        keys: KEYS_COMPARED.get(),
        index_steps: INDEX_STEPS.get(),
    }
}

fn cost<T>(operation: impl FnOnce() -> T) -> (Cost, T) {
    let before = now();
    let result = operation();
    let after = now();
    let cost = Cost {
        hashes: after.hashes - before.hashes,
        nodes: after.nodes - before.nodes,
        keys: after.keys - before.keys,
        index_steps: after.index_steps - before.index_steps,
    };
    (cost, result)
}

/// Returns a unique leaf. The keys and the signature of the leaf are invalid, because these tests
/// do not check them.
fn leaf_node(number: u64) -> LeafNode {
    let key = |kind: u8| [&[kind; 24][..], &number.to_be_bytes()].concat();
    let credential = Credential::Basic { identity: number.to_be_bytes().to_vec().into() };
    LeafNode {
        encryption_key: key(1).into(),
        signature_key: key(2).into(),
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: vec![CipherSuite::ALL[0]],
            credentials: vec![credential.credential_type()],
            ..Capabilities::default()
        },
        credential,
        leaf_node_source: LeafNodeSource::Update,
        extensions: Extensions::default(),
        signature: Signature::from(vec![3; 64]),
    }
}

/// Returns a tree without blank parents, as after many Commits.
fn warm_tree(suite: Suite, members: u32, rng: &mut ChaCha20Rng) -> Tree {
    let mut tree = Tree::new(suite, &leaf_node(0)).unwrap();
    for number in 1..members {
        tree.add(&leaf_node(number.into())).unwrap();
    }
    // Each parent of two leaves gets its key from the path of one of them. These keys are valid for
    // encryption.
    for sender in (0..members).step_by(2).map(LeafIndex) {
        let steps = tree.filtered_direct_path(sender).unwrap();
        let keys: Vec<_> = steps.iter().map(|_| suite.hpke_generate_key_pair(rng).unwrap().public).collect();
        let (contents, _) = tree.path_contents(&steps, &keys.iter().collect::<Vec<_>>()).unwrap();
        let contents: BTreeMap<_, _> = contents;
        let leaf_node = tree.leaf(sender).unwrap().unwrap();
        tree = tree.with_path(sender, &leaf_node, contents).unwrap();
    }
    tree
}

fn context(tree_hash: Opaque) -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[0],
        group_id: GroupId::default(),
        epoch: 1,
        tree_hash,
        confirmed_transcript_hash: Opaque::default(),
        extensions: Extensions::default(),
    }
}

/// Returns the cost of each operation in a tree of 2^depth leaves. At the start of each operation,
/// the tree is shared with a past epoch, so no node can be changed in place. At the end, the tree
/// hash is computed.
fn costs(depth: u32) -> Vec<(&'static str, Cost)> {
    let suite = Suite::new(&Counting);
    let mut rng = ChaCha20Rng::seed_from_u64(depth.into());
    let members = 1 << depth;
    let tree = warm_tree(suite, members, &mut rng);
    tree.tree_hash().unwrap();
    let middle = LeafIndex(members / 2);

    let (clone, held) = cost(|| tree.clone());
    let (remove, with_hole) = cost(|| {
        let mut tree = tree.clone();
        tree.remove(middle).unwrap();
        tree.truncate().unwrap();
        tree.tree_hash().unwrap();
        tree
    });
    let (add, _) = cost(|| {
        let mut tree = with_hole.clone();
        assert_eq!(tree.add(&leaf_node(u64::MAX)).unwrap(), middle);
        tree.tree_hash().unwrap();
    });
    let (update, _) = cost(|| {
        let mut tree = tree.clone();
        tree.update(middle, &leaf_node(u64::MAX)).unwrap();
        tree.tree_hash().unwrap();
    });

    let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
    let LeafNode { credential, capabilities, extensions, .. } = leaf_node(1);
    let template = LeafTemplate { credential, capabilities, extensions };
    let sender = LeafIndex(members / 4 + 1);
    let (create, path) = cost(|| {
        let path = tree.create_path(sender, template, &GroupId::default(), &*signer, &mut rng).unwrap();
        path.tree().tree_hash().unwrap();
        path
    });
    // The leaf keys of these tests are not valid for encryption, but receivers only count the
    // ciphertexts.
    let ciphertext = HpkeCiphertext { kem_output: KemOutput::default(), ciphertext: Opaque::default() };
    let nodes = path.steps().iter().map(|step| pando_wire::UpdatePathNode {
        encryption_key: path.keys().get(step.node).unwrap().public.clone(),
        encrypted_path_secret: vec![ciphertext.clone(); tree.resolution(step.copath_child).unwrap().len()],
    });
    let update_path = pando_wire::UpdatePath { leaf_node: path.leaf_node().clone(), nodes: nodes.collect() };
    let (apply, merged) = cost(|| {
        let merged = tree.merge_path(sender, &update_path, &[]).unwrap();
        merged.tree().tree_hash().unwrap();
        merged.into_tree()
    });
    let (discard, ()) = cost(|| drop((held, merged)));
    let _ = context(tree.tree_hash().unwrap());

    vec![
        ("add", add),
        ("remove", remove),
        ("update", update),
        ("create path", create),
        ("apply path", apply),
        ("clone", clone),
        ("discard", discard),
    ]
}

/// Shows that the blank half by which a tree is extended is hashed only once, even if rejected
/// Commits extend the tree again and again.
#[test]
fn blank_halves_are_hashed_once() {
    const CONSTANT: u64 = 7;

    let _alone = COUNTING.lock().unwrap();
    let suite = Suite::new(&Counting);
    for depth in [4_u32, 8, 12] {
        let mut rng = ChaCha20Rng::seed_from_u64(depth.into());
        let mut tree = warm_tree(suite, 1 << depth, &mut rng);
        tree.tree_hash().unwrap();
        let refused = |tree: &Tree| {
            let mut clone = tree.clone();
            clone.add(&leaf_node(u64::MAX)).unwrap();
            clone.tree_hash().unwrap();
        };
        let check = |tree: &Tree, blank: u64| {
            let (first, ()) = cost(|| refused(tree));
            assert!(first.hashes >= blank, "2^{depth}: {first:?}");
            let (again, ()) = cost(|| refused(tree));
            assert!(again.hashes <= CONSTANT * u64::from(depth), "2^{depth}: {again:?}");
        };
        // Checks the full new half, and then half of it.
        check(&tree, 1 << depth);
        for number in 0..1_u64 << (depth - 1) {
            tree.add(&leaf_node((1 << 32) + number)).unwrap();
        }
        tree.tree_hash().unwrap();
        check(&tree, 1 << (depth - 1));
        // Build a tree that was full at twice the size, and was truncated after an attempt to
        // extend it.
        for number in 0..1_u64 << (depth - 1) {
            tree.add(&leaf_node((2 << 32) + number)).unwrap();
        }
        check(&tree, 2 << depth);
        (1 << depth..2 << depth).for_each(|leaf| tree.remove(LeafIndex(leaf)).unwrap());
        tree.truncate().unwrap();
        check(&tree, 1 << depth);
    }
}

#[test]
fn the_work_of_a_change_grows_with_the_logarithm_of_the_size() {
    /// The maximum number of hashes for each level of the tree, and likewise of node allocations
    /// and of key comparisons. Applying a path needs the most hashes for each level: a tree hash, a
    /// parent hash and three fingerprints. The fingerprints are computed to look up the new key, to
    /// add its entry to the index, and to remove the old entry.
    const CONSTANT: u64 = 7;
    /// The factor in the maximum number of index steps, which is proportional to the square of the
    /// number of levels. An index lookup takes as many steps as the tree has levels, and a path
    /// changes one index entry on each level.
    const INDEX_CONSTANT: u64 = 10;

    let _alone = COUNTING.lock().unwrap();
    let depths = [4_u32, 6, 8, 10, 12, 14];
    let costs: Vec<_> = depths.iter().map(|depth| costs(*depth)).collect();
    println!("{:>12} {:>8} {:>8} {:>8} {:>8} {:>12}", "", "leaves", "hashes", "nodes", "keys", "index steps");
    for (operation, (name, _)) in costs[0].iter().enumerate() {
        for (depth, costs) in depths.iter().zip(&costs) {
            let Cost { hashes, nodes, keys, index_steps } = costs[operation].1;
            println!("{name:>12} {:>8} {hashes:>8} {nodes:>8} {keys:>8} {index_steps:>12}", 1 << depth);
            let levels = u64::from(*depth);
            for count in [hashes, nodes, keys] {
                assert!(count <= CONSTANT * levels, "{name}, 2^{depth} leaves: {count}");
            }
            assert!(index_steps <= INDEX_CONSTANT * levels * levels, "{name}, 2^{depth}: {index_steps}");
        }
        // An upper bound alone is not enough: the cost must also grow in proportion to the number
        // of levels, which grows by a factor of 2.5 from 2^4 to 2^14 leaves.
        let (small, large) = (costs[0][operation].1, costs[depths.len() - 1][operation].1);
        assert!(large.hashes <= small.hashes * 7 / 2, "{name}: {small:?}, {large:?}");
        assert!(large.nodes <= small.nodes * 7 / 2, "{name}: {small:?}, {large:?}");
    }
    let cost_of = |wanted: &str| costs[depths.len() - 1].iter().find(|(name, _)| *name == wanted).unwrap().1;
    for free in ["clone", "discard"] {
        assert_eq!(cost_of(free), Cost { hashes: 0, nodes: 0, keys: 0, index_steps: 0 });
    }
    println!(
        "hashes, nodes, keys: at most {CONSTANT} log2 N each; index: at most {INDEX_CONSTANT} (log2 N)^2"
    );
}

/// Returns an encoded tree for a joiner. All leaves are signed, and every second member has created
/// a Commit.
fn exported_tree(suite: Suite, members: u32, rng: &mut ChaCha20Rng) -> Tree {
    let group_id = GroupId::default();
    let mut tree: Option<Tree> = None;
    let mut committers = Vec::new();
    for number in 0..members {
        let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
        let mut leaf_node = leaf_node(number.into());
        leaf_node.encryption_key = suite.hpke_generate_key_pair(rng).unwrap().public;
        leaf_node.signature_key = signer.public_key().clone();
        let to_be_signed = leaf_node.to_be_signed((&group_id, LeafIndex(number))).unwrap();
        leaf_node.signature = suite.sign_with_label(&*signer, "LeafNodeTBS", &to_be_signed).unwrap();
        match &mut tree {
            None => tree = Some(Tree::new(suite, &leaf_node).unwrap()),
            Some(tree) => drop(tree.add(&leaf_node).unwrap()),
        }
        if number % 2 == 0 {
            committers.push((LeafIndex(number), signer));
        }
    }
    let mut tree = tree.unwrap();
    for (sender, signer) in committers {
        let LeafNode { credential, capabilities, extensions, .. } = tree.leaf(sender).unwrap().unwrap();
        let template = LeafTemplate { credential, capabilities, extensions };
        tree = tree.create_path(sender, template, &group_id, &*signer, rng).unwrap().tree().clone();
    }
    tree
}

#[test]
fn the_work_of_joining_grows_with_the_size() {
    let _alone = COUNTING.lock().unwrap();
    let suite = Suite::new(&Counting);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut before: Option<Cost> = None;
    for depth in [4_u32, 6, 8, 10] {
        let tree = exported_tree(suite, 1 << depth, &mut rng);
        let (bytes, hash) = (tree.export().unwrap(), tree.tree_hash().unwrap());
        let (cost, imported) = cost(|| Tree::import(suite, &bytes, &GroupId::default(), &hash));
        imported.unwrap();
        println!("{:>8} {cost:?}", 1 << depth);
        let size = 1_u64 << depth;
        for count in [cost.hashes, cost.nodes, cost.keys] {
            assert!(count <= 12 * size, "2^{depth}: {cost:?}");
        }
        assert!(cost.index_steps <= 16 * size * u64::from(depth), "2^{depth}: {cost:?}");
        // Four times the number of members must not cost sixteen times the work.
        if let Some(before) = before {
            assert!(cost.hashes <= 5 * before.hashes, "2^{depth}: {before:?}, {cost:?}");
        }
        before = Some(cost);
    }
}
