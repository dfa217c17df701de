//! Calls with forged indices and paths. The result must be an error or `None`, without a panic and
//! without memory for nodes that do not exist.

use crate::fixtures::{GroupFixture, Newcomer, template};
use pando_crypto::{CryptoError, SecretBytes};
use pando_tree::{NewPath, PathStep, PrivateKeys, Tree, TreeError};
use pando_wire::{
    CipherSuite, Encode, GroupContext, HpkeCiphertext, HpkePublicKey, LeafIndex, LeafNodeSource, Lifetime,
    NodeIndex, Opaque, UpdatePath, UpdatePathNode,
};

/// A limit above the needs of all these calls, and far below the memory that a number from the
/// network could demand.
const MEMORY: u64 = 20_000;

/// Runs a call and checks that it needs little memory.
fn frugal<T>(what: &str, call: impl FnOnce() -> T) -> T {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(call()));
    assert!(info.bytes_max <= MEMORY, "{what}: {} bytes", info.bytes_max);
    result.unwrap()
}

/// Returns groups of 1, 2, 5 and 33 members. Also returns groups like the last two, in which a
/// member in the middle was removed and the parents above it were set again.
fn fixtures() -> Vec<GroupFixture> {
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let mut fixtures: Vec<_> =
        [1, 2, 5, 33].map(|members| GroupFixture::grown(suite, members.into(), members)).into();
    for (members, removed) in [(5, 2), (33, 13)] {
        let mut fixture = GroupFixture::grown(suite, members, u32::try_from(members).unwrap());
        fixture.commit(LeafIndex(0), &[LeafIndex(removed)], 0);
        fixture.commit(LeafIndex(removed ^ 1), &[], 0);
        fixture.commit(LeafIndex(0), &[], 0);
        fixtures.push(fixture);
    }
    fixtures
}

/// Returns indices of leaves that do not exist.
fn beyond(tree: &Tree) -> impl Iterator<Item = LeafIndex> + use<> {
    let (leaves, nodes) = (tree.size().leaf_count(), tree.size().node_count());
    let beyond = [leaves, leaves + 1, nodes, nodes + 1, (1 << 30) - 1, 1 << 30, (1 << 31) - 1, 1 << 31];
    let more = [(1 << 31) + 1, (1 << 31) + leaves, u32::MAX - 1, u32::MAX];
    beyond.into_iter().chain(more).filter(move |index| *index >= leaves).map(LeafIndex)
}

/// Returns the blank leaves.
fn blank(tree: &Tree) -> impl Iterator<Item = LeafIndex> + use<> {
    let tree = tree.clone();
    (0..tree.size().leaf_count()).map(LeafIndex).filter(move |leaf| !tree.is_member(*leaf).unwrap())
}

/// Returns a path created by a member, and the GroupContext for its encryption.
fn new_path(
    fixture: &mut GroupFixture,
    sender: LeafIndex,
    added: &[LeafIndex],
) -> (NewPath, UpdatePath, GroupContext) {
    let signer = &*fixture.members[&sender].signer;
    let template = template(&fixture.tree, sender);
    let path =
        fixture.tree.create_path(sender, template, &fixture.group_id, signer, &mut fixture.rng).unwrap();
    let context = fixture.context(path.tree().tree_hash().unwrap());
    let update_path = path.encrypt(&context, added, &mut fixture.rng).unwrap();
    (path, update_path, context)
}

