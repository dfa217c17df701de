//! Tests of parsing scripts and assigning clients.

use super::assign;
use super::config::{Mode, parse};
use super::random;
use super::script::Step;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Returns a script that contains every action with all its options.
fn everything() -> Vec<Value> {
    let extensions = json!([{"extension_type": 3, "extension_data": "AAAA"}]);
    vec![
        json!({"action": "createGroup", "actor": "ada", "members": ["ben", "cleo"]}),
        json!({"action": "createKeyPackage", "actor": "dora"}),
        json!({"action": "installExternalPSK", "actor": "nobody", "clients": ["ada", "dora"]}),
        json!({"action": "groupInfo", "actor": "ada", "externalTree": true}),
        json!({"action": "addProposal", "actor": "ada", "keyPackage": 1}),
        json!({"action": "updateProposal", "actor": "ben"}),
        json!({"action": "removeProposal", "actor": "ben", "removed": "cleo"}),
        json!({"action": "externalPSKProposal", "actor": "ben", "pskID": 2}),
        json!({"action": "resumptionPSKProposal", "actor": "ben", "epochID": 1}),
        json!({"action": "groupContextExtensionsProposal", "actor": "ben", "extensions": extensions}),
        json!({"action": "addExternalSigner", "actor": "ben", "signer": "server"}),
        json!({
            "action": "externalSignerProposal", "actor": "server", "member": "ada",
            "description": {
                "proposalType": "reinit", "changeGroupID": true, "changeCipherSuite": true,
                "extensions": extensions,
            },
        }),
        json!({"action": "newMemberAddProposal", "actor": "ben", "joiner": "emil"}),
        json!({
            "action": "fullCommit", "actor": "ada", "byReference": [4, 5, 6, 7, 8, 10, 12],
            "byValue": [
                {"proposalType": "add", "keyPackage": 1},
                {"proposalType": "remove", "removed": "cleo"},
                {"proposalType": "externalPSK", "pskID": 2},
                {"proposalType": "resumptionPSK", "epochID": 1},
                {"proposalType": "groupContextExtensions", "extensions": extensions},
            ],
            "members": ["ben"], "joiners": ["dora", "emil"], "force_path": true, "external_tree": true,
        }),
        json!({"action": "commit", "actor": "ada", "byReference": [9], "byValue": [], "force_path": true}),
        json!({"action": "handleCommit", "actor": "ben", "commit": 14, "byReference": [9]}),
        json!({"action": "handlePendingCommit", "actor": "ada"}),
        json!({"action": "createKeyPackage", "actor": "fred"}),
        json!({"action": "joinGroup", "actor": "fred", "welcome": 13}),
        json!({"action": "protect", "actor": "ada", "authenticatedData": "a", "plaintext": "b"}),
        json!({"action": "unprotect", "actor": "ben", "ciphertext": 19}),
        json!({
            "action": "externalJoin", "actor": "ada", "joiner": "gina", "members": ["ben"],
            "externalTree": true, "removePrior": true, "psks": [2],
        }),
        json!({
            "action": "branch", "actor": "ada", "members": ["ben"], "extensions": extensions,
            "forcePath": true, "external_tree": true,
        }),
        json!({
            "action": "reinit", "proposer": "ada", "committer": "ben", "welcomer": "ada", "members": ["gina"],
            "changeCiphersuite": true, "changeGroupID": true, "extensions": extensions,
            "forcePath": true, "externalTree": true,
        }),
        json!({
            "action": "reinit", "externalReinitProposal": 11, "committer": "ben", "welcomer": "ada",
        }),
    ]
}

fn config(steps: &[Value]) -> String {
    json!({"mode": "random", "header": "of no concern", "scripts": {"story": steps}}).to_string()
}

