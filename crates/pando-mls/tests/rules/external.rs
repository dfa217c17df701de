//! Tests of sections 12.1.8 and 12.4.3.2: messages from outside the group.

use crate::fixture::{RuleFixture, violation};
use crate::group_fixture::{GroupFixture, NOW, client, external_psk, leaf_template, suite};
use crate::material::{
    ForgedKeyPackage, Strict, Wrong, add, by_value, custom, extension, external_init, external_senders,
    key_package, psk, reinit, remove, set_extensions, stranger, update,
};
use crate::raw_member::{RAW_MEMBER, RawMember, template_of};
use pando_crypto::Signer;
use pando_mls::{
    ExtensionType, Extensions, ExternalJoin, GroupError, GroupId, Missing, MlsMessage, ProposalType,
    TreeError, Violation, propose_as_external_sender, propose_own_add,
};
use pando_wire::{
    CipherSuite, Credential, CredentialType, LeafIndex, LeafNode, Lifetime, NodeIndex, Proposal,
    ProposalOrRef, ProtocolVersion, Psk, ReInit, ResumptionPskUsage, Sender,
};

/// Returns a group with a server as its external sender, together with the server's signer.
fn with_server() -> (RuleFixture, Box<dyn Signer>) {
    let server = stranger(suite(1));
    (RuleFixture::with(|parameters| parameters.extensions = external_senders(&[&*server])), server)
}

fn next_group(version: u16) -> Proposal {
    reinit(ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion(version),
        cipher_suite: CipherSuite(1),
        extensions: Extensions::default(),
    })
}

#[test]
fn only_the_servers_of_the_group_have_a_say() {
    let (mut fixture, server) = with_server();
    for position in [1, 2, u32::MAX] {
        let message = fixture.raw_member.propose_as(Sender::External(position), remove(2), &*server);
        assert_eq!(fixture.refused(&message), Violation::UnknownExternalSender(position));
    }
    fixture.check_still_works();
    let mut fixture = RuleFixture::new();
    let message = fixture.raw_member.propose_as(Sender::External(0), remove(2), &*server);
    assert_eq!(fixture.refused(&message), Violation::UnknownExternalSender(0));
    fixture.check_still_works();
}

#[test]
fn servers_make_some_proposals_and_not_others() {
    let (mut fixture, server) = with_server();
    let leaf_node = fixture.raw_member.updated_leaf(|_| {});
    for proposal in [update(leaf_node), external_init(), custom(0xf001, b""), custom(0x0a0a, b"")] {
        let violation_of = Violation::ProposalFromOutside(proposal.proposal_type());
        let message = fixture.raw_member.propose_as(Sender::External(0), proposal.clone(), &*server);
        assert_eq!(fixture.refused(&message), violation_of);
        let made = propose_as_external_sender(&fixture.raw_member.context, proposal, &client(&*server));
        assert_eq!(violation(made.unwrap_err()), violation_of);
    }
    let newcomer = key_package(&mut fixture.raw_member, |_| {});
    let psk = psk(external_psk(1), fixture.raw_member.suite.hash_len());
    let extensions = fixture.raw_member.context.extensions.clone();
    for proposal in [add(newcomer), remove(2), psk, next_group(1), set_extensions(extensions)] {
        let message = fixture.raw_member.propose_as(Sender::External(0), proposal, &*server);
        fixture.deliver_proposal(&message);
    }
    fixture.check_still_works();
}

