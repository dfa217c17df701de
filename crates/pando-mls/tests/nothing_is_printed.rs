//! Shows that debug output and errors contain no secrets. The tests print every public type that
//! contains a secret, and search the output for the secrets in all common formats.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[path = "support/secrets.rs"]
mod secrets;

use pando_framing::{FramingError, SignedContent, open_private, reopen};
use pando_mls::wire::{
    AuthenticatedContent, Content, FramedContent, GroupSecrets, PathSecret, PrivateMessageContent, Sender,
    TreeSize, WireFormat,
};
use pando_mls::*;
use pando_schedule::*;
use pando_tree::PrivateKeys;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(AdmitAll));

/// Debug outputs, keyed by type name, and the secrets that they must not contain.
#[derive(Default)]
struct Printed {
    texts: Vec<(&'static str, String)>,
    secrets: Vec<Vec<u8>>,
}

impl Printed {
    fn print(&mut self, name: &'static str, value: &dyn Debug) {
        self.texts.push((name, format!("{value:?}")));
        self.texts.push((name, format!("{value:#?}")));
        self.texts.push((name, format!("{value:x?}")));
    }

    fn secret(&mut self, secret: &[u8]) {
        assert!(secret.len() >= 8);
        self.secrets.push(secret.to_vec());
    }

    /// Prints a value that contains this secret.
    fn holder(&mut self, name: &'static str, value: &dyn Debug, secret: &[u8]) {
        self.print(name, value);
        self.secret(secret);
    }

    /// Returns the types whose output contains a secret.
    fn leaks(&self) -> BTreeSet<&'static str> {
        let forms = self.secrets.iter().flat_map(|secret| forms(secret));
        let needles: Vec<_> = forms.map(|form| normal(&form)).collect();
        let leak = |text: &str| {
            let text = normal(text);
            needles.iter().any(|needle| text.contains(needle))
        };
        self.texts.iter().filter(|(_, text)| leak(text)).map(|(name, _)| *name).collect()
    }
}

/// Returns a text without whitespace, so that output on one line equals output on several lines.
fn normal(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Returns parts of a secret in several formats: eight bytes each from its beginning, its middle
/// and its end.
fn forms(secret: &[u8]) -> Vec<String> {
    let starts = [0, (secret.len() - 8) / 2, secret.len() - 8];
    let parts = starts.into_iter().map(|start| &secret[start..start + 8]);
    let mut forms: Vec<_> = parts
        .flat_map(|part| {
            let join =
                |each: fn(&u8) -> String, between| part.iter().map(each).collect::<Vec<_>>().join(between);
            [
                join(|byte| format!("{byte:02x}"), ""),
                join(|byte| format!("{byte:02X}"), ""),
                join(|byte| format!("{byte:02x}"), ":"),
                join(|byte| format!("{byte}"), ","),
                join(|byte| format!("{byte:x}"), ","),
                join(|byte| format!("0x{byte:02x}"), ","),
                // Add the part as text with escapes.
                part.escape_ascii().to_string(),
            ]
        })
        .collect();
    // The last characters of the Base64 form depend on the bytes that follow.
    for alphabet in ["+/", "-_"] {
        let text = base64(secret, alphabet);
        forms.push(text[..10].to_owned());
    }
    forms
}

fn base64(bytes: &[u8], last: &str) -> String {
    let letters = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last.chars()).collect::<Vec<_>>();
    let bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let number = |six: &[bool]| six.iter().fold(0, |number, bit| number * 2 + usize::from(*bit));
    bits.chunks_exact(6).map(|six| letters[number(six)]).collect()
}

#[test]
fn a_secret_that_is_printed_is_found() {
    #[derive(Debug)]
    struct Careless {
        _secret: Vec<u8>,
    }
    let secret: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(29) ^ 0x6b).collect();
    let careless = Careless { _secret: secret.clone() };
    for text in [
        format!("{careless:?}"),
        format!("{careless:#?}"),
        format!("{careless:x?}"),
        format!("{:?}", Opaque::from(secret.as_slice())),
        format!("an error: {}", base64(&secret, "+/")),
        format!("an error: {}", secret.escape_ascii()),
    ] {
        let printed = Printed { texts: vec![("it", text.clone())], secrets: vec![secret.clone()] };
        assert!(printed.leaks().contains("it"), "{text}");
    }
    // Search for a secret text with spaces.
    for text in [TEXT.escape_ascii().to_string(), format!("{:?}", String::from_utf8_lossy(TEXT))] {
        let printed = Printed { texts: vec![("it", text.clone())], secrets: vec![TEXT.to_vec()] };
        assert!(printed.leaks().contains("it"), "{text}");
    }
    let other = Printed { texts: vec![("it", format!("{careless:?}"))], secrets: vec![vec![7; 32]] };
    assert!(other.leaks().is_empty());
}