#[test]
fn leaves_that_are_not_members_are_nothing() {
    for mut fixture in fixtures() {
        let sender = *fixture.members.keys().next_back().unwrap();
        let (path, update_path, _) = new_path(&mut fixture, sender, &[]);
        let leaf_node = fixture.tree.leaf(sender).unwrap().unwrap();
        let secret = || SecretBytes::from(vec![7; 32]);
        let not_members = blank(&fixture.tree).map(|leaf| (leaf, true));
        let hash = fixture.tree.tree_hash().unwrap();
        for (leaf, exists) in not_members.chain(beyond(&fixture.tree).map(|leaf| (leaf, false))) {
            let what = format!("{:?}, {leaf:?}", fixture.tree);
            let (tree, refused) = (&fixture.tree, TreeError::NotAMember(leaf));
            frugal(&what, || {
                assert_eq!(tree.leaf(leaf).unwrap(), None, "{what}");
                assert!(!tree.is_member(leaf).unwrap(), "{what}");
                assert_eq!(tree.signature_key(leaf).unwrap(), None, "{what}");
                // Even a blank leaf has a direct path, provided that the leaf exists.
                assert!(exists || tree.filtered_direct_path(leaf).unwrap().is_empty(), "{what}");
            });
            let mut changed = tree.clone();
            frugal(&what, || {
                assert_eq!(changed.update(leaf, &leaf_node), Err(refused.clone()), "{what}");
                assert_eq!(changed.remove(leaf), Err(refused.clone()), "{what}");
            });
            assert_eq!(
                (changed.tree_hash().unwrap(), changed.member_count()),
                (hash.clone(), tree.member_count())
            );
            assert_eq!(changed.changes_since(tree).unwrap(), [], "{what}");

            let (signer, template) = (&*fixture.members[&sender].signer, template(tree, sender));
            let (group_id, rng) = (&fixture.group_id, &mut fixture.rng);
            let created = frugal(&what, || tree.create_path(leaf, template, group_id, signer, rng));
            assert_eq!(created.map(drop), Err(refused.clone()), "{what}");
            let merged = frugal(&what, || tree.merge_path(leaf, &update_path, &[]).map(drop));
            assert_eq!(merged, Err(refused.clone()), "{what}");
            assert_eq!(frugal(&what, || path.path_secret_for(leaf).unwrap()), None, "{what}");
            if !exists {
                let pair = fixture.suite.hpke_generate_key_pair(&mut fixture.rng).unwrap();
                let keys = frugal(&what, || PrivateKeys::new(&fixture.tree, leaf, pair).map(drop));
                assert_eq!(keys, Err(refused.clone()), "{what}");
            }
            for member in fixture.members.values() {
                let mut keys = member.keys.clone();
                let joined = frugal(&what, || keys.join_path(&fixture.tree, leaf, secret()));
                assert_eq!(joined, Err(refused.clone()), "{what}");
            }
        }
    }
}

#[test]
fn nodes_that_do_not_exist_are_nothing() {
    for fixture in fixtures() {
        let tree = &fixture.tree;
        let count = tree.size().node_count();
        let indices = [count, count + 1, count * 2 + 1, (1 << 31) - 1, 1 << 31, u32::MAX - 1, u32::MAX];
        for node in indices.into_iter().filter(|index| *index >= count).map(NodeIndex) {
            let what = format!("{tree:?}, {node:?}");
            frugal(&what, || {
                assert_eq!(tree.parent(node).unwrap(), None, "{what}");
                assert_eq!(tree.node(node).unwrap(), None, "{what}");
                assert_eq!(tree.node_hash(node), Ok(None), "{what}");
                assert!(tree.resolution(node).unwrap().is_empty(), "{what}");
                for member in fixture.members.values() {
                    assert!(member.keys.get(node).is_none(), "{what}");
                }
            });
            // Keys of nodes that do not exist are outdated and are therefore deleted.
            let mut keys = fixture.members[&LeafIndex(0)].keys.clone();
            let before: Vec<_> = keys.nodes().collect();
            let leaf_node = Newcomer::new(fixture.suite, &mut fixture.rng.clone());
            keys.insert(node, leaf_node.key_pair);
            frugal(&what, || keys.retain_current(tree).unwrap());
            assert_eq!(keys.nodes().collect::<Vec<_>>(), before, "{what}");
        }
        // A leaf must not be found as a parent.
        for leaf in tree.members().map(Result::unwrap) {
            assert_eq!(tree.parent(NodeIndex(leaf.0 * 2)).unwrap(), None);
        }
    }
}

