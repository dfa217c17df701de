//! A server follows a group: it has none of its secrets and checks all that can be checked without, so that it can
//! refuse a Commit that members would refuse, tell who is in the group, and help others to join.
//!
//! For this, the members send Commits and proposals in public. What they write to each other stays secret.

mod people;

use pando_mls::*;
use people::{Member, Outcome, Person, SUITE, assert_agreement, suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The server's copy of the group, and its store.
struct Server {
    group: PublicGroup,
    rows: Rows,
}

impl Server {
    /// Begins with what a member tells.
    fn new(suite: Suite, group_info: &GroupInfo) -> Outcome<Self> {
        let group = PublicGroup::new(suite, group_info, None, &BasicIdentities, Limits::default())?;
        let mut rows = Rows::new();
        Ok(Self { group: group.persist_to(&mut rows)?, rows })
    }

    /// Checks a message, and follows it if it is a Commit. One that is accepted is for all members.
    ///
    /// A Commit comes with a GroupInfo of the epoch that it begins. Without it, the server cannot
    /// tell whether the Commit was altered on its way: the confirmation tag takes secrets to verify.
    fn receive(&mut self, message: &MlsMessage, group_info: Option<&GroupInfo>) -> Outcome {
        let processed = self.group.process(message.clone(), &BasicIdentities, &DefaultRules, None)?;
        if let PublicProcessed::Commit(staged) = processed.persist_to(&mut self.rows)? {
            let group_info = group_info.ok_or("the Commit comes without a GroupInfo")?;
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

/// Sends handshakes in public.
fn person(name: &str, suite: Suite, rng: &mut dyn CryptoRng) -> Outcome<Person> {
    let mut person = Person::new(name, suite, rng)?;
    let config = GroupConfig::default().with_encrypt_handshakes(false);
    person.client = person.client.with_config(config);
    Ok(person)
}

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = person("Alice", suite, &mut rng)?.create("town hall", suite, &mut rng)?;
    let mut server = Server::new(suite, &alice.group.group_info().build(&alice.person.cx())?)?;

    // Alice adds Bob. The server accepts the Commit, so she enters its epoch, and Bob gets the Welcome.
    let bob = person("Bob", suite, &mut rng)?;
    let bundle = bob.key_package(suite, &mut rng)?;
    let key_package = bundle.key_package.clone();
    let builder = alice.group.commit().add(key_package).with_group_info();
    let output = builder.build(&alice.person.cx(), &mut rng)?.persist_to(&mut alice.rows)?;
    server.receive(&output.message, output.group_info.as_ref())?;
    alice.receive(&output.message)?;
    let welcome = output.welcome.ok_or("a member was added, and there is no Welcome")?;
    let mut bob = bob.join(&welcome, &bundle)?;
    println!("The server sees: {}.", server.names().join(", "));

    // Carol joins with the tree that the server has; the rest she has from Bob.
    let carol = person("Carol", suite, &mut rng)?;
    let group_info = bob.group.group_info().without_tree().build(&bob.person.cx())?;
    let tree = server.group.public().tree().export()?;
    let (tree, template) = (Some(&*tree), carol.leaf());
    let join = ExternalJoin::new(&group_info, template).tree(tree);
    let mut rows = Rows::new();
    let (group, commit) = join.build(&carol.cx(), &mut rng)?.persist_to(&mut rows)?;
    let mut carol = Member { person: carol, group, rows };
    // She describes the epoch that her Commit begins. She is a member when the server has taken both.
    let group_info = carol.group.group_info().without_tree().build(&carol.person.cx())?;
    server.receive(&commit, Some(&group_info))?;
    carol.group.merge_pending()?.persist_to(&mut carol.rows)?;
    alice.receive(&commit)?;
    bob.receive(&commit)?;
    println!("The server sees: {}.", server.names().join(", "));

    // The same Commit once more belongs to an epoch that is over.
    assert!(server.receive(&commit, Some(&group_info)).is_err());
    // Application messages are not for the server.
    let message = bob.send("Nobody else hears this.", &mut rng)?;
    assert!(server.receive(&message, None).is_err());
    assert_eq!(alice.receive(&message)?.as_deref(), Some("Nobody else hears this."));

    // The server can stop, and begin again with what it has stored.
    let loaded = PublicGroup::load(&server.rows, &RustCrypto, &BasicIdentities, Limits::default())?;
    assert_eq!(loaded.public().context(), alice.group.public().context());
    assert_eq!(server.names(), ["Alice", "Bob", "Carol"]);
    assert_agreement([&alice, &bob, &carol]);
    println!("The server and all members are in epoch {}.", alice.group.epoch());
    Ok(())
}
