//! Tests of sections 7.2 and 11.1: leaves whose capabilities do not list the version or the cipher
//! suite of the group. Clients do not send such leaves, but must accept them, because deployed
//! implementations accept them and members that disagree fork the group.

use crate::fixture::RuleFixture;
use crate::group_fixture::{GroupFixture, Member, Newcomer, client, leaf_template, suite};
use crate::material::{ForgedKeyPackage, add, by_value, external_senders, stranger, template, update};
use crate::raw_member::{RAW_MEMBER, RawMember, template_of};
use pando_mls::{
    BasicIdentities, Capabilities, CipherSuite, Extensions, ExternalJoin, Group, GroupConfig, GroupError,
    KeyPackageBundle, Limits, Misuse, NewLeaf, Proposal, ProtocolVersion, PublicGroup, PublicProcessed,
    Successor, propose_as_external_sender, propose_own_add,
};
use pando_wire::{LeafIndex, Sender};

/// A function that removes the version or the cipher suite of the group from capabilities.
type Unlist = fn(&mut Capabilities);

/// Changes for a group of cipher suite 1.
const UNLIST: [Unlist; 4] = [
    |capabilities| capabilities.versions.clear(),
    |capabilities| capabilities.versions = vec![ProtocolVersion(2), ProtocolVersion(0xdada)],
    |capabilities| capabilities.cipher_suites.clear(),
    |capabilities| capabilities.cipher_suites = vec![CipherSuite(0x0a0a), CipherSuite(2)],
];

const REFUSED: GroupError = GroupError::Misuse(Misuse::SuiteNotListed);

/// Returns a configuration that allows an observer to follow the members' Commits.
fn public() -> GroupConfig {
    GroupConfig::default().with_encrypt_handshakes(false)
}

/// Returns a group of cipher suite 1. A server may send proposals to this group.
fn fixture() -> RuleFixture {
    RuleFixture::with(|parameters| {
        parameters.config = public();
        parameters.extensions = external_senders(&[&*stranger(suite(1))]);
    })
}

/// Returns a client whose KeyPackage does not list the version or the cipher suite.
fn unlisted(raw_member: &mut RawMember, unlist: Unlist) -> ForgedKeyPackage {
    ForgedKeyPackage::of(raw_member, |template| unlist(&mut template.capabilities))
}

#[test]
fn an_add_by_value_is_accepted() {
    for unlist in UNLIST {
        let mut fixture = fixture();
        let newcomer = unlisted(&mut fixture.raw_member, unlist);
        let proposals = by_value(&[add(newcomer.key_package.clone())]);
        let leaf_node = &newcomer.key_package.leaf_node;
        let commit = fixture.raw_member.commit_with(proposals, None, |tree, _| {
            tree.add(leaf_node).unwrap();
        });
        fixture.follow(&commit);
        let welcome = fixture.raw_member.welcome(&newcomer.key_package);
        fixture.check_continues(Some((newcomer, welcome)));
    }
}

/// Shows that an Add by reference is never left out of our Commit because of an unlisted version or
/// cipher suite, no matter who sent it.
#[test]
fn an_add_by_reference_is_accepted_and_committed() {
    for unlist in UNLIST {
        for sender in [Sender::Member(RAW_MEMBER), Sender::External(0), Sender::NewMemberProposal] {
            let mut fixture = fixture();
            let newcomer = unlisted(&mut fixture.raw_member, unlist);
            let proposal = add(newcomer.key_package.clone());
            let message = match sender {
                Sender::Member(_) => fixture.raw_member.propose(proposal).0,
                Sender::External(_) => fixture.raw_member.propose_as(sender, proposal, &*stranger(suite(1))),
                _ => fixture.raw_member.propose_as(sender, proposal, &*newcomer.signer),
            };
            fixture.deliver_proposal(&message);
            let welcome = fixture.commit_pending().unwrap();
            fixture.check_continues(Some((newcomer, welcome)));
        }
    }
}

#[test]
fn an_update_is_accepted_and_committed() {
    for unlist in UNLIST {
        let mut fixture = fixture();
        let leaf_node = fixture.raw_member.updated_leaf(|leaf_node| unlist(&mut leaf_node.capabilities));
        let (message, _) = fixture.raw_member.propose(update(leaf_node.clone()));
        fixture.deliver_proposal(&message);
        fixture.commit_pending();
        assert_eq!(fixture.observer.public().tree().leaf(RAW_MEMBER).unwrap(), Some(leaf_node));
        fixture.check_continues(None);
    }
}