/// Returns a secret whose bytes differ from those of secrets of any other kind.
fn some(length: usize, kind: u8) -> Vec<u8> {
    (0..length).map(|place| (place as u8).wrapping_mul(13) ^ kind.wrapping_mul(71) ^ 0x95).collect()
}

macro_rules! print_secret_types {
    ($printed:ident: $($name:ident)*) => {{
        let mut kind = 0;
        $(
            kind += 1;
            let secret = some(32, kind);
            $printed.holder(stringify!($name), &$name::from(secret.clone()), &secret);
        )*
    }};
}

/// Prints the types that consist only of a secret.
fn print_secrets(printed: &mut Printed) {
    use pando_crypto::{AeadKey, AeadNonce};
    use pando_schedule::WelcomeSecret;
    print_secret_types!(printed:
        SecretBytes HpkePrivateKey SignaturePrivateKey AeadKey AeadNonce
        InitSecret CommitSecret JoinerSecret IntermediateSecret EpochSecret SenderDataSecret EncryptionSecret
        ExporterSecret ExternalSecret ConfirmationKey MembershipKey ResumptionPsk EpochAuthenticator
        PskValue PskSecret WelcomeSecret
    );
}

fn client(signer: &dyn Signer) -> Context<'_> {
    CLIENT.without_clock(signer)
}

/// Prints the building blocks of groups.
fn print_parts(printed: &mut Printed, suite: Suite, rng: &mut ChaCha20Rng) {
    let key_pair = suite.hpke_generate_key_pair(rng).unwrap();
    printed.holder("HpkeKeyPair", &key_pair, key_pair.private.expose());
    let epoch = EpochSecret::random(suite, rng).derive(suite).unwrap();
    printed.holder("EpochSecrets", &epoch, epoch.init.expose());
    printed.secret(epoch.encryption.expose());
    let size = TreeSize::with_leaves(4).unwrap();
    let mut secret_tree = SecretTree::new(size, epoch.encryption, RatchetLimits::default());
    printed.print("SecretTree", &secret_tree);
    let (_, key) = secret_tree.take_next(suite, LeafIndex(1), RatchetType::Application).unwrap();
    printed.holder("MessageKey", &key, key.key.expose());
    let ((), used) = secret_tree
        .open(suite, LeafIndex(2), RatchetType::Application, 5, |_| Ok::<_, ScheduleError>(()))
        .unwrap();
    printed.print("UsedKey", &used);
    secret_tree.delete_key(used);
    printed.print("SecretTree", &secret_tree);
    for (_, secret) in secret_tree.secrets() {
        // In the row of a ratchet, the generation precedes the secret.
        printed.secret(&secret.expose()[secret.expose().len() - 8..]);
    }
    let path_secret = PathSecret { path_secret: some(32, 90).into() };
    printed.holder("PathSecret", &path_secret, &some(32, 90));
    let joiner_secret = some(32, 91).into();
    let group_secrets = GroupSecrets { joiner_secret, path_secret: Some(path_secret), psks: vec![] };
    printed.holder("GroupSecrets", &group_secrets, &some(32, 91));
}

fn template(name: &[u8], suite: Suite) -> KeyPackageTemplate {
    KeyPackageTemplate {
        credential: Credential::Basic { identity: name.into() },
        capabilities: Capabilities::new([suite.cipher_suite()], [CredentialType::BASIC]),
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    }
}

impl Printed {
    fn rows_of(&mut self, group: &Group) {
        self.print("Group", group);
        for stored in secrets::secrets(&group.rows().unwrap()) {
            self.secret(stored.secret.expose());
        }
    }
}

const TEXT: &[u8] = b"what nobody else is to read";

