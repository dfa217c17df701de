//! Tests of section 12.2: a Commit covers the pending proposals that are valid together. The
//! selection must equal that of a simple model, which tries one proposal after another and keeps
//! each that leaves the Commit valid.

use crate::group_fixture::{GroupFixture, Member, Newcomer, client, suite, template};
use crate::material::{ForgedKeyPackage, add, remove};
use crate::raw_member::RawMember;
use pando_mls::{
    Context, Credential, CredentialType, Encode, Group, GroupConfig, IdentityError, IdentityPolicy,
    KeyPackageTemplate, Limits, Proposal,
};
use pando_wire::{HpkePublicKey, LeafIndex, NodeIndex, SignaturePublicKey};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const RARE: CredentialType = CredentialType(0xf00c);

/// A policy that allows each name only once.
struct Names;

impl IdentityPolicy for Names {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        credential.encode().ok()
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

fn named(name: u64) -> KeyPackageTemplate {
    let credential = Credential::Basic { identity: name.to_be_bytes().as_slice().into() };
    let mut template = KeyPackageTemplate { credential, ..template() };
    template.capabilities.credentials.push(RARE);
    template
}

/// Returns a group of eight leaves, two of which are blank. All parents have keys.
fn warm() -> GroupFixture {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let (suite, config) = (suite(1), GroupConfig::default());
    let creator = Newcomer::new(suite, named(0), &mut rng).create(config, &mut rng);
    let mut group = GroupFixture { suite, rng, config, members: vec![creator] };
    let others: Vec<_> = (1..8).map(|name| Newcomer::new(suite, named(name), &mut group.rng)).collect();
    let (_, welcome) =
        group.commit(0, |builder| others.iter().fold(builder, |all, other| all.add(other.key_package())));
    for other in others {
        group.enter(other, welcome.as_ref().unwrap());
    }
    group.commit(0, |builder| builder.remove(LeafIndex(2)).remove(LeafIndex(4)));
    for by in [4, 3, 2, 0] {
        group.commit(by, |builder| builder);
    }
    let tree = group.tree();
    assert_eq!((tree.member_count(), tree.size().leaf_count()), (6, 8));
    for node in [1, 3, 7, 9, 11, 13] {
        assert_eq!(tree.parent(NodeIndex(node)).unwrap().is_some(), node != 9, "{node}");
    }
    group
}

/// Returns a client to be added. The client may have a value in common with a member or with an
/// earlier candidate.
fn candidate(
    group: &GroupFixture,
    before: &[ForgedKeyPackage],
    kind: u32,
    name: u64,
    raw_member: &mut RawMember,
) -> ForgedKeyPackage {
    let fresh =
        |raw_member: &mut RawMember| ForgedKeyPackage::of(raw_member, |template| *template = named(name));
    let pick = |count: usize, raw_member: &mut RawMember| raw_member.rng.next_u32() as usize % count;
    // The committer is not chosen here, because its path replaces its key.
    let member = group.tree().members().map(Result::unwrap).nth(1 + pick(5, raw_member)).unwrap();
    let with_credentials = |raw_member: &mut RawMember, credential: Credential, known: &[CredentialType]| {
        ForgedKeyPackage::of(raw_member, |template| {
            *template = KeyPackageTemplate { credential, ..named(name) };
            template.capabilities.credentials = known.to_vec();
        })
    };
    let rare = Credential::Other { credential_type: RARE, data: name.to_be_bytes().as_slice().into() };
    let basic = named(name).credential;
    let change_key = |forgery: ForgedKeyPackage, key: HpkePublicKey| {
        forgery.change(group.suite, |key_package| key_package.leaf_node.encryption_key = key)
    };
    match kind {
        0 => with_credentials(raw_member, rare, &[CredentialType::BASIC, RARE]),
        1 => with_credentials(raw_member, rare, &[RARE]),
        2 => with_credentials(raw_member, basic, &[CredentialType::BASIC]),
        // These candidates have the name or the keys of a member.
        3 => ForgedKeyPackage::of(raw_member, |template| *template = named(member.0.into())),
        4 => change_key(fresh(raw_member), group.tree().leaf(member).unwrap().unwrap().encryption_key),
        5 => match before.len() {
            0 => fresh(raw_member),
            count => {
                let key = before[pick(count, raw_member)].key_package.leaf_node.encryption_key.clone();
                change_key(fresh(raw_member), key)
            }
        },
        6 => match before.len() {
            0 => fresh(raw_member),
            count => {
                let credential = before[pick(count, raw_member)].key_package.leaf_node.credential.clone();
                with_credentials(raw_member, credential, &[CredentialType::BASIC, RARE])
            }
        },
        // This candidate has the key of a parent.
        7 => {
            let node = [3, 7, 11][pick(3, raw_member)];
            change_key(
                fresh(raw_member),
                group.tree().parent(NodeIndex(node)).unwrap().unwrap().encryption_key,
            )
        }
        _ => fresh(raw_member),
    }
}

/// Returns the proposals that a Commit of `own` and, if requested, of the pending proposals covers.
/// Returns `None` if the Commit cannot be built.
fn built(group: &mut Group, own: &[Proposal], pending: bool, cx: &Context<'_>) -> Option<Vec<Proposal>> {
    let builder = own.iter().fold(group.commit().without_path(), |all, own| all.proposal(own.clone()));
    let builder = if pending { builder } else { builder.without_pending() };
    let built = builder.build(cx, &mut ChaCha20Rng::seed_from_u64(5));
    let covered = built.ok().map(|_| {
        let staged = group.pending_epoch().unwrap();
        staged.proposals().map(|(_, proposal)| proposal.clone()).collect()
    });
    let _ = group.clear_pending();
    covered
}

#[test]
fn what_is_chosen_is_what_could_be_added_one_after_the_other() {
    let group = warm();
    let mut raw_member = RawMember::new(suite(1));
    let (mut chosen_in_all, mut left_in_all) = (0, 0);
    for round in 0..60 {
        // Every second round removes members, which releases their names and keys. Every sixth
        // round halves the tree.
        let (gone, leaves): (&[u32], _) = match round % 6 {
            1 => (&[5, 6, 7], 4),
            3 | 5 => (&[1, 6], if round % 6 == 3 { 8 } else { 16 }),
            0 => (&[], 8),
            _ => (&[], 16),
        };
        let removes: Vec<_> = gone.iter().copied().map(remove).collect();
        let Member { signer, rows, .. } = &group.members[0];
        let config = group.config.with_limits(Limits::default().with_leaves(leaves));
        let cx = client(&**signer).with_policy(&Names).with_config(config);
        let load = || Group::load(rows, &cx).unwrap();

        let mut before: Vec<ForgedKeyPackage> = Vec::new();
        for number in 0..8 {
            let kinds = if removes.is_empty() { 10 } else { 7 };
            let (kind, name) = (raw_member.rng.next_u32() % kinds, 100 * round + number);
            before.push(candidate(&group, &before, kind, name, &mut raw_member));
        }
        let mut adds: Vec<_> = before.iter().map(|forgery| add(forgery.key_package.clone())).collect();
        // The committer itself adds this client by value.
        let mut same = || {
            add(ForgedKeyPackage::of(&mut raw_member, |template| *template = named(1_000_000)).key_package)
        };
        adds.push(same());
        let own: Vec<_> = (leaves > 4).then(same).into_iter().collect();

        let mut group = load();
        for proposal in removes.iter().chain(&adds) {
            let _ = group.propose(proposal.clone(), b"", &cx, &mut raw_member.rng).unwrap();
        }
        let covered = built(&mut group, &own, true, &cx).unwrap();

        let mut expected = [removes, own.clone()].concat();
        let mut patient = load();
        for add in adds {
            let tried = [&expected[..], std::slice::from_ref(&add)].concat();
            match built(&mut patient, &tried, false, &cx) {
                Some(_) => expected.push(add),
                None => left_in_all += 1,
            }
        }
        chosen_in_all += expected.len();
        let is_own = |proposal: &Proposal| own.contains(proposal);
        expected.sort_by_key(is_own);
        assert_eq!(covered, expected, "{round}");
    }
    assert!(chosen_in_all > 200 && left_in_all > 100, "{chosen_in_all} {left_in_all}");
}
