//! Tests of section 13.5: GREASE values in `required_capabilities`. Clients do not send such
//! values. Receivers treat them like any other value: a leaf supports a value if it lists it.

use crate::fixture::{RuleFixture, violation};
use crate::group_fixture::{Member, client, leaf_template, suite};
use crate::material::{
    ForgedKeyPackage, add, by_value, external_init, external_senders, key_package, reinit, required,
    set_extensions, stranger, template, update,
};
use crate::raw_member::{RawMember, template_of};
use pando_mls::{
    BasicIdentities, Capabilities, CredentialType, ExtensionType, Extensions, ExternalJoin, Group,
    GroupConfig, GroupError, KeyPackageTemplate, Limits, Misuse, ProposalType, PublicGroup, ReInit,
    Successor, Violation, propose_as_external_sender,
};
use pando_wire::{RequiredCapabilities, Sender};

const EXTENSION: ExtensionType = ExtensionType(0x4a4a);
const PROPOSAL: ProposalType = ProposalType(0x5a5a);
const CREDENTIAL: CredentialType = CredentialType(0x6a6a);

const REFUSED: GroupError = GroupError::Misuse(Misuse::GreaseRequired);

/// Returns requirements with a GREASE value in each of the three lists, one list at a time. Each is
/// returned with the rule that a leaf violates if it does not list the value.
fn requirements() -> [(Extensions, Violation); 3] {
    let none = RequiredCapabilities::default;
    [
        (
            RequiredCapabilities { extension_types: vec![EXTENSION], ..none() },
            Violation::RequiredExtension(EXTENSION),
        ),
        (
            RequiredCapabilities { proposal_types: vec![PROPOSAL], ..none() },
            Violation::RequiredProposal(PROPOSAL),
        ),
        (
            RequiredCapabilities { credential_types: vec![CREDENTIAL], ..none() },
            Violation::RequiredCredential(CREDENTIAL),
        ),
    ]
    .map(|(body, violation)| (required(&body), violation))
}

/// Adds all these values to the lists of capabilities.
fn list(capabilities: &mut Capabilities) {
    capabilities.extensions.push(EXTENSION);
    capabilities.proposals.push(PROPOSAL);
    capabilities.credentials.push(CREDENTIAL);
}

fn listing(template: &mut KeyPackageTemplate) {
    list(&mut template.capabilities);
}

/// Returns a group whose members list these values. A server may send proposals to this group.
fn fixture() -> RuleFixture {
    RuleFixture::with(|parameters| {
        listing(&mut parameters.template);
        parameters.config = GroupConfig::default().with_encrypt_handshakes(false);
        parameters.extensions = external_senders(&[&*stranger(suite(1))]);
    })
}

fn ending(extensions: Extensions) -> ReInit {
    crate::make::reinit(suite(1), extensions)
}

#[test]
fn a_group_is_not_created_that_requires_grease() {
    let mut raw_member = RawMember::new(suite(1));
    let creator = ForgedKeyPackage::of(&mut raw_member, listing);
    for (extensions, _) in requirements() {
        let (id, cx) = ("begun", client(&*creator.signer));
        let bundle = creator.bundle();
        let created = Group::builder(id).extensions(extensions).build(bundle, &cx, &mut raw_member.rng);
        assert_eq!(created.map(drop), Err(REFUSED));
    }
}

#[test]
fn grease_is_not_required_by_a_proposal_or_a_commit() {
    for (extensions, _) in requirements() {
        let mut fixture = fixture();
        let proposals = [set_extensions(extensions.clone()), reinit(ending(extensions))];
        for proposal in proposals {
            let server = stranger(suite(1));
            let external =
                propose_as_external_sender(&fixture.raw_member.context, proposal.clone(), &client(&*server));
            assert_eq!(external.unwrap_err(), REFUSED);
            let (member, rng) = (&mut fixture.members[0], &mut fixture.raw_member.rng);
            assert_eq!(member.propose(proposal.clone(), rng).unwrap_err(), REFUSED);
            let built = member.build(|builder| builder.proposal(proposal), rng);
            assert_eq!(built.unwrap_err(), REFUSED);
            assert_eq!((member.group.pending_proposals().count(), member.group.pending_commit()), (0, None));
        }
        fixture.check_still_works();
    }
}

