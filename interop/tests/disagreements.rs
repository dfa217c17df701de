//! The disagreements that `docs/interop.md` lists. If one of these tests fails with a newer version
//! of a peer, remove its entry in `src/library/mod.rs`.

use pando_mixed::library;
use pando_mixed::member::{Client, Commit, EXTENSION, Kind, Member, Outcome, PSKS, Proposal, Setting};
use pando_mls::{Encode, Extension, ExtensionType, Extensions};

struct Person {
    client: Box<dyn Client>,
    member: Option<Box<dyn Member>>,
}

/// Returns the result, or panics with the error of the implementation.
fn must<T>(outcome: Outcome<T>) -> T {
    match outcome {
        Ok(result) => result,
        Err(refusal) => panic!("{refusal}"),
    }
}

/// Returns the error of an implementation, or panics if there is none.
fn refusal<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Ok(_) => panic!("not refused"),
        Err(refusal) => refusal.0,
    }
}

impl Person {
    fn member(&mut self) -> &mut dyn Member {
        &mut **self.member.as_mut().unwrap()
    }
}

fn commit_of(by_value: Vec<Proposal>) -> Commit {
    Commit { by_value, path: true, tree_inside: true, authenticated_data: Vec::new() }
}

/// Returns a group of clients of these implementations. The first has added the others.
fn group(libraries: &[&str]) -> Vec<Person> {
    let setting = Setting { suite: 1, encrypt: false };
    let mut people: Vec<_> = libraries
        .iter()
        .zip(0..)
        .map(|(name, number)| {
            let identity = format!("{number}");
            let client = must(library::named(name).unwrap().client(identity.as_bytes(), setting, number));
            Person { client, member: None }
        })
        .collect();
    let adds =
        people[1..].iter_mut().map(|person| Proposal::Add(must(person.client.key_package()))).collect();
    people[0].member = Some(must(people[0].client.create(b"group", &must_encode(&Extensions::default()))));
    let committed = must(people[0].member().commit(&commit_of(adds)));
    must(people[0].member().merge_pending());
    for person in &mut people[1..] {
        person.member = Some(must(person.client.join(committed.welcome.as_deref().unwrap(), None)));
    }
    people
}

fn must_encode(extensions: &Extensions) -> Vec<u8> {
    extensions.encode().unwrap()
}

/// Lets the member at a leaf commit proposals, and all remaining members process the Commit.
fn commit(people: &mut [Person], by: usize, by_value: Vec<Proposal>, but: Option<usize>) {
    let committed = must(people[by].member().commit(&commit_of(by_value)));
    must(people[by].member().merge_pending());
    for taker in (0..people.len()).filter(|taker| *taker != by && Some(*taker) != but) {
        must(people[taker].member().process(&committed.commit));
    }
}

/// Lets one member commit a PSK by value and another's PSK by reference. Returns the result of the
/// other member.
fn psks_both_ways(committer: &str, taker: &str) -> Outcome {
    let mut people = group(&[committer, taker]);
    let psk = |number: usize| Proposal::ExternalPsk(PSKS[number].0.to_vec());
    let proposal = must(people[1].member().propose(&psk(0), b""));
    must(people[0].member().process(&proposal));
    let committed = must(people[0].member().commit(&commit_of(vec![psk(1)])));
    people[1].member().process(&committed.commit).map(drop)
}

#[test]
fn openmls_derives_psks_in_another_order_than_it_lists_them() {
    assert!(refusal(psks_both_ways("openmls", "openmls")).contains("ConfirmationTagMismatch"));
    assert!(refusal(psks_both_ways("openmls", "pando")).contains("ConfirmationTag"));
    assert!(refusal(psks_both_ways("openmls", "mls-rs")).contains("InvalidConfirmationTag"));
    must(psks_both_ways("pando", "openmls"));
    must(psks_both_ways("mls-rs", "openmls"));
    must(psks_both_ways("pando", "mls-rs"));
    must(psks_both_ways("mls-rs", "pando"));
}

#[test]
fn openmls_wants_extensions_to_be_required() {
    let extension =
        Extension { extension_type: ExtensionType(EXTENSION), extension_data: b"x".as_slice().into() };
    let extensions = Proposal::Extensions(must_encode(&Extensions(vec![extension])));
    for (taker, refused) in [("openmls", true), ("mls-rs", false)] {
        let mut people = group(&["pando", taker]);
        let committed = must(people[0].member().commit(&commit_of(vec![extensions.clone()])));
        let taken = people[1].member().process(&committed.commit);
        if refused {
            assert!(refusal(taken).contains("ExtensionNotInRequiredCapabilities"));
        } else {
            must(taken);
        }
    }
}

#[test]
fn mls_rs_refuses_late_messages_of_former_members() {
    let mut people = group(&["pando", "pando", "mls-rs", "openmls"]);
    let message = must(people[1].member().encrypt(b"before I go", b""));
    commit(&mut people, 0, vec![Proposal::Remove(1)], Some(1));
    must(people[0].member().process(&message));
    must(people[3].member().process(&message));
    assert!(refusal(people[2].member().process(&message)).contains("MemberNotFound"));
}

#[test]
fn mls_rs_cannot_reinitialize_a_group_with_blank_leaves() {
    for (blanks, library) in [(false, "mls-rs"), (true, "mls-rs"), (true, "pando")] {
        let mut people = group(&["pando", "pando", library]);
        if blanks {
            commit(&mut people, 0, vec![Proposal::Remove(1)], Some(1));
            people.remove(1);
        }
        let extensions = must_encode(&Extensions::default());
        commit(&mut people, 0, vec![Proposal::ReInit(b"next".to_vec(), extensions)], None);
        let creator = people.len() - 1;
        let others = people[..creator].iter_mut();
        let key_packages: Vec<_> = others.map(|person| must(person.client.key_package())).collect();
        let created = people[creator].member().succeed(Kind::ReInit, b"", &key_packages);
        if blanks && library == "mls-rs" {
            assert_eq!(refusal(created), "NotASubgroup");
        } else {
            must(created);
        }
    }
}