/// Prints groups and all results of their operations.
fn print_groups(printed: &mut Printed, suite: Suite, rng: &mut ChaCha20Rng) {
    let keys = [(); 2].map(|()| suite.signature_generate_key(rng).unwrap());
    keys.iter().for_each(|key| printed.secret(key.expose()));
    let signers = keys.each_ref().map(|key| suite.signer(key).unwrap());
    let [alice, bob] = signers.each_ref().map(|signer| client(&**signer));
    let bundle = |name, cx: &Context<'_>, rng: &mut ChaCha20Rng| {
        KeyPackageBundle::new(suite, template(name, suite), cx.signer(), rng).unwrap()
    };
    let (alice_bundle, bob_bundle) = (bundle(b"alice", &alice, rng), bundle(b"bob", &bob, rng));
    printed.holder("KeyPackageBundle", &bob_bundle, bob_bundle.init_key_pair.private.expose());
    printed.secret(bob_bundle.leaf_key_pair.private.expose());
    let created = Group::builder("group").build(alice_bundle, &alice, rng);
    let (mut alices, delta) = created.unwrap().into_parts();
    printed.print("Delta", &delta);
    printed.rows_of(&alices);

    let add = bob_bundle.key_package.clone();
    printed.print("CommitBuilder", &alices.commit().add(add.clone()));
    let commit = alices.commit().add(add).build(&alice, rng).unwrap().assume_persisted();
    printed.print("CommitOutput", &commit);
    // `Pending` is not public, so it is printed as part of a group.
    printed.print("Pending", &alices);
    printed.rows_of(&alices);
    printed.print("Delta", &alices.merge_pending().unwrap());
    let welcome = commit.welcome.unwrap();
    let invitation = Invitation::open(&welcome, &bob_bundle, &bob).unwrap();
    printed.print("Invitation", &invitation);
    let offer = invitation.mix_psks(&bob).unwrap();
    printed.print("Offer", &offer);
    let verified = offer.verify(None, &bob).unwrap();
    printed.print("VerifiedOffer", &verified);
    let (mut bobs, delta) = verified.accept(&bob).unwrap().into_parts();
    printed.print("GroupInfoBuilder", &bobs.group_info());
    printed.print("Delta", &delta);
    printed.rows_of(&bobs);

    // Print the rows of a store.
    let rows: Rows = bobs.rows().unwrap();
    printed.print("Rows", &rows);
    let exported = bobs.export("label", b"", 32).unwrap();
    printed.holder("SecretBytes", &exported, exported.expose());

    let (update, delta) = bobs.propose_update(None, b"", &bob, rng).unwrap().into_parts();
    printed.print("Delta", &delta);
    printed.rows_of(&bobs);
    let processed = alices.process(update, &alice).unwrap().assume_persisted();
    printed.print("Processed", &processed);
    let commit = alices.commit().build(&alice, rng).unwrap().assume_persisted();
    let processed = bobs.process(commit.message, &bob).unwrap().assume_persisted();
    printed.print("Processed", &processed);
    let _ = alices.merge_pending().unwrap();
    let Processed::Commit(staged) = processed else { panic!("not a Commit") };
    printed.print("Staged", &staged);
    let _ = bobs.merge(*staged).unwrap();
    printed.rows_of(&bobs);

    // Print messages.
    printed.secret(TEXT);
    let (message, delta) = alices.encrypt(TEXT, &alice, rng).unwrap().into_parts();
    printed.print("MlsMessage", &message);
    printed.print("Delta", &delta);
    let processed = bobs.process(message, &bob).unwrap().assume_persisted();
    printed.print("Processed", &processed);

    let key_packages = vec![bundle(b"bob", &bob, rng).key_package];
    let successor = Successor::new(bundle(b"alice", &alice, rng), key_packages);
    printed.holder("Successor", &successor, successor.bundle.init_key_pair.private.expose());
    let id = "branch";
    let created =
        alices.branch(id, Extensions::default(), successor, &alice, rng).unwrap().assume_persisted();
    printed.print("Created", &created);
    let rows = alices.rows().unwrap();
    let stored =
        StoredGroup::read(&rows[&RowKey::State], &rows[&RowKey::Public], rows.get(&RowKey::Member)).unwrap();
    printed.holder("StoredGroup", &stored, stored.resumption_psk.as_ref().unwrap().expose());
    printed.rows_of(&created.group);
}

