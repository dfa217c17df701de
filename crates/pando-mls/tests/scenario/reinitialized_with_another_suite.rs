//! A group moves to another cipher suite: the group ends, one member creates the agreed successor,
//! and all others join it.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::{extensions, reinit};
use crate::successors::{Way, create, key_packages, lives_on, newcomers, reinitialize};
use pando_mls::{BasicIdentities, GroupId};

#[test]
fn a_group_is_reinitialized_with_another_cipher_suite() {
    for (old, new) in suites().zip(suites().skip(1).chain(suites())) {
        let mut fixture = GroupFixture::of(old, 3);
        // The committer of the ReInit need not be the creator of the successor group.
        let by = usize::from(old.cipher_suite().0 % 2);
        reinitialize(&mut fixture, by, reinit(new, extensions(&[0xf0f0])));
        let mut newcomers = newcomers(&mut fixture, new, 3);
        let (creator, key_packages) = (newcomers.pop().unwrap(), key_packages(&newcomers));
        let (creator, welcome) =
            create(&mut fixture, 0, Way::Reinitialized, creator, key_packages, &BasicIdentities).unwrap();
        let context = creator.group.public().context();
        assert_eq!((context.epoch, &context.group_id), (1, &GroupId::from(b"next".as_slice())));
        assert_eq!((context.cipher_suite, &context.extensions), (new.cipher_suite(), &extensions(&[0xf0f0])));
        let mut members = vec![creator];
        for (newcomer, old) in newcomers.into_iter().zip([1, 2]) {
            members.push(newcomer.join_successor(&welcome, &fixture.members[old]).unwrap());
        }
        lives_on(fixture, members);
    }
}
