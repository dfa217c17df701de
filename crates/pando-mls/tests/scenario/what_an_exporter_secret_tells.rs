//! The exporter secret of an epoch does not reveal that of the next epoch. Nor can an exporter
//! secret be derived from state that is stored later.

use crate::group_fixture::{GroupFixture, Member, external_psk, suites};
use crate::secrets::secrets;
use pando_mls::{Group, Suite};
use std::collections::BTreeSet;

fn exporter(member: &Member) -> Vec<u8> {
    let stored = secrets(&member.rows).into_iter().find(|stored| stored.name == "exporter_secret");
    stored.unwrap().secret.expose().to_vec()
}

fn exported(group: &Group) -> Vec<u8> {
    group.export("label", b"context", 32).unwrap().expose().to_vec()
}

/// Computes `MLS-Exporter` with an arbitrary secret in place of the exporter secret (section 8.5).
fn export_with(suite: Suite, secret: &[u8]) -> Option<Vec<u8>> {
    let derived = suite.derive_secret(secret, "label").ok()?;
    let context = suite.hash(&[b"context"]);
    let exported = suite.expand_with_label(derived.expose(), "exported", &context, 32).ok()?;
    Some(exported.expose().to_vec())
}

/// Returns a secret and all values that can be derived from it by one step of the key schedule
/// (section 8, table 4).
fn one_step(suite: Suite, secret: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let labels = [
        "sender data",
        "encryption",
        "exporter",
        "external",
        "confirm",
        "membership",
        "resumption",
        "authentication",
        "init",
        "path",
        "node",
        "welcome",
    ];
    let derived: Vec<_> = labels
        .into_iter()
        .filter_map(|label| Some(suite.derive_secret(secret, label).ok()?.expose().to_vec()))
        .collect();
    derived.into_iter().chain([secret.to_vec()])
}

fn story(suite: Suite) {
    let mut fixture = GroupFixture::of(suite, 3);
    fixture.chat(1);
    let (mut exporters, mut exports) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..4 {
        // Control: the exported value can be derived from the exporter secret, so the following
        // search is able to find it.
        let (secret, export) = (exporter(&fixture.members[0]), exported(&fixture.members[0].group));
        assert_eq!(export_with(suite, &secret).unwrap(), export);
        assert!(exporters.insert(secret.clone()) && exports.insert(export.clone()));

        match round {
            0 => fixture.commit(1, |builder| builder),
            1 => fixture.commit(2, |builder| builder.psk(external_psk(1)).without_path()),
            2 => fixture.commit(0, |builder| builder.psk(external_psk(2))),
            _ => fixture.commit(1, |builder| builder),
        };
        let later = exported(&fixture.members[0].group);
        // Forwards: no value that is derived from the old secret is a secret of the new epoch.
        let follows: BTreeSet<_> = one_step(suite, &secret).collect();
        for member in &fixture.members {
            for stored in secrets(&member.rows) {
                assert!(!follows.contains(stored.secret.expose()), "{}", stored.name);
            }
        }
        assert!(follows.iter().all(|secret| export_with(suite, secret) != Some(later.clone())));
        // Backwards: no stored secret equals the old secret or can be derived from it.
        for member in &fixture.members {
            for stored in secrets(&member.rows) {
                for derived in one_step(suite, stored.secret.expose()) {
                    assert_ne!(derived, secret, "{}", stored.name);
                    assert_ne!(derived, export, "{}", stored.name);
                    assert_ne!(export_with(suite, &derived).as_ref(), Some(&export), "{}", stored.name);
                }
            }
        }
    }
}

#[test]
fn an_exporter_secret_is_for_one_epoch() {
    suites().for_each(story);
}
