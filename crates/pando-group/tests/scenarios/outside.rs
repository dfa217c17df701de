//! Proposals of those who are not members.

use crate::world::{AllPsks, POLICY, World, external_psk, over_the_wire, suites};
use pando_crypto::{CryptoError, Signer};
use pando_framing::FramingError;
use pando_group::{
    BasicIdentities, Group, GroupConfig, GroupError, IdentityError, IdentityPolicy, Misuse, PublicGroup,
    PublicProcessed, Violation, propose_as_external_sender, propose_own_add,
};
use pando_wire::{
    Add, Credential, Extension, Extensions, ExternalSender, ExternalSenders, GroupContext,
    GroupContextExtensions, GroupId, LeafIndex, MlsMessage, MlsMessageBody, PreSharedKey, PreSharedKeyId,
    Proposal, ProposalType, Remove, Sender, SignaturePublicKey, Update,
};

fn external_senders(signers: &[&dyn Signer]) -> Extensions {
    let senders = signers.iter().map(|signer| ExternalSender {
        signature_key: signer.public_key().clone(),
        credential: Credential::Basic { identity: b"a server".as_slice().into() },
    });
    Extensions(vec![Extension::new(&ExternalSenders(senders.collect())).unwrap()])
}

/// A group of `members` with two external senders, of whom the second is returned.
fn with_sender(world: &mut World) -> Box<dyn Signer> {
    let (first, second) = (world.newcomer().1, world.newcomer().1);
    world.commit(0, |builder| builder.extensions(external_senders(&[&*first, &*second])));
    second
}

fn context(world: &World) -> GroupContext {
    world.clients[0].group.public().context().clone()
}

/// Why every member refuses a message.
fn refused(world: &mut World, message: &MlsMessage) -> GroupError {
    let errors: Vec<_> =
        (0..world.clients.len()).map(|index| world.process(index, message).unwrap_err()).collect();
    world.agree();
    assert!(errors.iter().all(|error| *error == errors[0]));
    errors[0].clone()
}

#[test]
fn a_server_proposes_and_members_commit() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let server = with_sender(&mut world);
        let (bundle, signer) = world.newcomer();
        let psk = PreSharedKeyId { psk: external_psk(1), psk_nonce: vec![1; suite.hash_len()].into() };
        let context = context(&world);
        for proposal in [
            Proposal::Add(Box::new(Add { key_package: bundle.key_package.clone() })),
            Proposal::Remove(Remove { removed: LeafIndex(2) }),
            Proposal::PreSharedKey(Box::new(PreSharedKey { psk })),
            Proposal::GroupContextExtensions(GroupContextExtensions {
                extensions: context.extensions.clone(),
            }),
        ] {
            let message = propose_as_external_sender(suite, &context, proposal, &*server).unwrap();
            world.deliver_proposal(usize::MAX, &message);
        }
        let output = world.commit(1, |builder| builder);
        assert_eq!(world.clients.len(), 2);
        let group =
            Group::join(suite, &output.welcome.unwrap(), bundle, None, &AllPsks, POLICY, world.config);
        let group = group.unwrap();
        assert_eq!(group.own_leaf(), LeafIndex(2));
        world.clients.push(crate::world::Client { signer, group });
        world.agree();
        world.chat(2);
    }
}

#[test]
fn a_client_asks_to_be_added() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let (bundle, signer) = world.newcomer();
        let key_package = bundle.key_package.clone();
        let message = propose_own_add(suite, &context(&world), key_package, &*signer).unwrap();
        world.deliver_proposal(usize::MAX, &message);
        let welcome = world.commit(0, |builder| builder).welcome.unwrap();
        let group = Group::join(suite, &welcome, bundle, None, &AllPsks, POLICY, world.config).unwrap();
        world.clients.push(crate::world::Client { signer, group });
        world.agree();
    }
}

