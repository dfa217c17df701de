//! Random sequences of uploads, claims, repetitions, logins and expiries, compared with a simple
//! model.

use crate::fixture::{DAY, Device, HOUR, NOW, RARE, SUITE, Spec, World, claimer, code, request, suite};
use pando_api::{ClaimKeyPackages, ClaimStatus, ClaimTarget, ProblemCode};
use pando_delivery::group::Caller;
use pando_mls::{Encode, Opaque};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

const STEPS: usize = 400;
const SEEDS: u64 = 20;

/// A KeyPackage that a client can upload.
struct Made {
    device: usize,
    spec: Spec,
    bytes: Opaque,
    reference: Vec<u8>,
}

type Answer = Vec<(String, ClaimStatus)>;

/// The state of the server as the specification describes it.
#[derive(Default)]
struct Model {
    /// The KeyPackages that were uploaded.
    known: BTreeSet<usize>,
    /// The KeyPackages that are neither served nor replaced.
    available: BTreeSet<usize>,
    /// The devices that have uploaded or logged in.
    devices: BTreeSet<usize>,
    claims: BTreeMap<(String, [u8; 16]), (ClaimKeyPackages, Answer, u64)>,
}

impl Model {
    /// Returns whether the upload succeeds.
    fn upload(&mut self, made: &[Made], uploaded: &[usize], last_resort: Option<usize>, now: u64) -> bool {
        let servable = |index: &usize| made[*index].spec.lifetime.1 > now + HOUR;
        if !uploaded.iter().chain(&last_resort).all(servable) {
            return false;
        }
        if let Some(new) = last_resort.filter(|new| !self.known.contains(new)) {
            let old = self.last_resort(made, made[new].device);
            let alive = old.filter(|old| made[*old].spec.lifetime.1 > now);
            if alive.is_some_and(|old| made[old].spec.lifetime.0 > made[new].spec.lifetime.0) {
                return false;
            }
            old.map(|old| self.available.remove(&old));
        }
        for index in uploaded.iter().chain(&last_resort) {
            self.devices.insert(made[*index].device);
            if self.known.insert(*index) {
                self.available.insert(*index);
            }
        }
        true
    }

    fn last_resort(&self, made: &[Made], device: usize) -> Option<usize> {
        let mut all = self.available.iter().copied();
        all.find(|index| made[*index].device == device && made[*index].spec.is_last_resort)
    }

    fn claim(
        &mut self,
        made: &[Made],
        devices: &[Device],
        caller: &Caller,
        claim: &ClaimKeyPackages,
        now: u64,
    ) -> Option<Answer> {
        let key = (caller.client.to_string(), claim.claim_id.0);
        if let Some((earlier, answer, time)) = self.claims.get(&key)
            && now < time + DAY
        {
            return (earlier == claim).then(|| answer.clone());
        }
        let needs_rare = claim.capabilities.extension_types.contains(&RARE);
        let mut answer = Vec::new();
        for (device, owner) in devices.iter().enumerate() {
            let is_target = match &claim.target {
                ClaimTarget::User(_) => self.devices.contains(&device),
                ClaimTarget::Client(client) => client == owner.client(),
            };
            if is_target {
                let status = self.take(made, device, needs_rare, now);
                answer.push((owner.client().to_string(), status));
            }
        }
        answer.sort_by(|one, other| one.0.cmp(&other.0));
        if answer.iter().any(|(_, status)| status.key_package().is_some()) {
            self.claims.insert(key, (claim.clone(), answer.clone(), now));
        }
        Some(answer)
    }

    fn take(&mut self, made: &[Made], device: usize, needs_rare: bool, now: u64) -> ClaimStatus {
        let alive = self
            .available
            .iter()
            .copied()
            .filter(|index| made[*index].device == device && made[*index].spec.lifetime.1 > now + HOUR);
        let alive: Vec<_> = alive.collect();
        let best = |is_last_resort: bool| {
            let fitting = alive.iter().copied().filter(|index| {
                let spec = made[*index].spec;
                spec.is_last_resort == is_last_resort && (spec.is_rare || !needs_rare)
            });
            fitting.min_by_key(|index| (made[*index].spec.lifetime.1, &made[*index].reference))
        };
        if let Some(index) = best(false) {
            self.available.remove(&index);
            return ClaimStatus::KeyPackage(made[index].bytes.clone());
        }
        match best(true) {
            Some(index) => ClaimStatus::LastResort(made[index].bytes.clone()),
            None if alive.is_empty() => ClaimStatus::None,
            None => ClaimStatus::Unsupported,
        }
    }
}

fn below(rng: &mut ChaCha20Rng, limit: usize) -> usize {
    rng.next_u32() as usize % limit
}