/// Prints paths of the tree and framed content.
fn print_paths(printed: &mut Printed, suite: Suite, rng: &mut ChaCha20Rng) {
    let key = suite.signature_generate_key(rng).unwrap();
    let signer = suite.signer(&key).unwrap();
    let bundles =
        [b"a", b"b"].map(|name| KeyPackageBundle::new(suite, template(name, suite), &*signer, rng).unwrap());
    let [alice, bob] = bundles;
    let mut tree = Tree::new(suite, &alice.key_package.leaf_node).unwrap();
    let other = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
    let mut leaf = bob.key_package.leaf_node.clone();
    leaf.signature_key = other.public_key().clone();
    tree.add(&leaf).unwrap();
    let private = PrivateKeys::new(&tree, LeafIndex(1), bob.leaf_key_pair).unwrap();
    printed.print("PrivateKeys", &private);
    let template = LeafTemplate {
        credential: Credential::Basic { identity: b"a".as_slice().into() },
        capabilities: Capabilities::default(),
        extensions: Extensions::default(),
    };
    let group_id = GroupId::from(b"group".as_slice());
    let path = tree.create_path(LeafIndex(0), template, &group_id, &*signer, rng).unwrap();
    printed.holder("NewPath", &path, path.commit_secret().expose());
    printed.secret(path.first_path_secret().unwrap().expose());
    for node in path.keys().nodes() {
        printed.secret(path.keys().get(node).unwrap().private.expose());
    }
    let context = GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite.cipher_suite(),
        group_id: group_id.clone(),
        epoch: 1,
        tree_hash: path.tree().tree_hash().unwrap(),
        confirmed_transcript_hash: vec![].into(),
        extensions: Extensions::default(),
    };
    let update_path = path.encrypt(&context, &[], rng).unwrap();
    let merged = tree.merge_path(LeafIndex(0), &update_path, &[]).unwrap();
    let decrypted = private.decrypt_path(&tree, &merged, &context, &[]).unwrap();
    printed.holder("DecryptedPath", &decrypted, decrypted.path_secret.expose());

    let content = FramedContent {
        group_id,
        epoch: 1,
        sender: Sender::Member(LeafIndex(0)),
        authenticated_data: vec![].into(),
        content: Content::Application(TEXT.into()),
    };
    printed.print("Content", &content.content);
    printed.print("FramedContent", &content);
    let format = WireFormat::MLS_PRIVATE_MESSAGE;
    let signed = SignedContent::sign(suite, &*signer, format, content, &context).unwrap();
    printed.print("SignedContent", &signed);
    let authenticated = signed.authenticated().unwrap();
    printed.print("Authenticated", &authenticated);
    let inside: AuthenticatedContent = authenticated.into_inner();
    printed.print("AuthenticatedContent", &inside);
    let in_private = PrivateMessageContent { content: inside.content.content, auth: inside.auth };
    printed.print("PrivateMessageContent", &in_private);
    let size = TreeSize::with_leaves(2).unwrap();
    let secret_tree = || SecretTree::new(size, some(suite.hash_len(), 92).into(), RatchetLimits::default());
    let sender_data = SenderDataSecret::from(some(suite.hash_len(), 93));
    let sealed = signed.seal_private(suite, &mut secret_tree(), &sender_data, Padding::Padme, rng).unwrap();
    let (tree, key) = (&secret_tree(), |_| Ok::<_, FramingError>(Some(signer.public_key().clone())));
    let (opened, _) = open_private(suite, &sealed, &context, &sender_data, tree, LeafIndex(1), key).unwrap();
    printed.print("UnverifiedContent", &reopen(opened.into_inner(), &context).unwrap());
}

#[test]
fn no_secret_is_printed() {
    let mut printed = Printed::default();
    print_secrets(&mut printed);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for number in [1, 2, 3] {
        let suite = RustCrypto.suite(CipherSuite(number)).unwrap();
        print_parts(&mut printed, suite, &mut rng);
        print_groups(&mut printed, suite, &mut rng);
        print_paths(&mut printed, suite, &mut rng);
    }
    assert!(printed.secrets.len() > 100);
    assert_eq!(printed.leaks(), BTreeSet::new());
    // Every type that contains a secret must have been printed.
    let names: BTreeSet<_> = printed.texts.iter().map(|(name, _)| *name).collect();
    for name in holders() {
        assert!(names.contains(&*name), "{name} holds a secret and is not printed here");
    }
}