/// Shows that an added leaf that does not exist has no effect on the expected number of
/// ciphertexts.
#[test]
fn additions_that_do_not_exist_are_not_counted() {
    for mut fixture in fixtures() {
        let sender = *fixture.members.keys().next_back().unwrap();
        let (path, update_path, context) = new_path(&mut fixture, sender, &[]);
        let mut added: Vec<_> = beyond(&fixture.tree).collect();
        added.sort_unstable();
        added.dedup();
        let encrypted = path.encrypt(&context, &added, &mut fixture.rng).unwrap();
        let lengths = |path: &UpdatePath| -> Vec<_> {
            path.nodes.iter().map(|node| node.encrypted_path_secret.len()).collect()
        };
        assert_eq!(lengths(&encrypted), lengths(&update_path));
        let merged = fixture.tree.merge_path(sender, &update_path, &added).unwrap();
        assert_eq!(merged.tree().tree_hash(), path.tree().tree_hash());
        for (leaf, member) in fixture.members.iter().filter(|(leaf, _)| **leaf != sender) {
            let decrypted = member.keys.decrypt_path(&fixture.tree, &merged, &context, &added).unwrap();
            assert_eq!(&decrypted.commit_secret, path.commit_secret(), "{leaf}");
        }
        // Declaring a member as added reduces the expected number of ciphertexts by one.
        for leaf in fixture.members.keys().filter(|leaf| **leaf != sender) {
            let found = fixture.tree.merge_path(sender, &update_path, &[*leaf]).map(drop);
            assert!(matches!(found, Err(TreeError::CiphertextCount { .. })), "{leaf}: {found:?}");
        }
    }
}

/// Returns a group with unmerged leaves, a blank leaf and a newly added member. Also returns a path
/// of one of the members.
fn with_path() -> (GroupFixture, LeafIndex, Vec<LeafIndex>, NewPath, UpdatePath, GroupContext) {
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let mut fixture = GroupFixture::grown(suite, 21, 11);
    for committer in [1, 5, 8] {
        fixture.commit(LeafIndex(committer), &[], 0);
    }
    fixture.commit(LeafIndex(1), &[LeafIndex(6)], 0);
    fixture.commit(LeafIndex(4), &[], 0);
    fixture.commit(LeafIndex(10), &[], 0);
    // Leaf 6 becomes a member that is unmerged up to the root. Then another leaf becomes blank.
    fixture.add();
    fixture.remove(LeafIndex(9));
    let added = vec![fixture.add()];
    let sender = LeafIndex(2);
    let (path, update_path, context) = new_path(&mut fixture, sender, &added);
    assert!(update_path.nodes.len() >= 3);
    assert!(update_path.nodes.iter().any(|node| node.encrypted_path_secret.len() > 1));
    (fixture, sender, added, path, update_path, context)
}

/// Returns the error that results from merging a modified path.
fn merge_error(
    (fixture, sender, added): (&GroupFixture, LeafIndex, &[LeafIndex]),
    update_path: &UpdatePath,
    change: impl FnOnce(&mut UpdatePath),
) -> TreeError {
    let mut changed = update_path.clone();
    change(&mut changed);
    fixture.tree.merge_path(sender, &changed, added).unwrap_err()
}

/// Returns the key at a position of a path. Position 0 is the leaf.
fn key_at(path: &mut UpdatePath, position: usize) -> &mut HpkePublicKey {
    match position.checked_sub(1) {
        None => &mut path.leaf_node.encryption_key,
        Some(position) => &mut path.nodes[position].encryption_key,
    }
}

/// Returns the nodes that the keys of a path belong to.
fn nodes_of(sender: LeafIndex, steps: &[PathStep]) -> Vec<NodeIndex> {
    [NodeIndex(sender.0 * 2)].into_iter().chain(steps.iter().map(|step| step.node)).collect()
}

