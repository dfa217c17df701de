//! Sections 7.2 and 11.1: leaves whose capabilities do not list the group's version or cipher
//! suite. Clients do not send such leaves, but accept them: deployed implementations accept them,
//! and members that disagree fork the group.

use crate::forge::{Forgery, add, by_value, external_senders, stranger, template, update};
use crate::puppet::{PUPPET, Puppet, says};
use crate::stage::Stage;
use crate::world::{Member, Newcomer, World, client, leaf_template, suite};
use pando_mls::{
    BasicIdentities, Capabilities, CipherSuite, Extensions, ExternalJoin, Group, GroupConfig, GroupError,
    KeyPackageBundle, Limits, Misuse, NewLeaf, Proposal, ProtocolVersion, PublicGroup, PublicProcessed,
    Successor, propose_as_external_sender, propose_own_add,
};
use pando_wire::{LeafIndex, Sender};

/// Removes the version or the cipher suite of the group from capabilities.
type Unlist = fn(&mut Capabilities);

/// For a group of cipher suite 1.
const UNLIST: [Unlist; 4] = [
    |capabilities| capabilities.versions.clear(),
    |capabilities| capabilities.versions = vec![ProtocolVersion(2), ProtocolVersion(0xdada)],
    |capabilities| capabilities.cipher_suites.clear(),
    |capabilities| capabilities.cipher_suites = vec![CipherSuite(0x0a0a), CipherSuite(2)],
];

const REFUSED: GroupError = GroupError::Misuse(Misuse::SuiteNotListed);

/// Returns a configuration with which an observer can follow the members' Commits.
fn public() -> GroupConfig {
    GroupConfig::default().with_encrypt_handshakes(false)
}

/// Returns a group of cipher suite 1 with a server that may send proposals.
fn stage() -> Stage {
    Stage::with(|setting| {
        setting.config = public();
        setting.extensions = external_senders(&[&*stranger(suite(1))]);
    })
}

/// Returns a client whose KeyPackage does not list the version or the suite.
fn unlisted(puppet: &mut Puppet, unlist: Unlist) -> Forgery {
    Forgery::of(puppet, |template| unlist(&mut template.capabilities))
}

#[test]
fn an_add_by_value_is_accepted() {
    for unlist in UNLIST {
        let mut stage = stage();
        let newcomer = unlisted(&mut stage.puppet, unlist);
        let proposals = by_value(&[add(newcomer.key_package.clone())]);
        let leaf_node = &newcomer.key_package.leaf_node;
        let commit = stage.puppet.commit_with(proposals, None, |tree, _| {
            tree.add(leaf_node).unwrap();
        });
        stage.follow(&commit);
        let welcome = stage.puppet.welcome(&newcomer.key_package);
        stage.goes_on(Some((newcomer, welcome)));
    }
}

/// An Add by reference is never left out of our Commit, from any sender.
#[test]
fn an_add_by_reference_is_accepted_and_committed() {
    for unlist in UNLIST {
        for sender in [Sender::Member(PUPPET), Sender::External(0), Sender::NewMemberProposal] {
            let mut stage = stage();
            let newcomer = unlisted(&mut stage.puppet, unlist);
            let proposal = add(newcomer.key_package.clone());
            let message = match sender {
                Sender::Member(_) => stage.puppet.propose(proposal).0,
                Sender::External(_) => stage.puppet.propose_as(sender, proposal, &*stranger(suite(1))),
                _ => stage.puppet.propose_as(sender, proposal, &*newcomer.signer),
            };
            stage.hear(&message);
            let welcome = stage.commit_pending().unwrap();
            stage.goes_on(Some((newcomer, welcome)));
        }
    }
}

#[test]
fn an_update_is_accepted_and_committed() {
    for unlist in UNLIST {
        let mut stage = stage();
        let leaf_node = stage.puppet.updated_leaf(|leaf_node| unlist(&mut leaf_node.capabilities));
        let (message, _) = stage.puppet.propose(update(leaf_node.clone()));
        stage.hear(&message);
        stage.commit_pending();
        assert_eq!(stage.observer.public().tree().leaf(PUPPET).unwrap(), Some(leaf_node));
        stage.goes_on(None);
    }
}

#[test]
fn the_leaf_of_a_path_is_accepted() {
    for unlist in UNLIST {
        let mut stage = stage();
        let mut leaf = says(stage.puppet.own_leaf());
        unlist(&mut leaf.capabilities);
        let commit = stage.puppet.commit_with(Vec::new(), Some(leaf.clone()), |_, _| {});
        stage.follow(&commit);
        let found = stage.observer.public().tree().leaf(PUPPET).unwrap().unwrap();
        assert_eq!(found.capabilities, leaf.capabilities);
        stage.lives_on();
    }
}