/// Checks errors that occur in the presence of secrets.
#[test]
fn no_error_has_a_secret() {
    let mut printed = Printed::default();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let suite = RustCrypto.suite(CipherSuite(1)).unwrap();
    let mut error = |error: &dyn std::error::Error| {
        printed.texts.push(("an error", format!("{error} {error:?} {error:#?}")));
    };
    let (short, long, zero) = (some(5, 1), some(77, 2), vec![0xff; 31]);
    for secret in [&short, &long, &zero] {
        if let Err(failed) = suite.signer(&secret.as_slice().into()) {
            error(&failed);
        }
        error(&suite.hpke_key_pair(secret.as_slice().into()).unwrap_err());
        error(&suite.aead_open(&secret.as_slice().into(), &some(12, 3).into(), b"", TEXT).unwrap_err());
        if let Err(failed) = EpochSecret::from(secret.as_slice()).derive(suite) {
            error(&failed);
        }
        error(&GroupSecrets::decode(secret).unwrap_err());
    }
    let key = suite.signature_generate_key(&mut rng).unwrap();
    let signer = suite.signer(&key).unwrap();
    let bundle = KeyPackageBundle::new(suite, template(b"alice", suite), &*signer, &mut rng).unwrap();
    let cx = client(&*signer);
    let mut group = Group::builder("group").build(bundle, &cx, &mut rng).unwrap().assume_persisted();
    let message = group.encrypt(TEXT, &cx, &mut rng).unwrap().assume_persisted();
    error(&group.process(message, &cx).unwrap_err());
    error(&group.export("label", b"", 1 << 20).unwrap_err());
    // Truncate the rows.
    let rows = group.rows().unwrap();
    for key in rows.iter().filter(|(_, row)| !row.expose().is_empty()).map(|(key, _)| key) {
        let cut = |(other, row): (&RowKey, &SecretBytes)| {
            let end = row.expose().len() - usize::from(other == key);
            (*other, SecretBytes::from(&row.expose()[..end]))
        };
        if let Err(failed) = Group::load(&rows.iter().map(cut).collect(), &cx) {
            error(&failed);
        }
    }
    for stored in secrets::secrets(&rows) {
        printed.secret(stored.secret.expose());
    }
    [&long[..], &zero, TEXT, key.expose()].iter().for_each(|secret| printed.secret(secret));
    assert!(printed.texts.len() > 12);
    assert_eq!(printed.leaks(), BTreeSet::new());
}

/// A type with debug output, as found in the sources.
struct Printable {
    name: String,
    /// The types of the fields, without names and comments.
    inside: String,
    /// The crate in which the name of the type is known, or `None` if the type is public.
    known_in: Option<&'static str>,
}

/// Returns the types of a source file that have debug output, and the names of types that
/// `secret_types!` defines.
fn types(of: &'static str, code: &str) -> (Vec<Printable>, Vec<String>) {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let mut secrets = Vec::new();
    for block in code.split("\nsecret_types! {").skip(1) {
        let lines = block.split("\n}").next().unwrap_or_default().lines();
        secrets.extend(lines.filter(is_code).map(|line| line.trim().to_owned()));
    }
    let mut types = Vec::new();
    for item in code.split("#[derive(").skip(1) {
        let Some((derived, rest)) = item.split_once(")]") else { continue };
        let declaration = rest.lines().find(|line| line.contains("struct ") || line.contains("enum "));
        let Some(declaration) = declaration.filter(|_| derived.contains("Debug")) else { continue };
        let mut words = declaration.split([' ', '<', '(', ';', '{']);
        let name = words.by_ref().skip_while(|word| !["struct", "enum"].contains(word)).nth(1);
        let body = rest.split("\n}").next().unwrap_or_default();
        let body = if declaration.ends_with(';') { declaration } else { body };
        // Text after a colon or in parentheses is a type; other text, such as the name of a
        // variant, is not.
        let inside = body.lines().filter(is_code).filter_map(|line| line.split_once([':', '(']));
        let inside = inside.map(|(_, types)| types).collect::<Vec<_>>().join("\n");
        let known_in = if declaration.starts_with("pub ") { None } else { Some(of) };
        types.push(Printable { name: name.unwrap_or_default().to_owned(), inside, known_in });
    }
    (types, secrets)
}

/// Returns the public types that contain a secret, as found in the sources. These are the types
/// that `secret_types!` defines, and all types with debug output that contain one of them.
fn holders() -> BTreeSet<String> {
    let (mut all, mut names) = (Vec::new(), BTreeSet::from([("SecretBytes".to_owned(), None)]));
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for of in ["wire", "crypto", "schedule", "tree", "framing", "group"] {
        let mut unvisited = vec![crates.join(format!("pando-{of}/src"))];
        while let Some(path) = unvisited.pop() {
            if path.is_dir() {
                unvisited.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let (types, secrets) = types(of, code);
            names.extend(secrets.into_iter().map(|name| (name, None)));
            all.extend(types.into_iter().map(|found| (of, found)));
        }
    }
    loop {
        let count = names.len();
        for (of, found) in &all {
            let mut words = found.inside.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let known =
                |word: &str| [None, Some(*of)].iter().any(|at| names.contains(&(word.to_owned(), *at)));
            if words.any(known) {
                names.insert((found.name.clone(), found.known_in));
            }
        }
        if names.len() == count {
            break;
        }
    }
    let public: BTreeSet<_> =
        names.into_iter().filter(|(_, known_in)| known_in.is_none()).map(|(name, _)| name).collect();
    assert!(public.len() > 30 && public.contains("Group") && public.contains("NewPath"), "{public:?}");
    public
}