/// Shows that another member's ReInit may require a GREASE value. The group ends, and another
/// client must create the successor.
#[test]
fn grease_is_not_required_by_a_successor() {
    for (extensions, _) in requirements() {
        let mut fixture = fixture();
        let proposals = by_value(&[reinit(ending(extensions.clone()))]);
        let commit = fixture.raw_member.commit(proposals, |_, _| {});
        let creator = ForgedKeyPackage::of(&mut fixture.raw_member, listing);
        let (cx, rng) = (client(&*creator.signer), &mut fixture.raw_member.rng.clone());
        let successor = || Successor::new(creator.bundle(), Vec::new());
        let group = &fixture.members[0].group;
        let branched = group.branch("branch", extensions, successor(), &cx, rng);
        assert_eq!(branched.map(drop), Err(REFUSED));
        fixture.follow(&commit);
        let begun = fixture.members[0].group.reinitialize(successor(), &cx, rng);
        assert_eq!(begun.map(drop), Err(REFUSED));
    }
}

/// The value is accepted in a proposal by value, and in a proposal of a member or of a server to
/// which the Commit refers.
#[test]
fn grease_that_all_list_is_accepted_and_committed() {
    for (extensions, _) in requirements() {
        let proposal = set_extensions(extensions.clone());
        let mut fixture = fixture();
        let commit = fixture.raw_member.commit(by_value(std::slice::from_ref(&proposal)), |_, group| {
            *group = extensions.clone();
        });
        fixture.follow(&commit);
        fixture.check_still_works();

        for sender in [None, Some(Sender::External(0))] {
            let mut fixture = self::fixture();
            let message = match sender {
                None => fixture.raw_member.propose(proposal.clone()).0,
                Some(sender) => fixture.raw_member.propose_as(sender, proposal.clone(), &*stranger(suite(1))),
            };
            fixture.deliver_proposal(&message);
            fixture.commit_pending();
            assert_eq!(fixture.observer.public().context().extensions, extensions);
            fixture.check_continues(None);
        }
    }
}

#[test]
fn grease_that_a_member_does_not_list_is_refused_and_left_out() {
    for (extensions, violation) in requirements() {
        let proposal = set_extensions(extensions);
        let mut fixture = RuleFixture::with(|parameters| {
            parameters.config = GroupConfig::default().with_encrypt_handshakes(false);
        });
        let tree = fixture.raw_member.tree.clone();
        for (leaf, expected) in [
            (false, violation),
            // The committer lists the value, but the other members do not.
            (true, Violation::RequiredUnsupportedByMember),
        ] {
            let path = fixture.raw_member.path(&tree, |leaf_node| {
                if leaf {
                    list(&mut leaf_node.capabilities);
                }
            });
            let proposals = by_value(std::slice::from_ref(&proposal));
            let commit = fixture.raw_member.commit_of(proposals, Some(path));
            assert_eq!(fixture.refused(&commit), expected);
        }
        let (message, _) = fixture.raw_member.propose(proposal);
        fixture.deliver_proposal(&message);
        fixture.commit_pending();
        assert_eq!(fixture.observer.public().context().extensions, Extensions::default());
        fixture.check_continues(None);
    }
}

/// Returns a group that requires a GREASE value that all its members list.
fn requiring(extensions: Extensions) -> RuleFixture {
    RuleFixture::with(|parameters| {
        listing(&mut parameters.template);
        parameters.config = GroupConfig::default().with_encrypt_handshakes(false);
        parameters.extensions = extensions;
    })
}