#[test]
fn an_external_commit_is_accepted() {
    for unlist in UNLIST {
        let mut stage = stage();
        let mut leaf = says(stage.puppet.own_leaf());
        unlist(&mut leaf.capabilities);
        // The server already uses the constant `stranger` key, so this signer has a random one.
        let signer = Forgery::of(&mut stage.puppet, |_| {}).signer;
        let commit = stage.puppet.external_commit(&*signer, leaf.clone());
        stage.follow(&commit);
        let found = stage.observer.public().tree().leaf(LeafIndex(3)).unwrap().unwrap();
        assert_eq!(found.capabilities, leaf.capabilities);
        stage.lives_on();
    }
}

/// Returns a group, created by the puppet, that has such a leaf: the member at that leaf and
/// another joiner, and an observer.
fn joined(unlist: Unlist) -> (World, PublicGroup) {
    let mut puppet = Puppet::new(suite(1));
    let other = unlisted(&mut puppet, unlist);
    puppet.seat(&other.key_package);
    let joiner = Newcomer::new(puppet.suite, template(), &mut puppet.rng);
    puppet.seat(&joiner.bundle.key_package);
    let (bundle, group_info) = (other.bundle(), puppet.group_info());
    let other = Newcomer { signer: other.signer, bundle };
    let members = [joiner, other].map(|newcomer| {
        let welcome = puppet.welcome(&newcomer.bundle.key_package);
        newcomer.join(&welcome, None, public()).unwrap()
    });
    let (suite, limits) = (puppet.suite, Limits::default());
    let observer =
        PublicGroup::new(suite, &group_info, None, &BasicIdentities, limits).unwrap().assume_persisted();
    let mut world = World { suite, rng: puppet.rng, config: public(), members: members.into() };
    world.agree();
    (world, observer)
}

#[test]
fn a_tree_is_joined_and_observed() {
    for unlist in UNLIST {
        let (mut world, mut observer) = joined(unlist);
        let newcomer = Newcomer::new(world.suite, template(), &mut world.rng);
        let group_info = world.members[0].group_info(true);
        let (member, message) = world.external(newcomer, &group_info, None, None, Vec::new()).unwrap();
        world.deliver_commit(usize::MAX, &message);
        world.members.push(member);
        world.agree();
        let (commit, _) = world.commit(2, |builder| builder);
        for message in [message, commit] {
            match observer
                .process(message, &BasicIdentities, &pando_mls::AdmitAll, None)
                .unwrap()
                .into_parts()
                .0
            {
                PublicProcessed::Commit(staged) => drop(observer.merge_unconfirmed(&staged).unwrap()),
                other => panic!("not a Commit: {other:?}"),
            }
        }
        assert_eq!(observer.public().context(), world.context());
        for sender in [0, 1, 2] {
            world.chat(sender);
        }
    }
}

#[test]
fn a_key_package_is_not_made() {
    let mut puppet = Puppet::new(suite(1));
    for unlist in UNLIST {
        let mut template = template();
        unlist(&mut template.capabilities);
        let made = KeyPackageBundle::new(puppet.suite, template, &*puppet.signer, &mut puppet.rng);
        assert_eq!(made.unwrap_err(), REFUSED);
    }
}

#[test]
fn a_group_is_not_created() {
    let mut puppet = Puppet::new(suite(1));
    for unlist in UNLIST {
        let creator = unlisted(&mut puppet, unlist);
        let (id, client) = ("begun", client(&*creator.signer));
        let (extensions, bundle) = (Extensions::default(), creator.bundle());
        let created = Group::builder(id).extensions(extensions).build(bundle, &client, &mut puppet.rng);
        assert_eq!(created.map(drop), Err(REFUSED));
    }
}