/// Makes KeyPackages of all devices, with lifetimes of hours, so that many expire during a test.
fn make(world: &mut World, devices: &[Device], rng: &mut ChaCha20Rng) -> Vec<Made> {
    let mut made = Vec::new();
    for number in 0..60 {
        let device = below(rng, devices.len());
        let not_before = NOW - HOUR - 1_000 * u64::from(rng.next_u32() % 4);
        let not_after = NOW + HOUR * (2 + u64::from(rng.next_u32() % 40));
        let (is_rare, is_last_resort) = (below(rng, 2) == 0, number % 5 == 0);
        let spec = Spec { suite: SUITE, lifetime: (not_before, not_after), is_rare, is_last_resort };
        let key_package = world.key_package(&devices[device], spec);
        let reference = suite(SUITE).key_package_ref(&key_package).unwrap().to_vec();
        made.push(Made { device, spec, bytes: key_package.encode().unwrap().into(), reference });
    }
    made
}

#[test]
fn no_key_package_is_served_to_two_claims() {
    let (mut served_once, mut repeated, mut refused) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut world = World::new();
        let devices =
            ["phone", "laptop", "pho"].map(|name| world.device(&format!("alice@example.org/{name}"), 1));
        let user = devices[0].caller.user();
        let claimers = ["bob@example.org/phone", "carol@example.org/phone"].map(claimer);
        let made = make(&mut world, &devices, &mut rng);
        let mut model = Model::default();
        // The claims that have received each KeyPackage, apart from those of last resort.
        let mut served: BTreeMap<Opaque, BTreeSet<(String, [u8; 16], u64)>> = BTreeMap::new();
        for _ in 0..STEPS {
            match below(&mut rng, 10) {
                0..3 => {
                    let device = below(&mut rng, devices.len());
                    let own = |is_last_resort: bool| {
                        let own = made.iter().enumerate().filter(move |(_, made)| {
                            made.device == device && made.spec.is_last_resort == is_last_resort
                        });
                        own.map(|(index, _)| index).collect::<Vec<_>>()
                    };
                    let uploaded: Vec<_> =
                        own(false).into_iter().filter(|_| below(&mut rng, 6) == 0).collect();
                    let last_resort = own(true).into_iter().find(|_| below(&mut rng, 4) == 0);
                    let bytes = |index: &usize| made[*index].bytes.clone();
                    let result = world.upload(
                        &devices[device],
                        &uploaded.iter().map(bytes).collect::<Vec<_>>(),
                        &last_resort.as_ref().map(bytes).unwrap_or_default(),
                    );
                    if uploaded.is_empty() && last_resort.is_none() {
                        model.devices.insert(device);
                    }
                    let expected = model.upload(&made, &uploaded, last_resort, world.now);
                    assert_eq!(result.is_ok(), expected, "{result:?}");
                    refused += usize::from(!expected);
                }
                3..8 => {
                    let caller = &claimers[below(&mut rng, 2)];
                    let target = match below(&mut rng, 4) {
                        0 => ClaimTarget::User(user.clone()),
                        device => ClaimTarget::Client(devices[device - 1].client().clone()),
                    };
                    let mut claim = request(u8::try_from(below(&mut rng, 30)).unwrap(), target);
                    if below(&mut rng, 3) == 0 {
                        claim.capabilities.extension_types.push(RARE);
                    }
                    let key = (caller.client.to_string(), claim.claim_id.0);
                    let earlier = model.claims.get(&key).map(|claim| claim.2);
                    let expected = model.claim(&made, &devices, caller, &claim, world.now);
                    let answer = world.claim(caller, &claim);
                    let Some(expected) = expected else {
                        assert_eq!(code(answer), ProblemCode::IdempotencyConflict);
                        continue;
                    };
                    let answer = answer.unwrap();
                    assert_eq!(answer, expected);
                    let time = model.claims.get(&key).map_or(0, |claim| claim.2);
                    repeated += usize::from(earlier == Some(time));
                    for (_, status) in answer {
                        if let ClaimStatus::KeyPackage(bytes) = status {
                            let claims = served.entry(bytes).or_default();
                            claims.insert((key.0.clone(), key.1, time));
                            assert_eq!(claims.len(), 1, "served to two claims");
                        }
                    }
                }
                8 => {
                    world.now += u64::from(rng.next_u32()) % HOUR;
                    // The server forgets a claim when its row is deleted, and the model forgets it
                    // in time.
                    world.expire(&user, 1_000);
                }
                _ => world.expire(&user, below(&mut rng, 5)),
            }
        }
        served_once += served.len();
    }
    // The sequences are long enough to be of any worth.
    assert!(served_once > 200 && repeated > 200 && refused > 200, "{served_once} {repeated} {refused}");
}
