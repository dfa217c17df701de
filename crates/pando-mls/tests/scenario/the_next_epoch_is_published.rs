//! A committer sends the server a GroupInfo of the next epoch. A client joins with this GroupInfo
//! as soon as the Commit is accepted.

use crate::group_fixture::{GroupFixture, client, fast_suites};

#[test]
fn the_next_epoch_is_published() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 2);
        for by in [0, 1] {
            let newcomer = fixture.newcomer();
            let member = &mut fixture.members[by];
            let output = member
                .group
                .commit()
                .with_group_info()
                .build(&client(&*member.signer), &mut fixture.rng)
                .unwrap()
                .persist_to(&mut member.rows)
                .unwrap();
            let group_info = output.group_info.unwrap();
            fixture.deliver_commit(by, &output.message);
            assert_eq!(group_info.group_context, *fixture.members[0].group.public().context());
            // The joiner obtains the tree from the server.
            let tree = fixture.members[2].group.public().tree().export().unwrap();
            let (joined, message) =
                fixture.external(newcomer, &group_info, Some(&tree), None, vec![]).unwrap();
            fixture.deliver_commit(usize::MAX, &message);
            fixture.members.push(joined);
            fixture.agree();
            fixture.chat(by);
        }
    }
}