#[test]
fn every_action_is_read() {
    let steps = everything();
    let scripts = parse("file", &config(&steps)).unwrap();
    let [script] = &scripts[..] else { panic!("one script") };
    assert_eq!((script.name.as_str(), script.mode), ("file/story", Mode::Random));
    assert_eq!(script.actors, ["ada", "ben", "cleo", "dora", "server", "emil", "fred", "gina"]);
    let actions: BTreeSet<&str> = steps.iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(actions.len(), 23);

    let Step::FullCommit(commit) = &script.steps[13] else { panic!("a Commit") };
    assert!(commit.force_path && commit.external_tree && commit.by_value.len() == 5);
    let Step::Branch(branch) = &script.steps[22] else { panic!("a branch") };
    assert!(branch.force_path && branch.external_tree && branch.extensions.len() == 1);
    let Step::ReInit(reinit) = &script.steps[23] else { panic!("a ReInit") };
    assert!(
        reinit.change_cipher_suite && reinit.change_group_id && reinit.force_path && reinit.external_tree
    );
    let Step::ExternalJoin(join) = &script.steps[21] else { panic!("an external join") };
    assert!(join.external_tree && join.remove_prior && join.psks == [2]);
}

/// Returns the error that is reported when a member of a step has the given value instead. `Null`
/// removes the member.
fn complaint(step: usize, member: &str, value: Value) -> String {
    let mut steps = everything();
    let object = steps[step].as_object_mut().unwrap();
    if value.is_null() {
        object.remove(member);
    } else {
        object.insert(member.to_owned(), value);
    }
    let error = parse("file", &config(&steps)).unwrap_err();
    let expected = format!("script story, step {step}: ");
    error.strip_prefix(&expected).unwrap_or_else(|| panic!("{error} is not of step {step}")).to_owned()
}

