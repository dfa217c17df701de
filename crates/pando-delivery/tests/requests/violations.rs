//! Requests that violate a rule: the codes of the statuses 401, 403, 413 and 422 that alterations
//! do not reach, or reach only in one way (docs/protocol.md, section 4).

use crate::clients::{message, policy};
use crate::requests::Draft;
use crate::server::Codes;
use crate::sessions::revoke;
use crate::world::{World, login};
use ed25519_dalek::SigningKey;
use pando_api::{CreateGroup, ProblemCode, Receipt, SubmitCommit, UploadKeyPackages};
use pando_mls::{Credential, Encode, Extensions, LeafIndex};

/// Sends the requests. Returns the codes of their answers.
pub(crate) async fn all() -> Codes {
    let mut codes = Codes::new();
    for world in [logins().await, groups().await, commits().await, uploads().await] {
        for (code, count) in &*world.recorder.server.codes.lock().unwrap() {
            *codes.entry(*code).or_default() += count;
        }
    }
    codes
}

async fn logins() -> World {
    let mut world = World::new(false);
    let old = world.clients.device("alice@example.org/laptop", 1);
    let mut alice = world.log_in("alice@example.org/laptop", 2).await;
    let key = SigningKey::from_bytes(&[77; 32]);
    let revoked = world.clients.device("bob@example.org/phone", 1);
    let mut basic = world.clients.device("carol@example.org/phone", 1);
    basic.credential = Credential::basic("carol@example.org/phone");
    revoke(&world.server(), std::slice::from_ref(&revoked.caller.client)).await;
    for (device, expected) in [
        (&old, ProblemCode::CertificateSuperseded),
        (&revoked, ProblemCode::CertificateRevoked),
        (&basic, ProblemCode::CertificateInvalid),
    ] {
        let challenge = world.recorder.send(Draft::new(None, "POST", "/v1/sessions/challenges")).await;
        let login = login(device, challenge.decode(200), &key);
        let answer = world.recorder.send(Draft::new(None, "POST", "/v1/sessions").with(login)).await;
        assert_eq!(answer.code(), expected);
    }
    // A KeyPackage of a revoked certificate is not added.
    world.create(&mut alice).await;
    let key_package = world.clients.bundle(&revoked).key_package;
    let commit = world.clients.build_commit(&mut alice.device, None, |commit| commit.add(key_package));
    assert_eq!(world.commit(&alice, commit).await.code(), ProblemCode::CertificateRevoked);
    world
}

async fn groups() -> World {
    let mut world = World::new(false);
    let mut alice = world.log_in("alice@example.org/laptop", 1).await;
    let mut bob = world.log_in("bob@example.org/phone", 1).await;
    let good = world.clients.extensions(&policy());
    let no_remover = Extensions(vec![good.0[0].clone()]);
    let no_policy = Extensions(vec![good.0[1].clone()]);
    let mut create = Vec::new();
    for (extensions, expected) in [(no_remover, ProblemCode::InvalidGroup), (no_policy, ProblemCode::Policy)]
    {
        let group_info = world.clients.build_group_without_rules(&mut alice.device, extensions);
        create.push((group_info, expected));
    }
    // Bob is not an admin.
    let group_info = world.clients.build_group_without_rules(&mut bob.device, good);
    for (member, group_info, expected) in create
        .into_iter()
        .map(|(group_info, expected)| (&alice, group_info, expected))
        .chain([(&bob, group_info, ProblemCode::Policy)])
    {
        let request = CreateGroup { group_info: group_info.into(), first_commit: None };
        assert_eq!(world.post(member, "/v1/groups", request).await.code(), expected);
    }
    world
}