#[test]
fn what_servers_propose_is_checked_like_anything_else() {
    let (mut fixture, server) = with_server();
    let len = fixture.raw_member.suite.hash_len();
    let branch = Psk::Resumption {
        usage: ResumptionPskUsage::Branch,
        psk_group_id: fixture.raw_member.context.group_id.clone(),
        psk_epoch: 7,
    };
    let mut unsigned = key_package(&mut fixture.raw_member, |_| {});
    unsigned.signature = vec![0; 64].into();
    for (proposal, violation) in [
        (remove(3), Violation::RemovedIsNoMember(LeafIndex(3))),
        (psk(external_psk(1), 1), Violation::PskNonce),
        (psk(branch, len), Violation::PskUsage),
        (next_group(0), Violation::ReInitVersion),
        (add(unsigned.clone()), Violation::KeyPackageSignature),
    ] {
        let message = fixture.raw_member.propose_as(Sender::External(0), proposal, &*server);
        assert_eq!(fixture.refused(&message), violation);
    }
    // A proposal that is invalid in every group cannot even be created.
    let (context, cx) = (&fixture.raw_member.context, client(&*server));
    let made = propose_as_external_sender(context, add(unsigned), &cx);
    assert_eq!(violation(made.unwrap_err()), Violation::KeyPackageSignature);
    fixture.check_still_works();
}

#[test]
fn who_asks_to_be_added_is_looked_at_like_anybody_else() {
    let mut fixture = RuleFixture::new();
    let owner =
        ForgedKeyPackage::of(&mut fixture.raw_member, |template| template.capabilities.credentials.clear());
    let proposal = add(owner.key_package.clone());
    let message = fixture.raw_member.propose_as(Sender::NewMemberProposal, proposal, &*owner.signer);
    assert_eq!(fixture.refused(&message), Violation::OwnCredentialUnsupported);
    let context = &fixture.raw_member.context;
    let made = propose_own_add(context, owner.key_package, &client(&*owner.signer));
    assert_eq!(violation(made.unwrap_err()), Violation::OwnCredentialUnsupported);

    // The proposer checks the lifetime, but receivers do not.
    let expired = ForgedKeyPackage::of(&mut fixture.raw_member, |template| {
        template.lifetime = Lifetime { not_before: 0, not_after: NOW - 1 };
    });
    let (context, cx) = (&fixture.raw_member.context, client(&*expired.signer));
    let made = propose_own_add(context, expired.key_package.clone(), &cx);
    assert_eq!(violation(made.unwrap_err()), Violation::Lifetime);
    let earlier = cx.at(NOW - 1);
    let message = propose_own_add(context, expired.key_package.clone(), &earlier).unwrap();
    fixture.deliver_proposal(&message);
    fixture.check_still_works();
}

/// Returns an external Commit that is valid as far as a client outside the group can tell.
fn external(
    fixture: &mut RuleFixture,
    proposals: Vec<ProposalOrRef>,
    change: impl FnOnce(&mut LeafNode),
) -> MlsMessage {
    let mut tree = fixture.raw_member.tree.clone();
    for entry in &proposals {
        if let ProposalOrRef::Proposal(Proposal::Remove(remove)) = entry {
            tree.remove(remove.removed).ok();
        }
    }
    tree.truncate().unwrap();
    let signer = stranger(fixture.raw_member.suite);
    let path = fixture.raw_member.external_path(&tree, &*signer, change);
    fixture.raw_member.commit_as(Sender::NewMemberCommit, proposals, Some(path), &*signer)
}

