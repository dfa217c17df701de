//! A lazily loaded group creates many Commits. The memory for deleted keys does not grow with the
//! number of Commits. The memory stays bounded even if the rows are not written to the store from
//! which the group was opened.

use crate::group_fixture::{GroupFixture, Member, Newcomer, client, suite};
use crate::one_leaf_for_each_identity::OneLeafEach;
use pando_mls::{Credential, Group, LeafIndex, Processed, RowKey, RowSource, Rows, SecretBytes, SourceError};
use std::sync::{Arc, Mutex};

/// Rows that may change while the group is open.
struct Shared(Mutex<Rows>);

impl RowSource for Shared {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.0.lock().unwrap().row(key)
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        RowSource::range(&*self.0.lock().unwrap(), first, last)
    }
}

fn copy(rows: &Rows) -> Rows {
    rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}

/// Returns a newcomer with a unique name.
fn named(fixture: &mut GroupFixture, name: u64) -> Newcomer {
    let identity = name.to_be_bytes().as_slice().into();
    fixture.newcomer_with(|template| template.credential = Credential::Basic { identity })
}

#[test]
fn what_is_gone_is_forgotten() {
    for store_follows in [true, false] {
        let mut fixture = GroupFixture::new(suite(1));
        let others: Vec<_> = (1..8).map(|name| named(&mut fixture, name)).collect();
        let (_, welcome) = fixture.commit(0, |builder| {
            others.iter().fold(builder, |builder, other| builder.add(other.key_package()))
        });
        for other in others {
            fixture.enter(other, welcome.as_ref().unwrap());
        }
        for by in 0..8 {
            fixture.commit(by, |builder| builder);
        }
        fixture.members.truncate(2);
        let Member { signer, rows, group } = &mut fixture.members[1];
        let cx = client(&**signer).with_policy(&OneLeafEach).with_config(*group.config());
        Group::load(rows, &cx).unwrap().take_delta().persist_to(rows).unwrap();
        let source = Arc::new(Shared(Mutex::new(copy(rows))));
        *group = Group::open(source.clone(), &cx).unwrap();
        for round in 0..200 {
            // Each round adds a different client at the last leaf.
            let newcomer = named(&mut fixture, 100 + round).key_package();
            let (commit, _) = fixture.build(0, |builder| builder.remove(LeafIndex(7)).add(newcomer)).unwrap();
            fixture.members[0].merge_pending();
            let member = &mut fixture.members[1];
            match member.process_with(&commit, &OneLeafEach).unwrap() {
                Processed::Commit(staged) => drop(member.merge(*staged)),
                other => panic!("not a Commit: {other:?}"),
            }
            // The store that the group reads from does not contain the last Commit yet.
            if round % 10 == 0 {
                assert_eq!(member.group.rows().unwrap(), member.rows);
            }
            if store_follows {
                *source.0.lock().unwrap() = copy(&member.rows);
            }
            let public = member.group.public();
            let (encryption, signature) = public.tree().index_sizes();
            // In this debug output, only the index of clients contains entries.
            let clients = format!("{public:?}").matches("Entry {").count();
            // The bound covers the current members, the members at the time of opening, and a few
            // more entries.
            let few = 80;
            assert!(encryption <= 2 * 15 + few, "{encryption}");
            assert!(signature <= 2 * 8 + few && clients <= 2 * 8 + few, "{signature} {clients}");
            assert!(round == 0 || clients > 1, "{clients}");
        }
    }
}
