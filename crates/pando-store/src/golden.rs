//! Checks, with fixed keys and nonces, that the stored bytes match `docs/storage.md`.

use crate::cipher::{Cipher, Kind, StoreId, alone, tagged};
use crate::group::{GroupRecord, InstanceEntry};
use crate::instance::{InstanceCipher, State, Sums};
use crate::key::{Argon2Cost, Argon2Limit, Header, Key, Wrapping};
use pando_mls::wire::NodeIndex;
use pando_mls::{
    Encode, EpochRow, GroupId, KeyKind, LeafIndex, RatchetType, RowKey, SecretBytes, SecretId, TreeKey,
};

fn data_key() -> SecretBytes {
    (0..32).collect::<Vec<u8>>().into()
}

const STORE_ID: StoreId = [0x80; 16];

fn tea() -> GroupId {
    b"tea".as_slice().into()
}

fn nonce() -> [u8; 24] {
    [0x40; 24]
}

#[test]
fn keys_of_records() {
    let cipher = Cipher::new(STORE_ID, &data_key(), true);
    let tag = cipher.group_tag(&tea());
    assert_eq!(hex::encode(tag), "49f8d2ed9ccfea25ece7056388d8bb9c");
    assert_eq!(hex::encode(cipher.id()), "26e37e9b1ca8d14db58047384b3c0d9e");
    let psk = cipher.tag(Kind::Psk, &[b"psk"]);
    assert_eq!(hex::encode(tagged(Kind::Psk, &psk)), "0459bc116ba018428a48da5e0305cf7665");
    let instance = InstanceCipher::new(&cipher, &tea(), &entry());
    let tag = "37e5f4269620903a7f089f3615ee3373";
    assert_eq!(hex::encode(instance.tag()), tag);
    let message = SecretId::Message(LeafIndex(7), RatchetType::Application, 300);
    for (key, end) in [
        (RowKey::Public, "00"),
        (RowKey::Tree(TreeKey::Node(NodeIndex(256))), "020100000100"),
        (
            RowKey::Tree(TreeKey::Key(KeyKind::Signature, 0x0102_0304_0506_0708, NodeIndex(256))),
            "02020110166049373fd2ae00000100",
        ),
        (RowKey::Epoch(5, EpochRow::Secret(message)), "0400000000000000050400000007010000012c"),
        (RowKey::PendingCommit, "09"),
        (RowKey::State, "0d"),
    ] {
        assert_eq!(hex::encode(instance.key(key)), format!("02{tag}{end}"));
    }
    let (from, to) = instance.rows_before(5);
    assert_eq!(hex::encode(from), format!("02{tag}04000000000000000000"));
    assert_eq!(hex::encode(to), format!("02{tag}04000000000000000500"));
    assert_eq!(alone(&[1, 2]), (vec![1, 2], vec![1, 2, 0]));
}

fn entry() -> InstanceEntry {
    InstanceEntry { instance: [1; 16].into(), key: vec![2; 32].into() }
}

#[test]
fn records() {
    let (cipher, clear) =
        (Cipher::new(STORE_ID, &data_key(), true), Cipher::new(STORE_ID, &data_key(), false));
    let key = tagged(Kind::Group, &cipher.group_tag(&tea()));
    let sealed = cipher.seal_with(&key, b"value", nonce()).unwrap();
    assert_eq!(
        hex::encode(sealed.expose()),
        "40404040404040404040404040404040404040404040404052e6324ff333ea4d3067dc7674813c8c9a56ae146f"
    );
    assert_eq!(clear.seal_with(&key, b"value", nonce()).unwrap().expose(), b"value");
    let record = GroupRecord { group_id: tea(), current: Some(entry()), joining: None };
    let (instance, key) = ("01".repeat(16), "02".repeat(32));
    assert_eq!(hex::encode(record.encode().unwrap()), format!("0374656101{instance}20{key}00"));
}

/// A summand depends on the place of a record, on its nonce and on its tag.
#[test]
fn sums_of_records() {
    let cipher = Cipher::new(STORE_ID, &data_key(), true);
    let instance = InstanceCipher::new(&cipher, &tea(), &entry());
    let stored = [[0x40; 24].as_slice(), b"xx", &[0x50; 16]].concat();
    let mut sums = Sums::default();
    sums.add(&instance, RowKey::Public, &instance.key(RowKey::Public), &stored);
    let state = State::encode(&[3; 33], sums);
    let summand = "fb20d0fba3b773f47d562ac67ff8cc46";
    assert_eq!(hex::encode(state), format!("{}{summand}{}", "03".repeat(33), "00".repeat(16)));
}

#[test]
fn headers() {
    let header = |key: &Key| {
        let wrapping = Wrapping::new(STORE_ID, key, [5; 16]);
        let header = Header::wrapped(key, &data_key(), wrapping, nonce()).unwrap();
        let opened = header.open(key).unwrap();
        assert_eq!((opened.data_key, opened.store_id), (data_key(), STORE_ID));
        hex::encode(header.encode().unwrap())
    };
    assert_eq!(
        header(&Key::None),
        "000370616e646f2d73746f726580808080808080808080808080808080000000000000000000000000000020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    );
    assert_eq!(
        header(&Key::bytes(&[9; 32]).unwrap()),
        "000370616e646f2d73746f726580808080808080808080808080808080010000000000000000000000000040484040404040404040404040404040404040404040404040409a63f219990a028672eca58cdcf925f904c08eefd4ea5f4a39dac925cfdb9adec42b437f9dd32f759abceea768ecbc90"
    );
    let cost = Argon2Cost { memory: 64, passes: 2, lanes: 1 };
    let (passphrase, limit) = (b"correct horse".as_slice().into(), Argon2Limit::default());
    assert_eq!(
        header(&Key::Passphrase { passphrase, cost, limit }),
        "000370616e646f2d73746f72658080808080808080808080808080808002100505050505050505050505050505050500000040000000020000000140484040404040404040404040404040404040404040404040406e84f41c524fcfec3607e7f1549797e3014d5043eb63c9706617f877d1e4d5985204619e4b4b60ab33eb61da73754263"
    );
    assert_eq!(
        hex::encode(Header::shredded().encode().unwrap()),
        "000370616e646f2d73746f726500000000000000000000000000000000030000000000000000000000000000"
    );
}