#[test]
fn an_external_commit_has_what_it_needs_and_nothing_else() {
    let mut fixture = RuleFixture::new();
    let len = fixture.raw_member.suite.hash_len();
    let branch = Psk::Resumption {
        usage: ResumptionPskUsage::Branch,
        psk_group_id: fixture.raw_member.context.group_id.clone(),
        psk_epoch: 7,
    };
    let (newcomer, leaf) =
        (key_package(&mut fixture.raw_member, |_| {}), fixture.raw_member.updated_leaf(|_| {}));
    let not_here = Violation::ProposalInExternalCommit;
    let init = external_init;
    for (proposals, violation) in [
        (vec![], Violation::ExternalInitCount),
        (vec![remove(2)], Violation::ExternalInitCount),
        (vec![init(), init()], Violation::ExternalInitCount),
        (vec![init(), remove(1), remove(2)], Violation::SeveralExternalRemoves),
        (vec![init(), remove(2), remove(2)], Violation::SeveralExternalRemoves),
        (vec![init(), add(newcomer)], not_here(ProposalType::ADD)),
        (vec![init(), update(leaf)], not_here(ProposalType::UPDATE)),
        (vec![init(), next_group(1)], not_here(ProposalType::REINIT)),
        (
            vec![init(), set_extensions(Extensions::default())],
            not_here(ProposalType::GROUP_CONTEXT_EXTENSIONS),
        ),
        (vec![init(), custom(0xf001, b"")], not_here(ProposalType(0xf001))),
        (vec![init(), remove(3)], Violation::RemovedIsNoMember(LeafIndex(3))),
        (vec![init(), psk(external_psk(1), len - 1)], Violation::PskNonce),
        (vec![init(), psk(branch, len)], Violation::PskUsage),
        (vec![init(), psk(external_psk(1), len), psk(external_psk(1), len)], Violation::DuplicatePsk),
    ] {
        let commit = external(&mut fixture, by_value(&proposals), |_| {});
        assert_eq!(fixture.refused(&commit), violation);
    }
    fixture.check_still_works();
}

#[test]
fn an_external_commit_has_a_path_and_no_references() {
    let mut fixture = RuleFixture::new();
    let signer = stranger(fixture.raw_member.suite);
    let init = by_value(&[external_init()]);
    let commit = fixture.raw_member.commit_as(Sender::NewMemberCommit, init.clone(), None, &*signer);
    assert_eq!(fixture.refused(&commit), Violation::PathRequired);

    let psk = psk(external_psk(1), fixture.raw_member.suite.hash_len());
    let (message, reference) = fixture.raw_member.propose(psk);
    fixture.deliver_proposal(&message);
    let proposals = [init, vec![ProposalOrRef::Reference(reference)]].concat();
    let commit = external(&mut fixture, proposals, |_| {});
    assert_eq!(fixture.refused(&commit), Violation::ReferenceInExternalCommit);
    fixture.check_still_works();
}

#[test]
fn who_joins_by_a_commit_has_a_leaf_like_anybody_else() {
    let mut fixture = RuleFixture::new();
    let wrong: [Wrong<LeafNode>; 3] = [
        (|leaf| leaf.capabilities.credentials.clear(), Violation::OwnCredentialUnsupported),
        (
            |leaf| {
                leaf.credential = Credential::X509 { certificates: Vec::new() };
                leaf.capabilities.credentials.push(CredentialType::X509);
            },
            Violation::Credential("no policy for x509".into()),
        ),
        (
            |leaf| leaf.extensions.0.push(extension(ExtensionType(0xf00d), b"")),
            Violation::LeafExtensionUnsupported(ExtensionType(0xf00d)),
        ),
    ];
    for (change, violation) in wrong {
        let commit = external(&mut fixture, by_value(&[external_init()]), change);
        assert_eq!(fixture.refused(&commit), violation);
    }
    // The signature of the leaf is for another position.
    let (tree, signer) = (fixture.raw_member.tree.clone(), stranger(fixture.raw_member.suite));
    let mut path = fixture.raw_member.external_path(&tree, &*signer, |_| {});
    fixture.raw_member.sign_leaf(&mut path.leaf_node, LeafIndex(2), &*signer);
    let init = by_value(&[external_init()]);
    let commit = fixture.raw_member.commit_as(Sender::NewMemberCommit, init.clone(), Some(path), &*signer);
    assert_eq!(fixture.refused(&commit), Violation::LeafSignature);
    // A member joins again, but its Commit does not remove its old leaf.
    let signer = &*fixture.members[0].signer;
    let path = fixture.raw_member.external_path(&tree, signer, |_| {});
    let commit = fixture.raw_member.commit_as(Sender::NewMemberCommit, init, Some(path), signer);
    assert_eq!(fixture.refused(&commit), Violation::SignatureKeyInUse(LeafIndex(1)));
    fixture.check_still_works();
}

