//! Groups that follow from others: reinitialized, and branched.

use crate::world::{AllPsks, Client, NOW, POLICY, World, new_client, suites, template};
use pando_crypto::{Signer, Suite};
use pando_group::{
    BasicIdentities, Group, GroupConfig, GroupError, IdentityError, IdentityPolicy, KeyPackageBundle,
    Missing, Misuse, PskStore, Successor, Violation,
};
use pando_schedule::PskValue;
use pando_wire::{
    Credential, Extension, ExtensionType, Extensions, GroupId, KeyPackage, LeafIndex, ProtocolVersion, Psk,
    ReInit, ResumptionPskUsage, SignaturePublicKey, Welcome,
};

type Newcomer = (KeyPackageBundle, Box<dyn Signer>);

fn id(name: &[u8]) -> GroupId {
    name.into()
}

fn newcomers(world: &mut World, suite: Suite, count: usize) -> Vec<Newcomer> {
    (0..count).map(|_| new_client(suite, template(), &mut world.rng)).collect()
}

fn key_packages(newcomers: &[Newcomer]) -> Vec<KeyPackage> {
    newcomers.iter().map(|(bundle, _)| bundle.key_package.clone()).collect()
}

/// All members enter the last epoch of the group.
fn reinitialize(world: &mut World, suite: Suite) {
    let reinit = ReInit {
        group_id: id(b"new"),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite.cipher_suite(),
        extensions: extensions(),
    };
    let message = world.build(0, |builder| builder.reinit(reinit)).unwrap().message;
    for index in 0..world.clients.len() {
        assert_eq!(world.follow(index, &message), index == 0);
        assert!(!world.clients[index].group.is_active());
    }
}

fn extensions() -> Extensions {
    Extensions(vec![Extension { extension_type: ExtensionType(0x1a1a), extension_data: vec![].into() }])
}

/// Makes a new group, by the second member.
fn create(
    world: &mut World,
    usage: ResumptionPskUsage,
    suite: Suite,
    creator: Newcomer,
    key_packages: Vec<KeyPackage>,
    policy: &dyn IdentityPolicy,
) -> Result<(Client, Welcome), GroupError> {
    let (bundle, signer) = creator;
    let successor = Successor { bundle, key_packages, config: world.config };
    let (old, rng) = (&world.clients[1].group, &mut world.rng);
    let (group, welcome) = match usage {
        ResumptionPskUsage::ReInit => old.reinitialize(suite, successor, &*signer, policy, Some(NOW), rng)?,
        _ => old.branch(id(b"branch"), successor, &*signer, policy, Some(NOW), rng)?,
    };
    Ok((Client { signer, group }, welcome.unwrap()))
}

fn join(
    world: &World,
    by: usize,
    suite: Suite,
    welcome: &Welcome,
    bundle: KeyPackageBundle,
) -> Result<Group, GroupError> {
    let old = &world.clients[by].group;
    old.join_successor(suite, welcome, bundle, None, &AllPsks, POLICY, GroupConfig::default())
}

/// A new group that goes on living.
fn lives_on(mut world: World, clients: Vec<Client>) {
    world.suite = clients[0].group.public().suite();
    world.clients = clients;
    world.agree();
    world.commit(1, |builder| builder);
    world.chat(0);
    world.add(0, 1);
    world.chat(2);
}

#[test]
fn a_group_is_reinitialized_with_another_cipher_suite() {
    for (old, new) in suites().zip(suites().skip(1).chain(suites())) {
        let mut world = World::of(old, 3);
        reinitialize(&mut world, new);
        let mut newcomers = newcomers(&mut world, new, 3);
        let creator = newcomers.pop().unwrap();
        let key_packages = key_packages(&newcomers);
        let (client, welcome) =
            create(&mut world, ResumptionPskUsage::ReInit, new, creator, key_packages, POLICY).unwrap();
        let context = client.group.public().context();
        assert_eq!((context.epoch, &context.group_id), (1, &id(b"new")));
        assert_eq!((context.cipher_suite, &context.extensions), (new.cipher_suite(), &extensions()));
        let mut clients = vec![client];
        for ((bundle, signer), by) in newcomers.into_iter().zip([0, 2]) {
            let group = join(&world, by, new, &welcome, bundle).unwrap();
            clients.push(Client { signer, group });
        }
        lives_on(world, clients);
    }
}

