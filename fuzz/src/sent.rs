//! The messages that members and non-members of a live group send in one epoch and in the next.

use crate::live::{Live, VICTIM, template};
use pando_mls::wire::{Add, Remove, ResumptionPskUsage};
use pando_mls::{
    ApplicationData, Context, Encode, ExternalJoin, Group, LeafIndex, MlsMessage, Processed, Proposal, Psk,
    propose_as_external_sender, propose_own_add,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A message, and the indices of the messages that the victim must process first. `None` if the
/// victim cannot process it at all.
type Sent = (MlsMessage, Option<Vec<usize>>);

/// Returns all messages, encoded. Checks that the victim accepts them.
pub(crate) fn sent(live: &Live, rich: bool) -> Vec<Vec<u8>> {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let mut sent = by_value(live, rng);
    outside(live, rich, &mut sent, rng);
    by_reference(live, &mut sent, rng);
    next_epoch(live, &mut sent, rng);
    echoes(live, &mut sent, rng);
    let client = live.client(VICTIM);
    for (message, needs) in &sent {
        let Some(needs) = needs else { continue };
        let mut victim = live.load(VICTIM);
        needs.iter().for_each(|needed| enter(&mut victim, &sent[*needed].0, &client));
        enter(&mut victim, message, &client);
    }
    sent.iter().map(|(message, _)| message.encode().expect("encodes")).collect()
}

/// Processes a message, and merges it if it is a Commit.
fn enter(group: &mut Group, message: &MlsMessage, client: &Context<'_>) {
    let processed = group.process(message.clone(), client).expect("takes").assume_persisted();
    if let Processed::Commit(staged) = processed {
        group.merge(*staged).expect("merges").assume_persisted();
    }
}

fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

/// Returns the messages that three members send at the start.
fn by_value(live: &Live, rng: &mut ChaCha20Rng) -> Vec<Sent> {
    let mut sent = Vec::new();
    for by in [0, 2, 3] {
        let (mut group, client) = (live.load(by), live.client(by));
        for data in [&b"hello"[..], b"", &[7; 100]] {
            sent.push(
                group
                    .encrypt(ApplicationData::new(data).authenticated_data(b"aad"), &client, rng)
                    .expect("encrypts")
                    .assume_persisted(),
            );
        }
        let mut group = live.load(by);
        sent.push(group.propose_update(None, b"", &client, rng).expect("proposes").assume_persisted());
        sent.push(group.propose(remove(3 - by), b"", &client, rng).expect("proposes").assume_persisted());
        sent.push(live.load(by).commit().build(&client, rng).expect("commits").assume_persisted().message);
        let (added, psk) = (live.newcomer.key_package.clone(), Psk::External { psk_id: vec![1].into() });
        let mut group = live.load(by);
        let commit = group.commit().add(added).psk(psk).remove(LeafIndex(3 - by));
        sent.push(commit.build(&client, rng).expect("commits").assume_persisted().message);
        let mut group = live.load(by);
        let context = group.public().context();
        let (usage, psk_group_id) = (ResumptionPskUsage::Application, context.group_id.clone());
        let psk = Psk::Resumption { usage, psk_group_id, psk_epoch: context.epoch };
        let commit = group.commit().psk(psk).without_path();
        sent.push(commit.build(&client, rng).expect("commits").assume_persisted().message);
    }
    sent.into_iter().map(|message| (message, Some(vec![]))).collect()
}

/// Adds external Commits, from a newcomer and from a member that has lost its state, and external
/// proposals.
fn outside(live: &Live, rich: bool, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    for (name, signer, resync) in
        [("newcomer", &live.newcomer_signer, None), ("3", &live.signers[3], Some(LeafIndex(3)))]
    {
        let join = ExternalJoin::new(&live.group_info, template(live.suite, name))
            .replace_leaf(resync)
            .psks(resync.map(|_| Psk::External { psk_id: vec![2].into() }));
        let joined = join.build(&live.outside(&**signer), rng).expect("joins");
        sent.push((joined.assume_persisted().1, Some(vec![])));
    }
    let (context, newcomer) = (&live.group_info.group_context, live.newcomer.key_package.clone());
    let outside = live.outside(&*live.newcomer_signer);
    sent.push((propose_own_add(context, newcomer.clone(), &outside).expect("asks"), Some(vec![])));
    if rich {
        let external = live.outside(&*live.external);
        for proposal in [remove(3), Proposal::Add(Box::new(Add { key_package: newcomer }))] {
            let proposed = propose_as_external_sender(context, proposal, &external).expect("proposes");
            sent.push((proposed, Some(vec![])));
        }
    }
}

/// Adds a Commit from member 3 that refers to two proposals: from another member, and from the
/// newcomer.
fn by_reference(live: &Live, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    let (mut group, client) = (live.load(3), live.client(3));
    let update =
        live.load(0).propose_update(None, b"", &live.client(0), rng).expect("proposes").assume_persisted();
    let (context, newcomer) = (&live.group_info.group_context, live.newcomer.key_package.clone());
    let asks = propose_own_add(context, newcomer, &live.outside(&*live.newcomer_signer)).expect("asks");
    let mut needs = Vec::new();
    for proposal in [update, asks] {
        enter(&mut group, &proposal, &client);
        needs.push(sent.len());
        sent.push((proposal, Some(vec![])));
    }
    let commit = group.commit().build(&client, rng).expect("commits").assume_persisted();
    assert!(commit.welcome.is_some(), "the newcomer is added");
    sent.push((commit.message, Some(needs)));
}

/// Adds messages that two members send after a Commit.
fn next_epoch(live: &Live, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    let (mut zero, mut three) = (live.load(0), live.load(3));
    let (zeros, threes) = (live.client(0), live.client(3));
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

/// Adds the victim's own messages, of which its store has no record.
fn echoes(live: &Live, sent: &mut Vec<Sent>, rng: &mut ChaCha20Rng) {
    let (mut group, client) = (live.load(VICTIM), live.client(VICTIM));
    sent.push((group.encrypt(b"mine", &client, rng).expect("encrypts").assume_persisted(), None));
    sent.push((group.propose_update(None, b"", &client, rng).expect("proposes").assume_persisted(), None));
    sent.push((group.commit().build(&client, rng).expect("commits").assume_persisted().message, None));
}
