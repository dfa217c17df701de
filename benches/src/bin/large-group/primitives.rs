//! Measures operations that do not need a group. Primitives are reported with the group size 0.

use crate::measure::{Series, Session};
use pando_benches::rng;
use pando_benches::test_client::TestClient;
use pando_crypto::{AeadKey, AeadNonce, SignedMessage, Signer};
use pando_wire::Signature;

pub(crate) fn measure(session: &Session) {
    let (suite, mut rng) = (session.crypto.suite, rng());
    let message = [5; 300];
    let people: Vec<(Box<dyn Signer>, Signature)> = (0..1024)
        .map(|_| {
            let signer = suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap();
            let signature = signer.sign(&message).unwrap();
            (signer, signature)
        })
        .collect();
    let (signer, signature) = &people[0];
    let public = signer.public_key();
    let sign = Series::new("primitive_sign").repeat(session, || signer.sign(&message));
    let verify = Series::new("primitive_verify")
        .repeat(session, || suite.verify(public, &message, signature).unwrap());
    let mut batch = Series::new("primitive_verify_batch_1024").note("for each signature");
    let signed: Vec<_> = people
        .iter()
        .map(|(signer, signature)| SignedMessage {
            public: signer.public_key(),
            message: &message,
            signature,
        })
        .collect();
    // Use one core, as the other implementations do.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    while batch.goes_on(session) {
        let start = std::time::Instant::now();
        alone.install(|| suite.verify_batch(&signed).unwrap());
        batch.push(start.elapsed() / 1024);
    }

    let key_pair = suite.hpke_generate_key_pair(&mut rng).unwrap();
    let keygen =
        Series::new("primitive_keygen").repeat(session, || suite.hpke_generate_key_pair(&mut rng).unwrap());
    let mut seal_it = || suite.hpke_seal(&key_pair.public, &[7; 100], &[], &[8; 32], &mut rng).unwrap();
    let sealed = seal_it();
    let seal = Series::new("primitive_hpke_seal").repeat(session, seal_it);
    let open = Series::new("primitive_hpke_open")
        .repeat(session, || suite.hpke_open(&key_pair, &[7; 100], &[], &sealed).unwrap());

    let data = [9; 1024];
    let hash = Series::new("primitive_hash_1KiB").repeat(session, || suite.hash(&[&data]));
    let key = AeadKey::from(vec![1; suite.aead_key_len()]);
    let nonce = AeadNonce::from(vec![2; suite.aead_nonce_len()]);
    let aead = Series::new("primitive_aead_1KiB")
        .repeat(session, || suite.aead_seal(&key, &nonce, &[], &data).unwrap());
    session.report(0, [&sign, &verify, &batch, &keygen, &seal, &open, &hash, &aead]);
}

pub(crate) fn key_package(session: &Session, n: u32) {
    let client = TestClient::new(session.crypto, n);
    let mut series = Series::new("key_package_new").repeat(session, || client.bundle());
    series.bytes(pando_mls::Encode::encode(&client.bundle().key_package).unwrap().len());
    session.report(n, [&series]);
}
