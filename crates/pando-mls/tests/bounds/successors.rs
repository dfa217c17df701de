//! Tests with successor groups in which every member has a new credential. With X.509, this happens
//! if the signature keys of the new group are of another kind.

use crate::counting::{Work, alone, suite, work};
use crate::groups::{Pair, adds, client, newcomers};
use crate::grows_with_the_input;
use pando_mls::wire::SignaturePublicKey;
use pando_mls::{
    Credential, Encode, Extensions, IdentityError, IdentityPolicy, KeyPackageTemplate, Proposal,
    ProtocolVersion, ReInit, Successor,
};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// A policy that identifies clients by a number in their credential, and that counts its own calls.
struct Numbers(AtomicU64);

impl Numbers {
    fn number(&self, credential: &Credential) -> Vec<u8> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let Credential::Basic { identity } = credential else { panic!("not a basic credential") };
        identity[..8].to_vec()
    }
}

impl IdentityPolicy for Numbers {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn identity(&self, credential: &Credential) -> Vec<u8> {
        self.number(credential)
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        self.number(old) == self.number(new)
    }
}

/// Numbers the clients, starting from zero. Credentials of different generations differ.
fn numbered(generation: u8) -> impl Fn(&mut KeyPackageTemplate) {
    let next = Cell::new(0_u64);
    move |template| {
        let identity = [&next.get().to_be_bytes()[..], &[generation]].concat();
        template.credential = Credential::Basic { identity: identity.into() };
        next.set(next.get() + 1);
    }
}

/// Returns the costs of creating the new group and of joining it. Each cost is returned with the
/// length of the Welcome and the number of calls of the policy.
fn reinitialized(members: usize) -> [(usize, Work, u64); 2] {
    let old = numbered(0);
    let mut pair = Pair::new(Extensions::default(), &old);
    pair.commit(adds(&newcomers(members - 2, &old)), false);
    let reinit = ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite().cipher_suite(),
        extensions: Extensions::default(),
    };
    pair.commit(vec![Proposal::ReInit(Box::new(reinit))], false);

    let mut clients = newcomers(members, &numbered(1));
    let [creator, joiner] = [clients.remove(0), clients.remove(0)];
    // The order of the members in the new group is reversed.
    clients.reverse();
    let others = clients.iter().chain([&joiner]).map(|newcomer| newcomer.bundle.key_package.clone());
    let successor = Successor::new(creator.bundle, others.collect()).with_path(false);
    let policy = Numbers(AtomicU64::new(0));
    let by = client(&*creator.signer).with_policy(&policy);
    let (creating, created) = work(|| pair.groups[0].reinitialize(successor, &by, &mut pair.rng));
    let asked = policy.0.swap(0, Ordering::Relaxed);
    let welcome = created.unwrap().assume_persisted().welcome.unwrap();
    let by = client(&*joiner.signer).with_policy(&policy);
    let (joining, joined) = work(|| pair.groups[1].join_successor(&welcome, &joiner.bundle, None, &by));
    let _ = joined.unwrap();
    let len = welcome.encode().unwrap().len();
    [(len, creating, asked), (len, joining, policy.0.into_inner())]
}

#[test]
fn everybody_has_another_credential_in_the_group_that_follows() {
    let _alone = alone();
    let sizes = [16, 48, 144];
    let costs = sizes.map(reinitialized);
    for (which, what) in ["a successor group", "joining a successor group"].into_iter().enumerate() {
        let costs = costs.map(|costs| costs[which]);
        for (members, (_, _, asked)) in sizes.into_iter().zip(costs) {
            println!("{what}: {members} members, {asked} calls of the policy");
            // For each member, the policy is asked for the identities of both credentials, and then
            // whether one credential may succeed the other.
            assert_eq!(asked, 4 * members as u64);
        }
        grows_with_the_input(what, &costs.map(|(len, work, _)| (len, work)));
    }
}