#[test]
fn what_cannot_be_read_is_named() {
    assert!(complaint(0, "action", json!("createGruop")).starts_with("unknown variant `createGruop`"));
    assert_eq!(complaint(0, "action", Value::Null), "missing field `action`");
    assert_eq!(complaint(1, "actor", Value::Null), "missing field `actor`");
    assert!(complaint(13, "forcedPath", json!(true)).starts_with("unknown field `forcedPath`"));
    assert!(complaint(4, "keyPackage", json!(-1)).starts_with("invalid value: integer `-1`"));
    let extension = json!([{"extension_type": 3, "extension_data": "A"}]);
    assert!(complaint(9, "extensions", extension).starts_with("\"A\" is not Base64"));
    let description = json!([{"proposalType": "update"}]);
    assert!(complaint(13, "byValue", description).starts_with("unknown variant `update`"));
    assert!(parse("file", r#"{"mode": "some", "scripts": {}}"#).unwrap_err().contains("`some`"));
    assert!(parse("file", "{}").unwrap_err().contains("missing field `scripts`"));
}

#[test]
fn references_lead_to_what_was_made_before() {
    assert_eq!(
        complaint(4, "keyPackage", json!(0)),
        "keyPackage refers to step 0, which makes nothing to refer to"
    );
    assert_eq!(
        complaint(4, "keyPackage", json!(17)),
        "keyPackage refers to step 17, which is not an earlier step"
    );
    assert_eq!(complaint(7, "pskID", json!(1)), "pskID refers to step 1, which makes a KeyPackage");
    assert_eq!(
        complaint(13, "byReference", json!([11])),
        "byReference refers to step 11, which makes a ReInit proposal"
    );
    assert_eq!(complaint(18, "welcome", json!(10)), "welcome refers to step 10, which makes a proposal");
    assert_eq!(complaint(15, "commit", json!(2)), "commit refers to step 2, which makes a PSK");
    assert_eq!(complaint(20, "ciphertext", json!(14)), "ciphertext refers to step 14, which makes a Commit");
    assert_eq!(complaint(21, "psks", json!([19])), "psks refers to step 19, which makes a ciphertext");
    assert_eq!(
        complaint(24, "externalReinitProposal", json!(4)),
        "externalReinitProposal refers to step 4, which makes a proposal"
    );
    let value = json!([{"proposalType": "add", "keyPackage": 2}]);
    assert_eq!(complaint(13, "byValue", value), "keyPackage refers to step 2, which makes a PSK");
}

#[test]
fn everybody_who_acts_is_there() {
    assert_eq!(complaint(3, "actor", json!("dora")), "dora has no group");
    assert_eq!(complaint(13, "members", json!(["zoe"])), "zoe has no group");
    assert_eq!(complaint(13, "joiners", json!(["zoe"])), "zoe has no KeyPackage");
    assert_eq!(complaint(13, "members", json!(["ben", "ada"])), "ada is named twice");
    assert_eq!(complaint(6, "removed", json!("zoe")), "unknown actor zoe");
    assert_eq!(complaint(2, "clients", json!(["zoe"])), "zoe has neither a group nor a KeyPackage");
    assert_eq!(complaint(11, "actor", json!("ada")), "ada is not an external signer");
    assert_eq!(complaint(16, "actor", json!("ben")), "ben has no pending Commit");
    assert_eq!(complaint(18, "actor", json!("zoe")), "zoe has no KeyPackage");
}

#[test]
fn a_reinit_has_one_proposal() {
    let neither = "needs either a proposer or an externalReinitProposal";
    assert_eq!(complaint(23, "proposer", Value::Null), neither);
    assert_eq!(complaint(24, "proposer", json!("ada")), neither);
    let twice = "the proposal of the external signer already says what changes";
    assert_eq!(complaint(24, "changeGroupID", json!(true)), twice);
    let value = json!([{"proposalType": "reinit"}]);
    assert!(complaint(13, "byValue", value).starts_with("a reinit cannot be committed by value"));
}

#[test]
fn combinations_are_all_there_are() {
    assert_eq!(assign::combinations(&[3, 5], 2).unwrap(), [[3, 3], [3, 5], [5, 3], [5, 5]]);
    assert_eq!(assign::combinations(&[7], 4).unwrap(), [[7, 7, 7, 7]]);
    let all: BTreeSet<Vec<usize>> = assign::combinations(&[0, 1, 2], 4).unwrap().into_iter().collect();
    assert_eq!(all.len(), 81);
    assert!(assign::combinations(&[0, 1], 1000).unwrap_err().contains("--random"));
}

/// The combinations of the official runner are not distinct from four actors on, because its lists
/// share their memory (`docs/interop-harness.md`).
#[test]
fn combinations_are_distinct() {
    for clients in [&[0, 1][..], &[0, 1, 2]] {
        for slots in 2..=6 {
            let all = assign::combinations(clients, slots).unwrap();
            let distinct: BTreeSet<_> = all.iter().collect();
            let expected = clients.len().pow(slots.try_into().unwrap());
            assert_eq!((all.len(), distinct.len()), (expected, expected), "{slots} actors");
            // Every client plays every actor, as often as every other one.
            for slot in 0..slots {
                for client in clients {
                    let count = all.iter().filter(|combination| combination[slot] == *client).count();
                    assert_eq!(count, expected / clients.len(), "client {client} as actor {slot} of {slots}");
                }
            }
        }
    }
}

#[test]
fn lots_follow_the_seed_and_reach_everybody() {
    let draw = |seed| assign::random(&[2, 4, 6], 200, &mut ChaCha20Rng::seed_from_u64(seed));
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert_eq!(draw(1).len(), 200);
    assert_eq!(draw(1).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([2, 4, 6]));
}

#[test]
fn suites_come_with_those_who_support_them() {
    let (first, second) = (BTreeSet::from([1, 2]), BTreeSet::from([2, 3]));
    let supported = [&first, &second];
    let all = assign::suites(&supported, &[]).unwrap();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [(1, vec![0]), (2, vec![0, 1]), (3, vec![1])]);
    let some = assign::suites(&supported, &[2]).unwrap();
    assert_eq!(some.into_iter().collect::<Vec<_>>(), [(2, vec![0, 1])]);
    assert_eq!(
        assign::suites(&supported, &[2, 4]).unwrap_err(),
        "none of the clients supports cipher suite 4"
    );
}

#[test]
fn random_histories_are_sound_and_follow_the_seed() {
    let mut actions = BTreeSet::new();
    for seed in 0..20 {
        let arguments = random::Arguments { steps: 400, members: 8, seed };
        let text = random::script(&arguments);
        assert_eq!(text, random::script(&arguments));
        let scripts = parse("random", &text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(scripts[0].steps.len() >= 400);
        actions.extend(scripts[0].sources.iter().map(|step| step["action"].as_str().unwrap().to_owned()));
    }
    assert_eq!(actions.len(), 23, "{actions:?}");
}

#[test]
fn our_own_scripts_are_sound_and_have_every_action() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
    let mut actions = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        for script in super::config::read(&entry.unwrap().path()).unwrap() {
            actions.extend(script.sources.iter().map(|step| step["action"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(actions.len(), 23, "{actions:?}");
}