#[test]
fn the_leaf_of_a_path_is_accepted() {
    for unlist in UNLIST {
        let mut fixture = fixture();
        let mut leaf = template_of(fixture.raw_member.own_leaf());
        unlist(&mut leaf.capabilities);
        let commit = fixture.raw_member.commit_with(Vec::new(), Some(leaf.clone()), |_, _| {});
        fixture.follow(&commit);
        let found = fixture.observer.public().tree().leaf(RAW_MEMBER).unwrap().unwrap();
        assert_eq!(found.capabilities, leaf.capabilities);
        fixture.check_still_works();
    }
}

#[test]
fn an_external_commit_is_accepted() {
    for unlist in UNLIST {
        let mut fixture = fixture();
        let mut leaf = template_of(fixture.raw_member.own_leaf());
        unlist(&mut leaf.capabilities);
        // The server already uses the constant `stranger` key, so this signer has a random key.
        let signer = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {}).signer;
        let commit = fixture.raw_member.external_commit(&*signer, leaf.clone());
        fixture.follow(&commit);
        let found = fixture.observer.public().tree().leaf(LeafIndex(3)).unwrap().unwrap();
        assert_eq!(found.capabilities, leaf.capabilities);
        fixture.check_still_works();
    }
}

/// Returns a group that the raw member has created and that contains a leaf with an unlisted
/// version or suite. The group consists of the member at that leaf and another joiner. Also returns
/// an observer.
fn joined(unlist: Unlist) -> (GroupFixture, PublicGroup) {
    let mut raw_member = RawMember::new(suite(1));
    let other = unlisted(&mut raw_member, unlist);
    raw_member.add_leaf(&other.key_package);
    let joiner = Newcomer::new(raw_member.suite, template(), &mut raw_member.rng);
    raw_member.add_leaf(&joiner.bundle.key_package);
    let (bundle, group_info) = (other.bundle(), raw_member.group_info());
    let other = Newcomer { signer: other.signer, bundle };
    let members = [joiner, other].map(|newcomer| {
        let welcome = raw_member.welcome(&newcomer.bundle.key_package);
        newcomer.join(&welcome, None, public()).unwrap()
    });
    let (suite, limits) = (raw_member.suite, Limits::default());
    let observer =
        PublicGroup::new(suite, &group_info, None, &BasicIdentities, limits).unwrap().assume_persisted();
    let mut group = GroupFixture { suite, rng: raw_member.rng, config: public(), members: members.into() };
    group.agree();
    (group, observer)
}

#[test]
fn a_tree_is_joined_and_observed() {
    for unlist in UNLIST {
        let (mut group, mut observer) = joined(unlist);
        let newcomer = Newcomer::new(group.suite, template(), &mut group.rng);
        let group_info = group.members[0].group_info(true);
        let (member, message) = group.external(newcomer, &group_info, None, None, Vec::new()).unwrap();
        group.deliver_commit(usize::MAX, &message);
        group.members.push(member);
        group.agree();
        let (commit, _) = group.commit(2, |builder| builder);
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
        assert_eq!(observer.public().context(), group.context());
        for sender in [0, 1, 2] {
            group.chat(sender);
        }
    }
}

#[test]
fn a_key_package_is_not_made() {
    let mut raw_member = RawMember::new(suite(1));
    for unlist in UNLIST {
        let mut template = template();
        unlist(&mut template.capabilities);
        let made =
            KeyPackageBundle::new(raw_member.suite, template, &*raw_member.signer, &mut raw_member.rng);
        assert_eq!(made.unwrap_err(), REFUSED);
    }
}

#[test]
fn a_group_is_not_created() {
    let mut raw_member = RawMember::new(suite(1));
    for unlist in UNLIST {
        let creator = unlisted(&mut raw_member, unlist);
        let (id, cx) = ("begun", client(&*creator.signer));
        let (extensions, bundle) = (Extensions::default(), creator.bundle());
        let created = Group::builder(id).extensions(extensions).build(bundle, &cx, &mut raw_member.rng);
        assert_eq!(created.map(drop), Err(REFUSED));
    }
}

#[test]
fn a_member_does_not_change_to_such_a_leaf() {
    for unlist in UNLIST {
        let mut fixture = fixture();
        let Member { group, signer, rows } = &mut fixture.members[0];
        let (cx, rng) = (client(&**signer), &mut fixture.raw_member.rng);
        let mut template = leaf_template();
        unlist(&mut template.capabilities);
        let new_leaf = || NewLeaf { template: template.clone(), signer: &**signer };
        let updated = group.propose_update(Some(new_leaf()), b"", &cx, rng);
        assert_eq!(updated.map(drop), Err(REFUSED));
        let built = group.commit().new_leaf(new_leaf()).build(&cx, rng);
        assert_eq!(built.map(drop), Err(REFUSED));
        assert_eq!((group.pending_proposals().count(), group.pending_commit()), (0, None));
        // This Update was created earlier, with different capabilities.
        group.propose_update(None, b"", &cx, rng).unwrap().persist_to(rows).unwrap();
        let pending = group.pending_proposals().next().unwrap().proposal.clone();
        let Proposal::Update(mut made) = pending else { panic!("not an Update") };
        made.leaf_node.capabilities = template.capabilities;
        let own = group.own_leaf();
        fixture.raw_member.sign_leaf(&mut made.leaf_node, own, &**signer);
        let proposed = group.propose(update(made.leaf_node), b"", &cx, &mut fixture.raw_member.rng);
        assert_eq!(proposed.map(drop), Err(REFUSED));
        fixture.check_still_works();
    }
}