#[test]
fn a_path_of_the_wrong_shape_is_refused() {
    let (fixture, sender, added, path, update_path, _) = with_path();
    let group = (&fixture, sender, &*added);
    let expected = update_path.nodes.len();
    let spare = update_path.nodes[0].clone();
    for found in [0, 1, expected - 1] {
        let error = merge_error(group, &update_path, |path| path.nodes.truncate(found));
        assert_eq!(error, TreeError::PathLength { expected, found });
    }
    for position in 0..expected {
        let error = merge_error(group, &update_path, |path| drop(path.nodes.remove(position)));
        assert_eq!(error, TreeError::PathLength { expected, found: expected - 1 });
    }
    for position in 0..=expected {
        let error = merge_error(group, &update_path, |path| path.nodes.insert(position, spare.clone()));
        assert_eq!(error, TreeError::PathLength { expected, found: expected + 1 });
    }
    let error = merge_error(group, &update_path, |path| path.nodes.resize(10_000, spare.clone()));
    assert_eq!(error, TreeError::PathLength { expected, found: 10_000 });

    for (position, step) in path.steps().iter().enumerate() {
        let expected = update_path.nodes[position].encrypted_path_secret.len();
        let ciphertext = HpkeCiphertext { kem_output: vec![].into(), ciphertext: Opaque::default() };
        for found in [0, expected.saturating_sub(1), expected + 1, expected + 2, 1_000] {
            if found != expected {
                let error = merge_error(group, &update_path, |path| {
                    path.nodes[position].encrypted_path_secret.resize(found, ciphertext.clone());
                });
                assert_eq!(error, TreeError::CiphertextCount { node: step.node, expected, found });
            }
        }
    }
    // If no leaf is declared as added, the path lacks one ciphertext.
    let error = fixture.tree.merge_path(sender, &update_path, &[]).unwrap_err();
    assert!(matches!(error, TreeError::CiphertextCount { .. }), "{error}");
}

#[test]
fn a_path_with_a_key_that_is_there_already_is_refused() {
    let (fixture, sender, added, path, update_path, _) = with_path();
    let group = (&fixture, sender, &*added);
    let nodes = nodes_of(sender, path.steps());
    // Any key of the tree is rejected, including the keys of the nodes that the path replaces.
    let mut taken = 0;
    for node in (0..fixture.tree.size().node_count()).map(NodeIndex) {
        let key = match fixture.tree.node(node).unwrap() {
            None => continue,
            Some(pando_wire::Node::Leaf(leaf_node)) => leaf_node.encryption_key,
            Some(pando_wire::Node::Parent(parent)) => parent.encryption_key,
        };
        for (position, at) in nodes.iter().enumerate() {
            let error = merge_error(group, &update_path, |path| *key_at(path, position) = key.clone());
            assert_eq!(error, TreeError::PathKeyReused(*at), "with the key of {node}");
            taken += u32::from(nodes.contains(&node));
        }
    }
    assert!(taken as usize > nodes.len(), "the path replaces keys");
    // If a key occurs twice in the path, the second occurrence is rejected.
    for first in 0..nodes.len() {
        for (second, at) in nodes.iter().enumerate().skip(first + 1) {
            let error = merge_error(group, &update_path, |path| {
                *key_at(path, second) = key_at(path, first).clone();
            });
            assert_eq!(error, TreeError::PathKeyReused(*at));
        }
    }
}

