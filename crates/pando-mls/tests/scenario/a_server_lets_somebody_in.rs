//! A server keeps the tree and sends it to joiners. Joiners are clients that join by an external
//! Commit, and clients whose Welcome is small because it does not contain the tree.

use crate::group_fixture::{GroupFixture, suites};
use crate::server::Server;

#[test]
fn a_server_lets_somebody_in_from_outside() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        let mut server = Server::of(&fixture);
        for _ in 0..2 {
            let (commit, _) = fixture.commit(0, |builder| builder);
            server.follow(&commit);
            // The GroupInfo that the members send to the server is small, because it does not
            // contain the tree.
            let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(false));
            let tree = server.tree();
            let (member, message) =
                fixture.external(newcomer, &group_info, Some(&tree), None, vec![]).unwrap();
            server.follow(&message);
            fixture.deliver_commit(usize::MAX, &message);
            fixture.members.push(member);
            fixture.agree();
            server.agrees_with(&fixture);
        }
        fixture.chat(3);
    }
}

#[test]
fn a_server_gives_the_tree_to_who_is_welcomed() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        let mut server = Server::of(&fixture);
        for by in [0, 2] {
            let newcomer = fixture.newcomer();
            let (commit, welcome) =
                fixture.commit(by, |builder| builder.add(newcomer.key_package()).without_tree());
            server.follow(&commit);
            let tree = server.tree();
            fixture.members.push(newcomer.join(&welcome.unwrap(), Some(&tree), fixture.config).unwrap());
            fixture.agree();
            server.agrees_with(&fixture);
        }
        fixture.chat(3);
    }
}