/// Shows that a member whose leaf has an unlisted version or suite does not send this leaf in a
/// path or an Update. The member may change to a valid leaf.
#[test]
fn a_member_does_not_keep_such_a_leaf() {
    for unlist in UNLIST {
        let (mut group, _) = joined(unlist);
        assert_eq!(group.build(1, |builder| builder).unwrap_err(), REFUSED);
        assert_eq!(group.members[1].propose_update(&mut group.rng).unwrap_err(), REFUSED);
        let newcomer = group.newcomer();
        let (_, welcome) = group.commit(1, |builder| builder.add(newcomer.key_package()).without_path());
        group.enter(newcomer, &welcome.unwrap());
        let signer = group.signer();
        let new_leaf = NewLeaf { template: leaf_template(), signer: &*signer };
        let message = group.members[1].build_leaf(new_leaf, &BasicIdentities, &mut group.rng).unwrap();
        group.deliver_commit(1, &message);
        group.members[1].signer = signer;
        group.commit(1, |builder| builder);
    }
}

#[test]
fn a_client_does_not_join_by_a_commit() {
    let mut raw_member = RawMember::new(suite(1));
    for unlist in UNLIST {
        let mut template = leaf_template();
        unlist(&mut template.capabilities);
        let (group_info, signer) = (raw_member.group_info(), stranger(raw_member.suite));
        let (tree, resync, psks, authenticated_data) = (None, None, Vec::new(), b"".as_slice());
        let join = ExternalJoin::new(&group_info, template)
            .tree(tree)
            .replace_leaf(resync)
            .psks(psks)
            .authenticated_data(authenticated_data);
        assert_eq!(join.build(&client(&*signer), &mut raw_member.rng).map(drop), Err(REFUSED));
    }
}

#[test]
fn an_add_is_not_sent() {
    for unlist in UNLIST {
        let mut fixture = fixture();
        let newcomer = unlisted(&mut fixture.raw_member, unlist);
        let (proposal, context) = (add(newcomer.key_package.clone()), &fixture.raw_member.context);
        let own = propose_own_add(context, newcomer.key_package.clone(), &client(&*newcomer.signer));
        assert_eq!(own.unwrap_err(), REFUSED);
        let server = stranger(suite(1));
        let external = propose_as_external_sender(context, proposal.clone(), &client(&*server));
        assert_eq!(external.unwrap_err(), REFUSED);

        let rng = &mut fixture.raw_member.rng;
        let member = &mut fixture.members[0];
        assert_eq!(member.propose(proposal, rng).unwrap_err(), REFUSED);
        let built = member.build(|builder| builder.add(newcomer.key_package.clone()), rng);
        assert_eq!(built.unwrap_err(), REFUSED);
        assert_eq!((member.group.pending_proposals().count(), member.group.pending_commit()), (0, None));
        fixture.check_still_works();
    }
}

/// Shows that a successor does not add a member with an unlisted version or suite by value in its
/// first Commit.
#[test]
fn a_successor_adds_no_such_member() {
    for unlist in UNLIST {
        let mut group = GroupFixture::of(suite(1), 2);
        let mut raw_member = RawMember::new(suite(1));
        let (creator, other) =
            (ForgedKeyPackage::of(&mut raw_member, |_| {}), unlisted(&mut raw_member, unlist));
        let successor = || Successor::new(creator.bundle(), vec![other.key_package.clone()]);
        let cx = client(&*creator.signer);
        let (id, extensions) = ("next", Extensions::default());
        let branched = group.members[0].group.branch(id, extensions, successor(), &cx, &mut raw_member.rng);
        assert_eq!(branched.map(drop), Err(REFUSED));

        let reinit = crate::make::reinit(group.suite, Extensions::default());
        let (message, _) = group.build(0, |builder| builder.reinit(reinit)).unwrap();
        group.members[0].follow(&message);
        let begun = group.members[0].group.reinitialize(successor(), &cx, &mut raw_member.rng);
        assert_eq!(begun.map(drop), Err(REFUSED));
    }
}