#[test]
fn a_path_with_a_malformed_key_is_refused() {
    let (fixture, sender, added, path, update_path, _) = with_path();
    let group = (&fixture, sender, &*added);
    let (zero, mut one) = (vec![0; 32], vec![0; 32]);
    one[0] = 1;
    for (position, at) in nodes_of(sender, path.steps()).into_iter().enumerate() {
        let valid = key_at(&mut update_path.clone(), position).to_vec();
        for key in
            [vec![], valid[1..].to_vec(), [&*valid, &[0]].concat(), zero.clone(), one.clone(), vec![0xff; 32]]
        {
            let error = merge_error(group, &update_path, |path| *key_at(path, position) = key.into());
            assert_eq!(error, TreeError::InvalidEncryptionKey(at));
        }
    }
}

#[test]
fn a_path_whose_leaf_has_the_wrong_parent_hash_is_refused() {
    let (mut fixture, sender, added, path, update_path, _) = with_path();
    let right = path.leaf_node().leaf_node_source.clone();
    let LeafNodeSource::Commit { parent_hash } = &right else { panic!("{right:?}") };
    let mut sources: Vec<_> = (0..parent_hash.len())
        .map(|position| {
            let mut bytes = parent_hash.to_vec();
            bytes[position] ^= 1;
            bytes
        })
        .chain([vec![], parent_hash[1..].to_vec(), [&**parent_hash, &[0]].concat()])
        .map(|bytes| LeafNodeSource::Commit { parent_hash: bytes.into() })
        .collect();
    sources.push(LeafNodeSource::Update);
    let lifetime = Lifetime { not_before: 0, not_after: u64::MAX };
    sources.push(LeafNodeSource::KeyPackage { lifetime });
    for source in sources {
        let error = merge_error((&fixture, sender, &added), &update_path, |path| {
            path.leaf_node.leaf_node_source = source;
        });
        assert_eq!(error, TreeError::PathParentHash);
    }
    // The keys are changed so that they no longer match the leaf's parent hash.
    for position in 0..update_path.nodes.len() {
        let key = fixture.suite.hpke_generate_key_pair(&mut fixture.rng).unwrap().public;
        let error = merge_error((&fixture, sender, &added), &update_path, |path| {
            path.nodes[position].encryption_key = key;
        });
        assert_eq!(error, TreeError::PathParentHash);
    }
    // A single member has no parent, so only the empty parent hash is correct.
    let mut alone = GroupFixture::grown(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519, 5, 1);
    let (_, update_path, _) = new_path(&mut alone, LeafIndex(0), &[]);
    assert!(alone.tree.merge_path(LeafIndex(0), &update_path, &[]).is_ok());
    let error = merge_error((&alone, LeafIndex(0), &[]), &update_path, |path| {
        path.leaf_node.leaf_node_source = LeafNodeSource::Commit { parent_hash: vec![0; 32].into() };
    });
    assert_eq!(error, TreeError::PathParentHash);
}

/// Returns the position of a member's ciphertext in the path and in the list of ciphertexts, and
/// the node whose key it is encrypted to. The node is found by a search of the resolution.
fn addressed(
    fixture: &GroupFixture,
    steps: &[PathStep],
    leaf: LeafIndex,
    added: &[LeafIndex],
) -> (usize, usize, NodeIndex) {
    let position = steps.iter().position(|step| step.copath_child.covers(leaf)).unwrap();
    let resolution = fixture.tree.resolution(steps[position].copath_child).unwrap();
    let is_new = |node: &NodeIndex| node.leaf().is_some_and(|leaf| added.contains(&leaf));
    let mut recipients = resolution.into_iter().filter(|node| !is_new(node)).enumerate();
    let (place, node) =
        recipients.find(|(_, node)| fixture.members[&leaf].keys.get(*node).is_some()).unwrap();
    (position, place, node)
}