#[test]
fn who_comes_back_is_who_has_gone_with_new_keys() {
    let mut fixture = RuleFixture::with(|parameters| parameters.policy = &Strict);
    let back = by_value(&[external_init(), remove(2)]);
    let old = fixture.raw_member.tree.leaf(LeafIndex(2)).unwrap().unwrap();
    let commit = external(&mut fixture, back.clone(), |leaf| leaf.encryption_key = old.encryption_key);
    assert_eq!(fixture.refused(&commit), Violation::EncryptionKeyUnchanged);
    let commit = external(&mut fixture, back, |leaf| {
        leaf.credential = Credential::Basic { identity: b"somebody else".as_slice().into() };
    });
    assert_eq!(fixture.refused(&commit), Violation::CredentialSuccession);
    fixture.check_still_works();
}

/// Shows that a joiner must not use a PSK for branching. The creator of a group may use such a PSK
/// while it is the only member.
#[test]
fn a_psk_for_branching_does_not_come_from_outside() {
    let suite = suite(1);
    let mut group = GroupFixture::new(suite);
    let group_info = group.members[0].group_info(true);
    let mut raw_member = RawMember::new(suite);
    (raw_member.context, raw_member.tree) =
        (group_info.group_context.clone(), group.members[0].group.public().tree().clone());
    let branch = Psk::Resumption {
        usage: ResumptionPskUsage::Branch,
        psk_group_id: b"old".as_slice().into(),
        psk_epoch: 1,
    };
    let proposals = by_value(&[external_init(), psk(branch.clone(), suite.hash_len())]);
    let (tree, signer) = (raw_member.tree.clone(), stranger(suite));
    let path = raw_member.external_path(&tree, &*signer, |_| {});
    let commit = raw_member.commit_as(Sender::NewMemberCommit, proposals, Some(path), &*signer);
    assert_eq!(violation(group.members[0].process(&commit).unwrap_err()), Violation::PskUsage);
    // An external Commit with this PSK cannot be created either.
    let (tree, resync, template) = (None, None, leaf_template());
    let join = ExternalJoin::new(&group_info, template).tree(tree).replace_leaf(resync).psks([branch]);
    let made = join.build(&client(&*signer), &mut group.rng);
    assert_eq!(violation(made.map(|_| ()).unwrap_err()), Violation::PskUsage);
    group.join_external(None, vec![external_psk(1)]);
}

/// Returns the rule that prevents a client from creating the external Commit.
fn not_joined(raw_member: &mut RawMember, resync: Option<LeafIndex>, change: fn(&mut LeafNode)) -> Violation {
    let mut leaf = raw_member.own_leaf();
    change(&mut leaf);
    let (group_info, signer) = (raw_member.group_info(), stranger(raw_member.suite));
    let (template, psks) = (template_of(leaf), Vec::new());
    let join = ExternalJoin::new(&group_info, template).replace_leaf(resync).psks(psks);
    violation(join.build(&client(&*signer), &mut raw_member.rng).map(|_| ()).unwrap_err())
}

#[test]
fn nobody_makes_a_commit_to_join_that_would_be_refused() {
    let mut fixture = RuleFixture::new();
    let raw_member = &mut fixture.raw_member;
    let nobody = Violation::RemovedIsNoMember(LeafIndex(3));
    assert_eq!(not_joined(raw_member, Some(LeafIndex(3)), |_| {}), nobody);
    let no_credential = not_joined(raw_member, None, |leaf| leaf.capabilities.credentials.clear());
    assert_eq!(no_credential, Violation::OwnCredentialUnsupported);
    let somebody_else = not_joined(raw_member, Some(LeafIndex(2)), |leaf| {
        leaf.credential = Credential::Basic { identity: b"somebody else".as_slice().into() };
    });
    assert_eq!(somebody_else, Violation::CredentialSuccession);
}