async fn commits() -> World {
    let (mut world, [mut alice, mut bob, carol]) = World::with_three().await;
    // Only admins remove clients of others.
    let removal =
        world.clients.build_commit_without_rules(&mut bob.device, |commit| commit.remove(LeafIndex(2)));
    assert_eq!(world.commit(&bob, removal).await.code(), ProblemCode::Policy);
    world.clients.clear(&mut bob.device);

    // Another member sends Bob's proposal and Commit.
    let update = world.clients.build_update(&mut bob.device);
    assert_eq!(world.message(&carol, &update).await.code(), ProblemCode::SenderMismatch);
    let erin = world.clients.device("erin@example.org/phone", 1);
    let key_package = world.clients.bundle(&erin).key_package;
    let good = world.clients.build_commit(&mut bob.device, None, |commit| commit.add(key_package));
    assert_eq!(world.commit(&carol, good.clone()).await.code(), ProblemCode::SenderMismatch);

    // A Commit, a GroupInfo and a Welcome that do not belong together, or at other paths.
    let other = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    let hello = world.clients.encrypt(&mut alice.device, "hello");
    let group_info = other.group_info.clone();
    for (request, expected) in [
        (SubmitCommit { welcome: Vec::new().into(), ..good.clone() }, ProblemCode::InvalidWelcome),
        (SubmitCommit { welcome: good.commit.clone(), ..good.clone() }, ProblemCode::InvalidWelcome),
        (SubmitCommit { group_info, ..good.clone() }, ProblemCode::InvalidGroupInfo),
        (SubmitCommit { group_info: good.commit.clone(), ..good.clone() }, ProblemCode::InvalidGroupInfo),
        (SubmitCommit { commit: update.clone().into(), ..good.clone() }, ProblemCode::InvalidMessage),
        (SubmitCommit { commit: hello.into(), ..good.clone() }, ProblemCode::InvalidMessage),
    ] {
        assert_eq!(world.commit(&bob, request).await.code(), expected);
    }
    let with_welcome = SubmitCommit { welcome: good.welcome.clone(), ..other.clone() };
    assert_eq!(world.commit(&alice, with_welcome).await.code(), ProblemCode::InvalidWelcome);
    for bytes in [&good.commit, &good.welcome, &good.group_info] {
        assert_eq!(world.message(&bob, bytes).await.code(), ProblemCode::InvalidMessage);
    }
    let key_package = message(world.clients.bundle(&erin).key_package);
    assert_eq!(world.message(&bob, &key_package).await.code(), ProblemCode::InvalidMessage);

    // A proposal above the limit of section 10.
    let long = world.build_removal(&mut alice, 2, &[0; 17 << 10]);
    let answer = world.message(&alice, &long).await;
    assert_eq!((answer.code(), answer.problem().limit), (ProblemCode::TooLarge, Some(16 << 10)));

    // A proposal with trailing bytes, and the same one with another membership tag.
    let removal = world.build_removal(&mut alice, 2, b"");
    let long = [removal.as_slice(), b"\0"].concat();
    assert_eq!(world.message(&alice, &long).await.code(), ProblemCode::Malformed);
    world.message(&alice, &removal).await.decode::<Receipt>(200);
    let mut tagged = removal.clone();
    *tagged.last_mut().unwrap() ^= 1;
    assert_eq!(world.message(&alice, &tagged).await.code(), ProblemCode::InvalidProposal);
    world
}

async fn uploads() -> World {
    let mut world = World::new(false);
    let alice = world.log_in("alice@example.org/laptop", 1).await;
    let good = world.clients.bundle(&alice.device).key_package.encode().unwrap();
    let last_resort = world.last_resort(&alice);
    let newer = world.clients.device("alice@example.org/laptop", 2);
    let other_version = world.clients.bundle(&newer).key_package.encode().unwrap();
    for (key_packages, resort, index) in [
        (vec![&good, &other_version], &Vec::new(), 1),
        (vec![&good, &last_resort], &Vec::new(), 1),
        (vec![&good], &good, 1),
        (vec![], &good, 0),
        (vec![&vec![7; 100], &good], &last_resort, 0),
    ] {
        let key_packages = key_packages.into_iter().map(|bytes| bytes.as_slice().into()).collect();
        let upload = UploadKeyPackages { key_packages, last_resort: resort.as_slice().into() };
        let before = world.server().store().changes();
        let answer = world.post(&alice, "/v1/key-packages", upload).await;
        assert_eq!((answer.code(), answer.problem().index), (ProblemCode::InvalidKeyPackage, Some(index)));
        assert_eq!(world.server().store().changes(), before);
    }
    let key_packages = vec![b"x".into(); 101];
    let upload = UploadKeyPackages { key_packages, last_resort: Vec::new().into() };
    let answer = world.post(&alice, "/v1/key-packages", upload).await;
    assert_eq!((answer.code(), answer.problem().limit), (ProblemCode::TooLarge, Some(100)));
    world
}
