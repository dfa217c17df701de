//! A server keeps the tree and sends it to joiners: to clients that join by an external Commit, and
//! to those whose Welcome is small because it has no tree.

use crate::server::Server;
use crate::world::{World, suites};

#[test]
fn a_server_lets_somebody_in_from_outside() {
    for suite in suites() {
        let mut world = World::public(suite);
        world.add(0, 1);
        let mut server = Server::of(&world);
        for _ in 0..2 {
            let (commit, _) = world.commit(0, |builder| builder);
            server.follow(&commit);
            // The GroupInfo that the members give to the server is small.
            let (newcomer, group_info) = (world.newcomer(), world.members[0].group_info(false));
            let tree = server.tree();
            let (member, message) = world.external(newcomer, &group_info, Some(&tree), None, vec![]).unwrap();
            server.follow(&message);
            world.deliver_commit(usize::MAX, &message);
            world.members.push(member);
            world.agree();
            server.agrees_with(&world);
        }
        world.chat(3);
    }
}

#[test]
fn a_server_gives_the_tree_to_who_is_welcomed() {
    for suite in suites() {
        let mut world = World::public(suite);
        world.add(0, 1);
        let mut server = Server::of(&world);
        for by in [0, 2] {
            let newcomer = world.newcomer();
            let (commit, welcome) =
                world.commit(by, |builder| builder.add(newcomer.key_package()).without_tree());
            server.follow(&commit);
            let tree = server.tree();
            world.members.push(newcomer.join(&welcome.unwrap(), Some(&tree), world.config).unwrap());
            world.agree();
            server.agrees_with(&world);
        }
        world.chat(3);
    }
}
