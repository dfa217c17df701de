//! A Welcome without the tree is smaller. The joiner must obtain the tree in another way, and
//! rejects a wrong tree.

use crate::group_fixture::{GroupFixture, Member, Newcomer, client, suites};
use crate::successors::newcomers;
use pando_mls::{Created, Extensions, Group, GroupError, Missing, Rows, Successor, TreeError};

#[test]
fn a_tree_can_come_another_way() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let (newcomer, old) = (fixture.newcomer(), fixture.tree().export().unwrap());
        let (_, welcome) = fixture.commit(0, |builder| builder.add(newcomer.key_package()).without_tree());
        let (welcome, tree) = (welcome.unwrap(), fixture.tree().export().unwrap());
        let join = |tree: Option<&[u8]>| {
            let cx = client(&*newcomer.signer);
            Group::join(&welcome, &newcomer.bundle, tree, &cx).map(|_| ()).unwrap_err()
        };
        assert_eq!(join(None), GroupError::Missing(Missing::Tree));
        assert!(matches!(join(Some(&old)), GroupError::Tree(TreeError::TreeHash)));
        fixture.members.push(newcomer.join(&welcome, Some(&tree), fixture.config).unwrap());
        fixture.agree();
        fixture.chat(3);
    }
}

/// Shows the same for branches and for reinitialized groups, whether or not their first Commit has
/// a path.
#[test]
fn so_can_the_tree_of_a_branch() {
    for (suite, path) in suites().flat_map(|suite| [(suite, false), (suite, true)]) {
        let mut fixture = GroupFixture::of(suite, 3);
        let mut new = newcomers(&mut fixture, suite, 3);
        let Newcomer { signer, bundle } = new.pop().unwrap();
        let leaf_key = bundle.key_package.leaf_node.encryption_key.clone();
        let key_packages = new.iter().map(Newcomer::key_package).collect();
        let successor = Successor::new(bundle, key_packages).with_path(path).with_tree_in_welcome(false);
        let (old, id) = (&fixture.members[0].group, "branch");
        let created = old.branch(id, Extensions::default(), successor, &client(&*signer), &mut fixture.rng);
        let mut rows = Rows::new();
        let Created { group, welcome } = created.unwrap().persist_to(&mut rows).unwrap();
        let (welcome, tree) = (welcome.unwrap(), group.public().tree().export().unwrap());
        let own = group.public().tree().leaf(group.own_leaf()).unwrap().unwrap();
        assert_eq!(own.encryption_key != leaf_key, path);

        let mut members = vec![Member { signer, group, rows }];
        for (newcomer, old) in new.into_iter().zip([1, 2]) {
            let (Newcomer { signer, bundle }, old) = (newcomer, &fixture.members[old].group);
            let join = |tree| old.join_successor(&welcome, &bundle, tree, &client(&*signer));
            assert_eq!(join(None).map(|_| ()).unwrap_err(), GroupError::Missing(Missing::Tree));
            let joined = join(Some(&*tree)).unwrap();
            members.push(Member::new(signer, joined));
        }
        crate::successors::lives_on(fixture, members);
    }
}