#[test]
fn some_members_branch_off() {
    for suite in suites() {
        let mut world = World::of(suite, 4);
        let mut newcomers = newcomers(&mut world, suite, 2);
        let (creator, other) = (newcomers.pop().unwrap(), newcomers.pop().unwrap());
        let key_packages = vec![other.0.key_package.clone()];
        let (client, welcome) =
            create(&mut world, ResumptionPskUsage::Branch, suite, creator, key_packages, POLICY).unwrap();
        // The old group goes on meanwhile.
        world.commit(0, |builder| builder);
        let group = join(&world, 3, suite, &welcome, other.0).unwrap();
        world.chat(0);
        lives_on(world, vec![client, Client { signer: other.1, group }]);
    }
}

#[test]
fn a_branch_of_a_forgotten_epoch_cannot_be_joined() {
    let mut world = World::of(World::first(), 2);
    let suite = world.suite;
    let mut newcomers = newcomers(&mut world, suite, 2);
    let (creator, other) = (newcomers.pop().unwrap(), newcomers.pop().unwrap());
    let key_packages = vec![other.0.key_package.clone()];
    let (_, welcome) =
        create(&mut world, ResumptionPskUsage::Branch, suite, creator, key_packages, POLICY).unwrap();
    let epoch = world.clients[0].group.epoch();
    for _ in 0..4 {
        world.commit(0, |builder| builder);
    }
    let joined = join(&world, 0, suite, &welcome, other.0);
    assert_eq!(joined.unwrap_err(), GroupError::Missing(Missing::Epoch(epoch)));
}

#[test]
fn nobody_is_left_behind_by_a_reinitialization() {
    let mut world = World::of(World::first(), 3);
    let suite = world.suite;
    reinitialize(&mut world, suite);
    let mut newcomers = newcomers(&mut world, suite, 2);
    let (creator, key_packages) = (newcomers.pop().unwrap(), key_packages(&newcomers[..1]));
    let created = create(&mut world, ResumptionPskUsage::ReInit, suite, creator, key_packages, POLICY);
    assert_eq!(
        created.map(|_| ()).unwrap_err(),
        GroupError::Violation(Violation::MemberMissing(LeafIndex(2)))
    );
}

/// Everybody is everybody.
struct Gullible;

impl IdentityPolicy for Gullible {
    fn validate(&self, credential: &Credential, key: &SignaturePublicKey) -> Result<(), IdentityError> {
        BasicIdentities.validate(credential, key)
    }

    fn same_client(&self, _: &Credential, _: &Credential) -> bool {
        false
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

#[test]
fn a_branch_has_no_strangers() {
    let mut world = World::of(World::first(), 3);
    let suite = world.suite;
    let mut stranger = template();
    stranger.credential = Credential::Basic { identity: b"a stranger".as_slice().into() };
    let (stranger, _) = new_client(suite, stranger, &mut world.rng);
    let refused = GroupError::Violation(Violation::NotInOldGroup(LeafIndex(1)));
    let branch = ResumptionPskUsage::Branch;
    for (policy, made) in [(POLICY as &dyn IdentityPolicy, false), (&Gullible, true)] {
        let mut newcomers = newcomers(&mut world, suite, 2);
        let (creator, (bundle, _)) = (newcomers.pop().unwrap(), newcomers.pop().unwrap());
        let key_packages = vec![stranger.key_package.clone(), bundle.key_package.clone()];
        match create(&mut world, branch, suite, creator, key_packages, policy) {
            Ok((_, welcome)) => {
                assert!(made);
                assert_eq!(join(&world, 0, suite, &welcome, bundle).unwrap_err(), refused);
            }
            Err(error) => {
                assert!(!made);
                assert_eq!(error, refused);
            }
        }
    }
}

/// Has the resumption PSKs of one group.
struct Knows<'a>(&'a Group);

impl PskStore for Knows<'_> {
    fn external(&self, _: &[u8]) -> Option<PskValue> {
        None
    }

    fn resumption(&self, _: &GroupId, epoch: u64) -> Option<PskValue> {
        self.0.resumption_psk(epoch)
    }
}