/// Shows that a client does not join a group that it is already in. A GroupInfo may be forged with
/// the identifier of any group. A client that rejoins is or was a member.
#[test]
fn nobody_joins_by_a_commit_a_group_that_they_are_in_already() {
    let mut raw_member = RawMember::new(suite(1));
    let (group_info, signer) = (raw_member.group_info(), stranger(suite(1)));
    let group_id = raw_member.context.group_id.clone();
    let mut join = |resync, joined: &dyn Fn(&GroupId) -> bool| {
        let template = template_of(raw_member.own_leaf());
        let (tree, psks, authenticated_data) = (None, Vec::new(), b"".as_slice());
        let join = ExternalJoin::new(&group_info, template)
            .tree(tree)
            .replace_leaf(resync)
            .psks(psks)
            .authenticated_data(authenticated_data);
        let cx = client(&*signer).with_groups(&joined);
        join.build(&cx, &mut raw_member.rng).map(drop)
    };
    let twice = join(None, &|id| *id == group_id).unwrap_err();
    assert_eq!(violation(twice), Violation::AlreadyInGroup);
    join(None, &|id| *id != group_id).unwrap();
    join(Some(RAW_MEMBER), &|id| *id == group_id).unwrap();
}

#[test]
fn a_group_info_without_a_key_or_with_a_malformed_one_does_not_help_to_join() {
    let mut raw_member = RawMember::new(suite(1));
    let signer = stranger(suite(1));
    let malformed = GroupError::Violation(Violation::MalformedExtension(ExtensionType::EXTERNAL_PUB));
    for (data, error) in
        [(None, GroupError::Missing(Missing::ExternalPub)), (Some(b"\x05abc".as_slice()), malformed)]
    {
        let mut group_info = raw_member.group_info();
        let extensions = &mut group_info.extensions.0;
        extensions.retain(|extension| extension.extension_type != ExtensionType::EXTERNAL_PUB);
        extensions.extend(data.map(|data| extension(ExtensionType::EXTERNAL_PUB, data)));
        raw_member.sign_group_info(&mut group_info);
        let (tree, resync, psks) = (None, None, Vec::new());
        let join = ExternalJoin::new(&group_info, leaf_template()).tree(tree).replace_leaf(resync).psks(psks);
        let made = join.build(&client(&*signer), &mut raw_member.rng);
        assert_eq!(made.map(|_| ()).unwrap_err(), error);
    }
}

/// Shows that a client that rejoins may keep the key of its old leaf (section 12.4.3.2). No joiner
/// may use any other key that is in the tree.
#[test]
fn who_joins_by_a_commit_brings_new_keys() {
    let mut fixture = RuleFixture::new();
    // This Commit gives keys to the parents.
    let commit = fixture.raw_member.commit(Vec::new(), |_, _| {});
    fixture.follow(&commit);
    let (tree, signer) = (fixture.raw_member.tree.clone(), stranger(fixture.raw_member.suite));
    let of_leaf = tree.leaf(LeafIndex(2)).unwrap().unwrap().encryption_key;
    let root = tree.size().root();
    let of_root = tree.encryption_key(root).unwrap().unwrap();
    let path = fixture.raw_member.external_path(&tree, &*signer, |leaf| leaf.encryption_key = of_leaf);
    let leaf = NodeIndex(2 * tree.member_count());
    let mut other = fixture.raw_member.external_path(&tree, &*signer, |_| {});
    other.nodes.last_mut().unwrap().encryption_key = of_root;
    for (path, node) in [(path, leaf), (other, root)] {
        let init = by_value(&[external_init()]);
        let commit = fixture.raw_member.commit_as(Sender::NewMemberCommit, init, Some(path), &*signer);
        assert_eq!(fixture.error(&commit), GroupError::Tree(TreeError::PathKeyReused(node)));
    }
    fixture.check_still_works();
}