#[test]
fn a_path_secret_that_cannot_be_decrypted_is_refused() {
    let (fixture, sender, added, path, update_path, context) = with_path();
    let failed = Err(TreeError::Crypto(CryptoError::DecryptionFailed));
    for (leaf, member) in fixture.members.iter().filter(|(leaf, _)| **leaf != sender && !added.contains(leaf))
    {
        let decrypt = |path: &UpdatePath, context: &GroupContext| {
            let merged = fixture.tree.merge_path(sender, path, &added).unwrap();
            let decrypted = member.keys.decrypt_path(&fixture.tree, &merged, context, &added);
            decrypted.map(|decrypted| decrypted.commit_secret)
        };
        assert_eq!(&decrypt(&update_path, &context).unwrap(), path.commit_secret(), "{leaf}");

        let (position, place, _) = addressed(&fixture, path.steps(), *leaf, &added);
        let original = &update_path.nodes[position].encrypted_path_secret[place];
        let replaced = |ciphertext: HpkeCiphertext| {
            let mut changed = update_path.clone();
            changed.nodes[position].encrypted_path_secret[place] = ciphertext;
            changed
        };
        let mut bytes: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for index in 0..original.ciphertext.len() {
            let mut changed = original.ciphertext.to_vec();
            changed[index] ^= 0x10;
            bytes.push((original.kem_output.to_vec(), changed));
        }
        for index in [0, 15, 31] {
            let mut changed = original.kem_output.to_vec();
            changed[index] ^= 0x10;
            bytes.push((changed, original.ciphertext.to_vec()));
        }
        for length in [0, 1, 15, 16, original.ciphertext.len() - 1] {
            bytes.push((original.kem_output.to_vec(), original.ciphertext[..length].to_vec()));
        }
        for kem_output in [vec![], vec![0; 32], vec![0xff; 32], original.kem_output[1..].to_vec()] {
            bytes.push((kem_output, original.ciphertext.to_vec()));
        }
        for (kem_output, ciphertext) in bytes {
            let ciphertext = HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() };
            assert_eq!(decrypt(&replaced(ciphertext), &context), failed, "{leaf}");
        }
        // Changes to ciphertexts for other members do not matter.
        let mut changed = update_path.clone();
        for (other, node) in changed.nodes.iter_mut().enumerate() {
            for (other_place, ciphertext) in node.encrypted_path_secret.iter_mut().enumerate() {
                if (other, other_place) != (position, place) {
                    *ciphertext = HpkeCiphertext { kem_output: vec![].into(), ciphertext: Opaque::default() };
                }
            }
        }
        assert_eq!(&decrypt(&changed, &context).unwrap(), path.commit_secret(), "{leaf}");

        let contexts = [
            GroupContext { epoch: context.epoch + 1, ..context.clone() },
            GroupContext { group_id: vec![1].into(), ..context.clone() },
            GroupContext { tree_hash: fixture.tree.tree_hash().unwrap(), ..context.clone() },
            GroupContext { confirmed_transcript_hash: vec![0].into(), ..context.clone() },
        ];
        for context in contexts {
            assert_eq!(decrypt(&update_path, &context), failed, "{leaf}");
        }
    }
}