#[test]
fn an_observer_takes_proposals_from_outside() {
    let mut world = World::of(World::first(), 2);
    let server = with_sender(&mut world);
    let helper = &world.clients[0];
    let group_info = helper.group.group_info(true, &*helper.signer).unwrap();
    let mut observer = PublicGroup::new(world.suite, &group_info, None, POLICY).unwrap();
    let remove = Proposal::Remove(Remove { removed: LeafIndex(1) });
    let message =
        propose_as_external_sender(world.suite, &context(&world), remove.clone(), &*server).unwrap();
    match observer.process(over_the_wire(&message), POLICY, None).unwrap() {
        PublicProcessed::Proposal(pending) => {
            assert_eq!((pending.sender, pending.proposal), (Sender::External(1), remove));
        }
        other @ PublicProcessed::Commit(_) => panic!("not a proposal: {other:?}"),
    }
}

#[test]
fn who_is_not_an_external_sender_has_no_say() {
    let mut world = World::of(World::first(), 2);
    let (suite, remove) = (world.suite, Proposal::Remove(Remove { removed: LeafIndex(1) }));
    let stranger = world.newcomer().1;
    let server = with_sender(&mut world);
    let real = context(&world);
    let made = propose_as_external_sender(suite, &real, remove.clone(), &*stranger);
    assert_eq!(made.unwrap_err(), GroupError::Misuse(Misuse::WrongSigner));

    // Somebody who claims to be at a position that another has.
    let mut claimed = real.clone();
    claimed.extensions = external_senders(&[&*stranger]);
    let forged = propose_as_external_sender(suite, &claimed, remove.clone(), &*stranger).unwrap();
    assert_eq!(
        refused(&mut world, &forged),
        GroupError::Framing(FramingError::Crypto(CryptoError::InvalidSignature))
    );

    // At one that nobody has.
    claimed.extensions = external_senders(&[&*server, &*server, &*stranger]);
    let forged = propose_as_external_sender(suite, &claimed, remove.clone(), &*stranger).unwrap();
    assert_eq!(refused(&mut world, &forged), GroupError::Violation(Violation::UnknownExternalSender(2)));

    // After the group has no external senders any more.
    world.commit(1, |builder| builder.extensions(Extensions::default()));
    let none = GroupContext { extensions: external_senders(&[&*server]), ..context(&world) };
    let late = propose_as_external_sender(suite, &none, remove, &*server).unwrap();
    assert_eq!(refused(&mut world, &late), GroupError::Violation(Violation::UnknownExternalSender(0)));
}

#[test]
fn an_external_sender_cannot_update_or_name_who_is_not_there() {
    let mut world = World::of(World::first(), 2);
    let server = with_sender(&mut world);
    let (suite, context) = (world.suite, context(&world));
    let leaf_node = world.clients[1].group.public().tree().leaf(LeafIndex(1)).unwrap();
    let update = Proposal::Update(Box::new(Update { leaf_node }));
    let made = propose_as_external_sender(suite, &context, update, &*server);
    assert_eq!(
        made.unwrap_err(),
        GroupError::Violation(Violation::ProposalFromOutside(ProposalType::UPDATE))
    );
    for leaf in [2, 1 << 31, u32::MAX].map(LeafIndex) {
        let remove = Proposal::Remove(Remove { removed: leaf });
        let message = propose_as_external_sender(suite, &context, remove, &*server).unwrap();
        assert_eq!(refused(&mut world, &message), GroupError::Violation(Violation::RemovedIsNoMember(leaf)));
    }
}