#[test]
fn a_leaf_that_lists_required_grease_is_accepted_and_another_is_not() {
    for (extensions, violation) in requirements() {
        let mut fixture = requiring(extensions.clone());
        let lacking = key_package(&mut fixture.raw_member, |_| {});
        assert_eq!(fixture.forbidden_proposal(add(lacking)), violation);
        let plain = template().capabilities;
        assert_eq!(fixture.refused_update(|leaf_node| leaf_node.capabilities = plain.clone()), violation);
        assert_eq!(fixture.refused_path(|leaf_node| leaf_node.capabilities = plain.clone()), violation);
        let (tree, signer) =
            (fixture.raw_member.tree.clone(), ForgedKeyPackage::of(&mut fixture.raw_member, |_| {}).signer);
        let path =
            fixture.raw_member.external_path(&tree, &*signer, |leaf_node| leaf_node.capabilities = plain);
        let init = by_value(&[external_init()]);
        let commit = fixture.raw_member.commit_as(Sender::NewMemberCommit, init, Some(path), &*signer);
        assert_eq!(fixture.refused(&commit), violation);

        let leaf = template_of(fixture.raw_member.own_leaf());
        let commit = fixture.raw_member.external_commit(&*signer, leaf);
        fixture.follow(&commit);
        let newcomer = ForgedKeyPackage::of(&mut fixture.raw_member, listing);
        let leaf_node = fixture.raw_member.updated_leaf(|_| {});
        for proposal in [update(leaf_node), add(newcomer.key_package.clone())] {
            let (message, _) = fixture.raw_member.propose(proposal);
            fixture.deliver_proposal(&message);
        }
        let welcome = fixture.commit_pending().unwrap();
        fixture.check_continues(Some((newcomer, welcome)));
    }
}

/// Shows that clients that list the value can join by a Welcome or by an external Commit, or can
/// observe the group.
#[test]
fn a_group_that_requires_grease_is_joined_by_those_who_list_it() {
    for (extensions, violation) in requirements() {
        let mut template = template();
        listing(&mut template);
        let mut raw_member = RawMember::with_template(suite(1), template);
        raw_member.context.extensions = extensions;
        let newcomer = ForgedKeyPackage::of(&mut raw_member, listing);
        raw_member.add_leaf(&newcomer.key_package);
        let (group_info, bundle) = (raw_member.group_info(), newcomer.bundle());
        let welcome = raw_member.welcome(&newcomer.key_package);
        let joined = Group::join(&welcome, &bundle, None, &client(&*newcomer.signer)).unwrap();
        let observe = |group_info| {
            PublicGroup::new(suite(1), group_info, None, &BasicIdentities, Limits::default()).map(drop)
        };
        observe(&group_info).unwrap();
        let mut member = Member::new(newcomer.signer, joined);
        let stranger = stranger(raw_member.suite);
        let mut template = leaf_template();
        let mut join = |template| {
            let (tree, resync, psks, authenticated_data) = (None, None, Vec::new(), b"".as_slice());
            let join = ExternalJoin::new(&group_info, template)
                .tree(tree)
                .replace_leaf(resync)
                .psks(psks)
                .authenticated_data(authenticated_data);
            join.build(&client(&*stranger), &mut raw_member.rng)
        };
        let refused = join(template.clone()).map(drop).unwrap_err();
        assert_eq!(self::violation(refused), violation);
        list(&mut template.capabilities);
        let (mut joined, message) = join(template).unwrap().assume_persisted();
        let _ = joined.merge_pending().unwrap();
        member.follow(&message);
        assert_eq!(member.group.epoch_authenticator(), joined.epoch_authenticator());

        // The tree contains a leaf that does not list the value.
        let newcomer = ForgedKeyPackage::of(&mut raw_member, |_| {});
        raw_member.add_leaf(&newcomer.key_package);
        let welcome = raw_member.welcome(&newcomer.key_package);
        let refused = Group::join(&welcome, &newcomer.bundle(), None, &client(&*newcomer.signer));
        assert_eq!(self::violation(refused.map(drop).unwrap_err()), violation);
        let refused = observe(&raw_member.group_info()).unwrap_err();
        assert_eq!(self::violation(refused), violation);
    }
}