#[test]
fn a_path_secret_that_does_not_fit_is_refused() {
    let (mut fixture, sender, added, path, update_path, context) = with_path();
    let receivers: Vec<_> =
        fixture.members.keys().copied().filter(|leaf| *leaf != sender && !added.contains(leaf)).collect();
    let steps = path.steps().to_vec();
    for leaf in receivers {
        let (position, place, recipient) = addressed(&fixture, &steps, leaf, &added);
        let key = fixture.members[&leaf].keys.get(recipient).unwrap().public.clone();
        let decrypt = |fixture: &GroupFixture, update_path: &UpdatePath, context: &GroupContext| {
            let merged = fixture.tree.merge_path(sender, update_path, &added).unwrap();
            let keys = &fixture.members[&leaf].keys;
            keys.decrypt_path(&fixture.tree, &merged, context, &added).map(drop)
        };
        let sealed = |fixture: &mut GroupFixture, context: &GroupContext, secret: &[u8]| {
            let context = context.encode().unwrap();
            fixture
                .suite
                .encrypt_with_label(&key, "UpdatePathNode", &context, secret, &mut fixture.rng)
                .unwrap()
        };
        // Replace the secret by another secret, or by a string that is not a secret.
        for (secret, expected) in [
            (vec![9; 32], TreeError::PathSecret(steps[position].node)),
            (vec![9; 33], TreeError::PathSecret(steps[position].node)),
            (vec![9; 31], TreeError::Crypto(CryptoError::InvalidLength)),
            (vec![], TreeError::Crypto(CryptoError::InvalidLength)),
        ] {
            let mut changed = update_path.clone();
            changed.nodes[position].encrypted_path_secret[place] = sealed(&mut fixture, &context, &secret);
            assert_eq!(decrypt(&fixture, &changed, &context), Err(expected), "{leaf}");
        }
        // The secret is correct, but a key further up differs. The parent hashes match that key.
        let mut secret = path.first_path_secret().unwrap().expose().to_vec();
        for _ in 0..position {
            secret = fixture.suite.derive_secret(&secret, "path").unwrap().expose().to_vec();
        }
        for (wrong, step) in steps.iter().enumerate() {
            let mut changed = update_path.clone();
            changed.nodes[wrong].encryption_key =
                fixture.suite.hpke_generate_key_pair(&mut fixture.rng).unwrap().public;
            let parent_hash = path_parent_hash(&fixture.tree, &steps, &changed.nodes);
            changed.leaf_node.leaf_node_source = LeafNodeSource::Commit { parent_hash };
            changed.nodes[position].encrypted_path_secret[place] = sealed(&mut fixture, &context, &secret);
            let expected = if wrong < position { Ok(()) } else { Err(TreeError::PathSecret(step.node)) };
            assert_eq!(decrypt(&fixture, &changed, &context), expected, "{leaf}, {}", step.node);
        }
    }
}

/// Returns the parent hash for the leaf of a path, as section 7.9 defines it.
fn path_parent_hash(tree: &Tree, steps: &[PathStep], nodes: &[UpdatePathNode]) -> Opaque {
    steps.iter().zip(nodes).rev().fold(Opaque::default(), |above, (step, node)| {
        let sibling = tree.node_hash(step.copath_child).unwrap().unwrap();
        let input = [
            node.encryption_key.encode().unwrap(),
            above.with_length().unwrap(),
            sibling.with_length().unwrap(),
        ];
        tree.suite().hash(&[&input.concat()])[..].into()
    })
}

#[test]
fn a_member_without_the_private_key_says_which() {
    let (mut fixture, sender, added, path, update_path, context) = with_path();
    let merged = fixture.tree.merge_path(sender, &update_path, &added).unwrap();
    let leaves: Vec<_> = fixture.members.keys().copied().collect();
    let mut missing = 0;
    for leaf in leaves {
        let pair = fixture.suite.hpke_generate_key_pair(&mut fixture.rng).unwrap();
        let keys = PrivateKeys::new(&fixture.tree, leaf, pair).unwrap();
        let found = keys.decrypt_path(&fixture.tree, &merged, &context, &added).map(drop);
        let expected = if leaf == sender {
            TreeError::OwnPath
        } else if added.contains(&leaf) {
            // The path secret of an added member is in its Welcome. The ciphertext at its position
            // is for another member.
            assert!(found.is_err(), "{leaf}");
            continue;
        } else {
            let (_, _, node) = addressed(&fixture, path.steps(), leaf, &added);
            if node.is_leaf() {
                // The member has a key for this leaf, but the key is wrong.
                TreeError::Crypto(CryptoError::DecryptionFailed)
            } else {
                missing += 1;
                TreeError::PrivateKeyMissing(node)
            }
        };
        assert_eq!(found, Err(expected), "{leaf}");
    }
    assert!(missing > 2, "{missing}");
}