#[test]
fn a_client_asks_for_itself_only() {
    let mut world = World::of(World::first(), 2);
    let ((bundle, signer), (_, other)) = (world.newcomer(), world.newcomer());
    let (suite, context) = (world.suite, context(&world));
    let made = propose_own_add(suite, &context, bundle.key_package.clone(), &*other);
    assert_eq!(made.unwrap_err(), GroupError::Misuse(Misuse::WrongSigner));
    let message = propose_own_add(suite, &context, bundle.key_package, &*signer).unwrap();
    // The sender's type is signed: it cannot be turned into that of an external sender, nor the content into
    // another proposal.
    let MlsMessageBody::PublicMessage(public) = &message.body else { panic!("not public") };
    let mut changed = public.clone();
    changed.content.sender = Sender::External(0);
    let changed = MlsMessage { body: MlsMessageBody::PublicMessage(changed) };
    assert_eq!(refused(&mut world, &changed), GroupError::Violation(Violation::UnknownExternalSender(0)));
    let mut changed = public.clone();
    changed.content.content =
        pando_wire::Content::Proposal(Proposal::Remove(Remove { removed: LeafIndex(1) }));
    let changed = MlsMessage { body: MlsMessageBody::PublicMessage(changed) };
    let error = refused(&mut world, &changed);
    assert!(matches!(error, GroupError::Framing(FramingError::SenderNotAllowed { .. })), "{error:?}");
}

/// Members may be anybody, and nobody else has a say.
struct NoServers;

impl IdentityPolicy for NoServers {
    fn validate(&self, credential: &Credential, key: &SignaturePublicKey) -> Result<(), IdentityError> {
        BasicIdentities.validate(credential, key)
    }

    fn validate_external_sender(&self, _: &Credential, _: &SignaturePublicKey) -> Result<(), IdentityError> {
        Err(IdentityError("no servers".into()))
    }

    fn same_client(&self, a: &Credential, b: &Credential) -> bool {
        BasicIdentities.same_client(a, b)
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        BasicIdentities.may_succeed(old, new)
    }
}

#[test]
fn external_senders_must_be_acceptable() {
    let mut world = World::public(World::first());
    world.add(0, 1);
    let not_acceptable = GroupError::Violation(Violation::ExternalSenderCredential("no servers".into()));
    let (suite, server) = (world.suite, world.newcomer().1);
    let senders = external_senders(&[&*server]);

    // In a Commit: of one's own, of others, and as an observer sees it.
    let helper = &world.clients[0];
    let group_info = helper.group.group_info(true, &*helper.signer).unwrap();
    let mut observer = PublicGroup::new(suite, &group_info, None, &NoServers).unwrap();
    let client = &mut world.clients[0];
    let builder = client.group.commit().extensions(senders.clone());
    let made = builder.build(&*client.signer, &AllPsks, &NoServers, None, &mut world.rng);
    assert_eq!(made.unwrap_err(), not_acceptable);
    let message = world.build(0, |builder| builder.extensions(senders.clone())).unwrap().message;
    let received = over_the_wire(&message);
    let processed = world.clients[1].group.process(received.clone(), &AllPsks, &NoServers, None);
    assert_eq!(processed.unwrap_err(), not_acceptable);
    assert_eq!(observer.process(received, &NoServers, None).unwrap_err(), not_acceptable);
    world.deliver_commit(0, &message);

    // They are there already: nothing is added, nothing needs to be checked.
    let client = &mut world.clients[1];
    let builder = client.group.commit().extensions(senders.clone());
    builder.build(&*client.signer, &AllPsks, &NoServers, None, &mut world.rng).unwrap();
    client.group.clear_pending();

    // In a group that one joins, follows, or creates.
    let (bundle, _) = world.newcomer();
    let output = world.commit(0, |builder| builder.add(bundle.key_package.clone()));
    let (welcome, config) = (output.welcome.unwrap(), GroupConfig::default());
    let joined = Group::join(suite, &welcome, bundle, None, &AllPsks, &NoServers, config);
    assert_eq!(joined.unwrap_err(), not_acceptable);
    let helper = &world.clients[0];
    let group_info = helper.group.group_info(true, &*helper.signer).unwrap();
    let followed = PublicGroup::new(suite, &group_info, None, &NoServers);
    assert_eq!(followed.unwrap_err(), not_acceptable);
    let (bundle, _) = world.newcomer();
    let group_id = GroupId::from(b"another".as_slice());
    let created = Group::create(suite, group_id, senders, bundle, config, &NoServers, &mut world.rng);
    assert_eq!(created.unwrap_err(), not_acceptable);
}
