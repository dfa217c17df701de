//! A server follows a group without knowing its secrets. The server performs all checks that need
//! no secrets. The server can therefore reject Commits that members would reject, list the members,
//! and send the tree to joiners.
//!
//! To make this possible, the members send Commits and proposals as PublicMessages. Application
//! messages stay encrypted.

mod common;

use common::{Member, Outcome, SUITE, User, assert_agreement, suite};
use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The server's copy of the group, together with its store.
struct Server {
    group: PublicGroup,
    rows: Rows,
}

impl Server {
    /// Creates the server's copy of the group from a member's GroupInfo.
    fn new(suite: Suite, group_info: &GroupInfo) -> Outcome<Self> {
        let group = PublicGroup::new(suite, group_info, None, &BasicIdentities, Limits::default())?;
        let mut rows = Rows::new();
        Ok(Self { group: group.persist_to(&mut rows)?, rows })
    }

    /// Validates a message. If it is a Commit, enters the new epoch. The server forwards accepted
    /// messages to all members.
    ///
    /// A Commit is accompanied by a GroupInfo of the epoch that it begins. Without this GroupInfo,
    /// the server could not detect that the Commit was altered, because verifying the confirmation
    /// tag requires secrets.
    fn receive(&mut self, message: &MlsMessage, group_info: Option<&GroupInfo>) -> Outcome {
        let processed = self.group.process(message.clone(), &BasicIdentities, &DefaultRules, None)?;
        if let PublicProcessed::Commit(staged) = processed.persist_to(&mut self.rows)? {
            let group_info = group_info.ok_or("the Commit has no GroupInfo")?;
            self.group.merge(&staged, group_info)?.persist_to(&mut self.rows)?;
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        let public = self.group.public();
        let credentials = public.tree().members().filter_map(|leaf| public.credential(leaf.ok()?).ok()?);
        credentials
            .filter_map(|credential| match credential {
                Credential::Basic { identity } => String::from_utf8(identity.to_vec()).ok(),
                _ => None,
            })
            .collect()
    }
}

/// Returns a user that sends proposals and Commits as PublicMessages.
fn user(name: &str, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<User> {
    let mut user = User::new(name, suite, rng)?;
    let config = GroupConfig::default().with_encrypt_handshakes(false);
    user.client = user.client.with_config(config);
    Ok(user)
}

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = user("Alice", suite, &mut rng)?.create("town hall", suite, &mut rng)?;
    let mut server = Server::new(suite, &alice.group.group_info().build(&alice.user.cx())?)?;

    // Alice adds Bob. The server accepts her Commit, so she enters the new epoch, and Bob receives
    // the Welcome.
    let bob = user("Bob", suite, &mut rng)?;
    let bundle = bob.key_package(suite, &mut rng)?;
    let key_package = bundle.key_package.clone();
    let builder = alice.group.commit().add(key_package).with_group_info();
    let output = builder.build(&alice.user.cx(), &mut rng)?.persist_to(&mut alice.rows)?;
    server.receive(&output.message, output.group_info.as_ref())?;
    alice.receive(&output.message)?;
    let welcome = output.welcome.ok_or("the Commit adds a member, but has no Welcome")?;
    let mut bob = bob.join(&welcome, &bundle)?;
    println!("The server sees: {}.", server.names().join(", "));

    // Carol joins, using the server's tree and Bob's GroupInfo.
    let carol = user("Carol", suite, &mut rng)?;
    let group_info = bob.group.group_info().without_tree().build(&bob.user.cx())?;
    let tree = server.group.public().tree().export()?;
    let (tree, template) = (Some(&*tree), carol.leaf());
    let join = ExternalJoin::new(&group_info, template).tree(tree);
    let mut rows = Rows::new();
    let (group, commit) = join.build(&carol.cx(), &mut rng)?.persist_to(&mut rows)?;
    let mut carol = Member { user: carol, group, rows };
    // Carol sends her Commit with a GroupInfo of the epoch that it begins. She merges the Commit
    // once the server has accepted both.
    let group_info = carol.group.group_info().without_tree().build(&carol.user.cx())?;
    server.receive(&commit, Some(&group_info))?;
    carol.group.merge_pending()?.persist_to(&mut carol.rows)?;
    alice.receive(&commit)?;
    bob.receive(&commit)?;
    println!("The server sees: {}.", server.names().join(", "));

    // The server rejects the same Commit when it arrives again, because its epoch has ended.
    assert!(server.receive(&commit, Some(&group_info)).is_err());
    // The server rejects application messages.
    let message = bob.send("Nobody else hears this.", &mut rng)?;
    assert!(server.receive(&message, None).is_err());
    assert_eq!(alice.receive(&message)?.as_deref(), Some("Nobody else hears this."));

    // After a restart, the server loads the group from its store.
    let loaded = PublicGroup::load(&server.rows, &RustCrypto, &BasicIdentities, Limits::default())?;
    assert_eq!(loaded.public().context(), alice.group.public().context());
    assert_eq!(server.names(), ["Alice", "Bob", "Carol"]);
    assert_agreement([&alice, &bob, &carol]);
    println!("The server and all members are in epoch {}.", alice.group.epoch());
    Ok(())
}