/// What a member gets to hear who is invited to a new group that somebody has made by other means.
fn forged(world: &mut World, suite: Suite, group_id: &[u8], psk: &Psk) -> GroupError {
    let (creator, signer) = new_client(suite, template(), &mut world.rng);
    let (invited, _) = new_client(suite, template(), &mut world.rng);
    let (group_id, config) = (id(group_id), GroupConfig::default());
    let mut group =
        Group::create(suite, group_id, extensions(), creator, config, POLICY, &mut world.rng).unwrap();
    let builder = group.commit().psk(psk.clone()).add(invited.key_package.clone());
    let psks = Knows(&world.clients[1].group);
    let welcome = builder.build(&*signer, &psks, POLICY, Some(NOW), &mut world.rng).unwrap().welcome;
    let welcome = welcome.unwrap();
    let alone = Group::join(
        suite,
        &welcome,
        KeyPackageBundle {
            key_package: invited.key_package.clone(),
            init_key_pair: crate::members::copy_pair(&invited.init_key_pair),
            leaf_key_pair: crate::members::copy_pair(&invited.leaf_key_pair),
        },
        None,
        &psks,
        POLICY,
        config,
    );
    assert_eq!(alone.unwrap_err(), GroupError::Misuse(Misuse::OldGroupNeeded));
    let old = &world.clients[0].group;
    old.join_successor(suite, &welcome, invited, None, &psks, POLICY, config).unwrap_err()
}

#[test]
fn what_claims_to_follow_must_be_what_was_agreed_on() {
    let mut world = World::of(World::first(), 2);
    let (suite, other_suite) = (world.suite, suites().nth(2).unwrap());
    let psk = |world: &World, usage, back| Psk::Resumption {
        usage,
        psk_group_id: id(b"group"),
        psk_epoch: world.clients[0].group.epoch() - back,
    };
    let (reinit, branch) = (ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch);
    let no_successor = GroupError::Violation(Violation::NoSuccessor);
    let parameters = GroupError::Violation(Violation::SuccessorParameters);

    // Of a group that was not reinitialized, or of another one.
    let claim = psk(&world, reinit, 0);
    assert_eq!(forged(&mut world, suite, b"new", &claim), no_successor);
    let elsewhere = Psk::Resumption { usage: branch, psk_group_id: id(b"x"), psk_epoch: 1 };
    assert_eq!(forged(&mut world, suite, b"new", &elsewhere), no_successor);
    // A branch with another cipher suite.
    let claim = psk(&world, branch, 0);
    assert_eq!(forged(&mut world, other_suite, b"new", &claim), parameters);
    // A reinitialization to another group, with another cipher suite, or from another epoch.
    reinitialize(&mut world, suite);
    let claim = psk(&world, reinit, 0);
    assert_eq!(forged(&mut world, suite, b"newer", &claim), parameters);
    assert_eq!(forged(&mut world, other_suite, b"new", &claim), parameters);
    let claim = psk(&world, reinit, 1);
    assert_eq!(forged(&mut world, suite, b"new", &claim), parameters);
}

#[test]
fn an_ordinary_group_follows_from_none() {
    let mut world = World::of(World::first(), 2);
    let (suite, (bundle, _)) = (world.suite, world.newcomer());
    let output = world.commit(0, |builder| builder.add(bundle.key_package.clone()));
    let joined = join(&world, 0, suite, &output.welcome.unwrap(), bundle);
    assert_eq!(joined.unwrap_err(), GroupError::Violation(Violation::NoSuccessor));
    let newcomer = newcomers(&mut world, suite, 1).pop().unwrap();
    let created = create(&mut world, ResumptionPskUsage::ReInit, suite, newcomer, vec![], POLICY);
    assert_eq!(created.map(|_| ()).unwrap_err(), GroupError::Misuse(Misuse::NotReinitialized));
}

#[test]
fn nothing_follows_from_two_groups() {
    let mut world = World::of(World::first(), 2);
    let (suite, rng) = (world.suite, &mut world.rng);
    let (creator, signer) = new_client(suite, template(), rng);
    let (invited, _) = new_client(suite, template(), rng);
    let config = GroupConfig::default();
    let mut group = Group::create(suite, id(b"new"), extensions(), creator, config, POLICY, rng).unwrap();
    let usages = [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch];
    let builder = group.commit().add(invited.key_package.clone());
    let builder = usages.into_iter().fold(builder, |builder, usage| {
        builder.psk(Psk::Resumption { usage, psk_group_id: id(b"group"), psk_epoch: 1 })
    });
    let psks = Knows(&world.clients[1].group);
    let welcome = builder.build(&*signer, &psks, POLICY, Some(NOW), rng).unwrap().welcome.unwrap();
    let old = &world.clients[0].group;
    let joined = old.join_successor(suite, &welcome, invited, None, &psks, POLICY, config);
    assert_eq!(joined.unwrap_err(), GroupError::Violation(Violation::SeveralResumptionPsks));
}