#[test]
fn a_member_does_not_change_to_such_a_leaf() {
    for unlist in UNLIST {
        let mut stage = stage();
        let Member { group, signer, rows } = &mut stage.members[0];
        let (client, rng) = (client(&**signer), &mut stage.puppet.rng);
        let mut template = leaf_template();
        unlist(&mut template.capabilities);
        let new_leaf = || NewLeaf { template: template.clone(), signer: &**signer };
        let updated = group.propose_update(Some(new_leaf()), b"", &client, rng);
        assert_eq!(updated.map(drop), Err(REFUSED));
        let built = group.commit().new_leaf(new_leaf()).build(&client, rng);
        assert_eq!(built.map(drop), Err(REFUSED));
        assert_eq!((group.pending_proposals().count(), group.pending_commit()), (0, None));
        // This Update was made earlier, with other capabilities.
        group.propose_update(None, b"", &client, rng).unwrap().persist_to(rows).unwrap();
        let pending = group.pending_proposals().next().unwrap().proposal.clone();
        let Proposal::Update(mut made) = pending else { panic!("not an Update") };
        made.leaf_node.capabilities = template.capabilities;
        let own = group.own_leaf();
        stage.puppet.sign_leaf(&mut made.leaf_node, own, &**signer);
        let proposed = group.propose(update(made.leaf_node), b"", &client, &mut stage.puppet.rng);
        assert_eq!(proposed.map(drop), Err(REFUSED));
        stage.lives_on();
    }
}

/// A member that already has such a leaf sends no path and no Update with it. It may change to a
/// valid leaf.
#[test]
fn a_member_does_not_keep_such_a_leaf() {
    for unlist in UNLIST {
        let (mut world, _) = joined(unlist);
        assert_eq!(world.build(1, |builder| builder).unwrap_err(), REFUSED);
        assert_eq!(world.members[1].propose_update(&mut world.rng).unwrap_err(), REFUSED);
        let newcomer = world.newcomer();
        let (_, welcome) = world.commit(1, |builder| builder.add(newcomer.key_package()).without_path());
        world.enter(newcomer, &welcome.unwrap());
        let signer = world.signer();
        let new_leaf = NewLeaf { template: leaf_template(), signer: &*signer };
        let message = world.members[1].build_leaf(new_leaf, &BasicIdentities, &mut world.rng).unwrap();
        world.deliver_commit(1, &message);
        world.members[1].signer = signer;
        world.commit(1, |builder| builder);
    }
}

#[test]
fn a_client_does_not_join_by_a_commit() {
    let mut puppet = Puppet::new(suite(1));
    for unlist in UNLIST {
        let mut template = leaf_template();
        unlist(&mut template.capabilities);
        let (group_info, signer) = (puppet.group_info(), stranger(puppet.suite));
        let (tree, resync, psks, authenticated_data) = (None, None, Vec::new(), b"".as_slice());
        let join = ExternalJoin::new(&group_info, template)
            .tree(tree)
            .replace_leaf(resync)
            .psks(psks)
            .authenticated_data(authenticated_data);
        assert_eq!(join.build(&client(&*signer), &mut puppet.rng).map(drop), Err(REFUSED));
    }
}

#[test]
fn an_add_is_not_sent() {
    for unlist in UNLIST {
        let mut stage = stage();
        let newcomer = unlisted(&mut stage.puppet, unlist);
        let (proposal, context) = (add(newcomer.key_package.clone()), &stage.puppet.context);
        let own = propose_own_add(context, newcomer.key_package.clone(), &client(&*newcomer.signer));
        assert_eq!(own.unwrap_err(), REFUSED);
        let server = stranger(suite(1));
        let external = propose_as_external_sender(context, proposal.clone(), &client(&*server));
        assert_eq!(external.unwrap_err(), REFUSED);

        let rng = &mut stage.puppet.rng;
        let member = &mut stage.members[0];
        assert_eq!(member.propose(proposal, rng).unwrap_err(), REFUSED);
        let built = member.build(|builder| builder.add(newcomer.key_package.clone()), rng);
        assert_eq!(built.unwrap_err(), REFUSED);
        assert_eq!((member.group.pending_proposals().count(), member.group.pending_commit()), (0, None));
        stage.lives_on();
    }
}

/// A successor adds its members by value in its first Commit.
#[test]
fn a_successor_adds_no_such_member() {
    for unlist in UNLIST {
        let mut world = World::of(suite(1), 2);
        let mut puppet = Puppet::new(suite(1));
        let (creator, other) = (Forgery::of(&mut puppet, |_| {}), unlisted(&mut puppet, unlist));
        let successor = || Successor::new(creator.bundle(), vec![other.key_package.clone()]);
        let client = client(&*creator.signer);
        let (id, extensions) = ("next", Extensions::default());
        let branched = world.members[0].group.branch(id, extensions, successor(), &client, &mut puppet.rng);
        assert_eq!(branched.map(drop), Err(REFUSED));

        let reinit = crate::make::reinit(world.suite, Extensions::default());
        let (message, _) = world.build(0, |builder| builder.reinit(reinit)).unwrap();
        world.members[0].follow(&message);
        let begun = world.members[0].group.reinitialize(successor(), &client, &mut puppet.rng);
        assert_eq!(begun.map(drop), Err(REFUSED));
    }
}