#[test]
fn a_member_that_was_removed_learns_nothing() {
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    for removed in (1..9).map(LeafIndex) {
        let mut fixture = GroupFixture::grown(suite, 8, 9);
        let keys = fixture.members[&removed].keys.clone();
        fixture.commit(LeafIndex(0), &[removed], 0);
        // A parent above the blank leaf gets a key again, and the path is encrypted to that key.
        let beside = LeafIndex(removed.0 ^ 1);
        if fixture.tree.is_member(beside).unwrap() && beside != LeafIndex(0) {
            fixture.commit(beside, &[], 0);
        }
        let (_, update_path, context) = new_path(&mut fixture, LeafIndex(0), &[]);
        let merged = fixture.tree.merge_path(LeafIndex(0), &update_path, &[]).unwrap();
        let found = keys.decrypt_path(&fixture.tree, &merged, &context, &[]).map(drop);
        assert_eq!(found, Err(TreeError::NotAMember(removed)));
    }
}

#[test]
fn a_new_member_is_not_fooled() {
    let (mut fixture, sender, added, path, update_path, _) = with_path();
    let merged = fixture.tree.merge_path(sender, &update_path, &added).unwrap();
    let (tree, leaf) = (merged.tree(), added[0]);
    let ancestor = tree.size().common_ancestor(sender, leaf).unwrap();
    let right = path.path_secret_for(leaf).unwrap().unwrap();
    let members: Vec<_> = fixture.members.keys().copied().collect();
    let keys = &mut fixture.members.get_mut(&leaf).unwrap().keys;
    let joined = |signer: LeafIndex, secret: &[u8]| keys.clone().join_path(tree, signer, secret.into());
    assert_eq!(joined(sender, right.expose()), Ok(()));
    assert_eq!(joined(leaf, right.expose()), Err(TreeError::OwnPath));
    assert_eq!(joined(sender, &[1; 32]), Err(TreeError::PathSecret(ancestor)));
    assert_eq!(joined(sender, &[1; 5]), Err(TreeError::Crypto(CryptoError::InvalidLength)));
    for signer in members.into_iter().filter(|signer| *signer != sender && *signer != leaf) {
        let meeting = tree.size().common_ancestor(signer, leaf).unwrap();
        // The secret belongs to one node. Any other member below that node could equally be the
        // sender.
        let expected = if meeting == ancestor { Ok(()) } else { Err(TreeError::PathSecret(meeting)) };
        assert_eq!(joined(signer, right.expose()), expected, "{signer}");
    }
    // There are no path secrets for the committer itself and for blank leaves.
    for leaf in blank(tree).chain([sender]) {
        assert_eq!(path.path_secret_for(leaf).unwrap(), None, "{leaf}");
    }
}

/// Shows that no keys are kept if a path secret matches the tree at the first nodes but not at the
/// last one.
#[test]
fn a_path_secret_that_fits_in_part_changes_no_keys() {
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let mut fixture = GroupFixture::grown(suite, 1, 8);
    fixture.remove(LeafIndex(1));
    let (sender, leaf) = (LeafIndex(0), fixture.add());
    assert_eq!(leaf, LeafIndex(1));
    let (path, update_path, _) = new_path(&mut fixture, sender, &[leaf]);
    fixture.tree = fixture.tree.merge_path(sender, &update_path, &[leaf]).unwrap().into_tree();
    // Among the nodes above the new member, the next path replaces only the root.
    let (next, ..) = new_path(&mut fixture, LeafIndex(7), &[]);
    let secret = || path.path_secret_for(leaf).unwrap().unwrap().expose().into();
    let mut keys = fixture.members[&leaf].keys.clone();
    let before: Vec<_> = keys.nodes().collect();
    let refused = keys.join_path(next.tree(), sender, secret());
    assert_eq!(refused, Err(TreeError::PathSecret(fixture.tree.size().root())));
    assert_eq!(keys.nodes().collect::<Vec<_>>(), before);
    keys.join_path(&fixture.tree, sender, secret()).unwrap();
    assert_eq!(keys.nodes().count(), 4);
}
