//! The messages that members and non-members of a group send in one epoch and in the next epoch.

use crate::group_fixture::{GroupFixture, VICTIM, template};
use pando_mls::wire::{Add, Remove, ResumptionPskUsage};
use pando_mls::{
    ApplicationData, Context, Encode, ExternalJoin, Group, LeafIndex, MlsMessage, Processed, Proposal, Psk,
    propose_as_external_sender, propose_own_add,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A message, together with the indices of the messages that the victim must process first, or
/// `None` if the victim cannot process the message at all.
type Sent = (MlsMessage, Option<Vec<usize>>);

/// Returns all messages in encoded form. Checks that the victim accepts each message that it can
/// process.
pub(crate) fn honest_messages(fixture: &GroupFixture, with_extensions: bool) -> Vec<Vec<u8>> {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let mut sent = by_value(fixture, rng);
    outside(fixture, with_extensions, &mut sent, rng);
    by_reference(fixture, &mut sent, rng);
    next_epoch(fixture, &mut sent, rng);
    echoes(fixture, &mut sent, rng);
    let cx = fixture.client(VICTIM);
    for (message, needs) in &sent {
        let Some(needs) = needs else { continue };
        let mut victim = fixture.load(VICTIM);
        needs.iter().for_each(|needed| enter(&mut victim, &sent[*needed].0, &cx));
        enter(&mut victim, message, &cx);
    }
    sent.iter().map(|(message, _)| message.encode().expect("encodes")).collect()
}

/// Processes a message. If it is a Commit, it is merged.
fn enter(group: &mut Group, message: &MlsMessage, cx: &Context<'_>) {
    let processed = group.process(message.clone(), cx).expect("takes").assume_persisted();
    if let Processed::Commit(staged) = processed {
        group.merge(*staged).expect("merges").assume_persisted();
    }
}

fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

/// Returns the messages that three members send at the beginning of the epoch.
fn by_value(fixture: &GroupFixture, rng: &mut ChaCha20Rng) -> Vec<Sent> {
    let mut sent = Vec::new();
    for by in [0, 2, 3] {
        let (mut group, cx) = (fixture.load(by), fixture.client(by));
        for data in [&b"hello"[..], b"", &[7; 100]] {
            sent.push(
                group
                    .encrypt(ApplicationData::new(data).authenticated_data(b"aad"), &cx, rng)
                    .expect("encrypts")
                    .assume_persisted(),
            );
        }
        let mut group = fixture.load(by);
        sent.push(group.propose_update(None, b"", &cx, rng).expect("proposes").assume_persisted());
        sent.push(group.propose(remove(3 - by), b"", &cx, rng).expect("proposes").assume_persisted());
        sent.push(fixture.load(by).commit().build(&cx, rng).expect("commits").assume_persisted().message);
        let (added, psk) = (fixture.newcomer.key_package.clone(), Psk::External { psk_id: vec![1].into() });
        let mut group = fixture.load(by);
        let commit = group.commit().add(added).psk(psk).remove(LeafIndex(3 - by));
        sent.push(commit.build(&cx, rng).expect("commits").assume_persisted().message);
        let mut group = fixture.load(by);
        let context = group.public().context();
        let (usage, psk_group_id) = (ResumptionPskUsage::Application, context.group_id.clone());
        let psk = Psk::Resumption { usage, psk_group_id, psk_epoch: context.epoch };
        let commit = group.commit().psk(psk).without_path();
        sent.push(commit.build(&cx, rng).expect("commits").assume_persisted().message);
    }
    sent.into_iter().map(|message| (message, Some(vec![]))).collect()
}

/// Adds external proposals and external Commits. One external Commit is from a newcomer, the other
/// one from a member that has lost its state.
fn outside(fixture: &GroupFixture, with_extensions: bool, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    for (name, signer, resync) in
        [("newcomer", &fixture.newcomer_signer, None), ("3", &fixture.signers[3], Some(LeafIndex(3)))]
    {
        let join = ExternalJoin::new(&fixture.group_info, template(fixture.suite, name))
            .replace_leaf(resync)
            .psks(resync.map(|_| Psk::External { psk_id: vec![2].into() }));
        let joined = join.build(&fixture.outside(&**signer), rng).expect("joins");
        sent.push((joined.assume_persisted().1, Some(vec![])));
    }
    let (context, newcomer) = (&fixture.group_info.group_context, fixture.newcomer.key_package.clone());
    let outside = fixture.outside(&*fixture.newcomer_signer);
    sent.push((propose_own_add(context, newcomer.clone(), &outside).expect("asks"), Some(vec![])));
    if with_extensions {
        let external = fixture.outside(&*fixture.external);
        for proposal in [remove(3), Proposal::Add(Box::new(Add { key_package: newcomer }))] {
            let proposed = propose_as_external_sender(context, proposal, &external).expect("proposes");
            sent.push((proposed, Some(vec![])));
        }
    }
}

/// Adds a Commit from member 3 that refers to two proposals, one from another member and one from
/// the newcomer.
fn by_reference(fixture: &GroupFixture, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    let (mut group, cx) = (fixture.load(3), fixture.client(3));
    let update = fixture
        .load(0)
        .propose_update(None, b"", &fixture.client(0), rng)
        .expect("proposes")
        .assume_persisted();
    let (context, newcomer) = (&fixture.group_info.group_context, fixture.newcomer.key_package.clone());
    let asks = propose_own_add(context, newcomer, &fixture.outside(&*fixture.newcomer_signer)).expect("asks");
    let mut needs = Vec::new();
    for proposal in [update, asks] {
        enter(&mut group, &proposal, &cx);
        needs.push(sent.len());
        sent.push((proposal, Some(vec![])));
    }
    let commit = group.commit().build(&cx, rng).expect("commits").assume_persisted();
    assert!(commit.welcome.is_some(), "the newcomer is added");
    sent.push((commit.message, Some(needs)));
}

/// Adds messages that two members send after a Commit.
fn next_epoch(fixture: &GroupFixture, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    let (mut zero, mut three) = (fixture.load(0), fixture.load(3));
    let (zeros, threes) = (fixture.client(0), fixture.client(3));
    let commit = zero.commit().build(&zeros, rng).expect("commits").assume_persisted().message;
    zero.merge_pending().expect("merges").assume_persisted();
    enter(&mut three, &commit, &threes);
    let first = sent.len();
    sent.push((commit, Some(vec![])));
    sent.push((
        three.encrypt(b"next", &threes, rng).expect("encrypts").assume_persisted(),
        Some(vec![first]),
    ));
    let update = three.propose_update(None, b"", &threes, rng).expect("proposes").assume_persisted();
    enter(&mut zero, &update, &zeros);
    sent.push((update, Some(vec![first])));
    let commit = zero.commit().build(&zeros, rng).expect("commits").assume_persisted().message;
    sent.push((commit, Some(vec![first, first + 2])));
}

/// Adds messages of the victim itself that its store does not contain.
fn echoes(fixture: &GroupFixture, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    let (mut group, cx) = (fixture.load(VICTIM), fixture.client(VICTIM));
    sent.push((group.encrypt(b"mine", &cx, rng).expect("encrypts").assume_persisted(), None));
    sent.push((group.propose_update(None, b"", &cx, rng).expect("proposes").assume_persisted(), None));
    sent.push((group.commit().build(&cx, rng).expect("commits").assume_persisted().message, None));
}
