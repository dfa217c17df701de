//! The bytes of stores do not change unnoticed: what `docs/storage.md` says, with keys and nonces that are fixed.

use crate::cipher::{Cipher, Kind, alone, rows_before, tagged};
use crate::group::GroupRecord;
use crate::key::{Argon2Cost, Argon2Limit, Header, Key, Wrapping};
use pando_mls::wire::{NodeIndex, Opaque};
use pando_mls::{
    Encode, EpochRow, GroupId, KeyKind, LeafIndex, RatchetType, RowKey, SecretBytes, SecretId, TreeKey,
};

fn data_key() -> SecretBytes {
    (0..32).collect::<Vec<u8>>().into()
}

fn tea() -> GroupId {
    b"tea".as_slice().into()
}

fn nonce() -> [u8; 24] {
    [0x40; 24]
}

#[test]
fn keys_of_records() {
    let cipher = Cipher::new(&data_key(), true);
    let tag = cipher.group_tag(&tea());
    assert_eq!(hex::encode(tag), "3913bb43f491a5a8a68fdb3a6fcaf2d9");
    assert_eq!(hex::encode(cipher.id()), "4898e5a9fe4b0d0978ebbfb9ed11ae30");
    let psk = cipher.tag(Kind::Psk, &[b"psk"]);
    assert_eq!(hex::encode(tagged(Kind::Psk, &psk)), "04f20b64e2c36084def2a23b5fd09f696d");
    let group = hex::encode(tag);
    let message = SecretId::Message(LeafIndex(7), RatchetType::Application, 300);
    for (key, end) in [
        (RowKey::Public, "00"),
        (RowKey::Tree(TreeKey::Node(NodeIndex(256))), "020100000100"),
        (
            RowKey::Tree(TreeKey::Key(KeyKind::Signature, 0x0102_0304_0506_0708, NodeIndex(256))),
            "02020195b3726353453f2500000100",
        ),
        (RowKey::Epoch(5, EpochRow::Secret(message)), "0400000000000000050400000007010000012c"),
        (RowKey::PendingCommit, "09"),
    ] {
        assert_eq!(hex::encode(cipher.row(&tag, key)), format!("02{group}{end}"));
    }
    let (from, to) = rows_before(&tag, 5);
    assert_eq!(hex::encode(from), format!("02{group}04000000000000000000"));
    assert_eq!(hex::encode(to), format!("02{group}04000000000000000500"));
    assert_eq!(alone(&[1, 2]), (vec![1, 2], vec![1, 2, 0]));
}

#[test]
fn records() {
    let (cipher, clear) = (Cipher::new(&data_key(), true), Cipher::new(&data_key(), false));
    let key = cipher.row(&cipher.group_tag(&tea()), RowKey::Public);
    let sealed = cipher.seal_with(&key, b"value", nonce()).unwrap();
    assert_eq!(
        hex::encode(sealed.expose()),
        "40404040404040404040404040404040404040404040404027388b503dacfbf121f00287f01399a27887cb02d6"
    );
    assert_eq!(clear.seal_with(&key, b"value", nonce()).unwrap().expose(), b"value");
    let entry = GroupRecord { version: 7, group_id: tea() };
    assert_eq!(hex::encode(entry.encode().unwrap()), "000000000000000703746561");
}

#[test]
fn headers() {
    let header = |key: &Key, wrapping| {
        let header = Header::wrapped(key, &data_key(), wrapping, nonce()).unwrap();
        let (opened, _) = header.open(key).unwrap();
        assert_eq!(opened, data_key());
        hex::encode(header.encode().unwrap())
    };
    let plain = |wrap| Wrapping { wrap, salt: Opaque::default(), memory: 0, passes: 0, lanes: 0 };
    assert_eq!(
        header(&Key::None, plain(0)),
        "0002000000000000000000000000000020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    );
    assert_eq!(
        header(&Key::bytes(&[9; 32]).unwrap(), plain(1)),
        "0002010000000000000000000000000040484040404040404040404040404040404040404040404040400af5d127b5e4ec2a36f067d22b149b131936a92bf3c56819973f795b68dd66a66c29d25ab4c6258db70d18053574c2cf"
    );
    let cost = Argon2Cost { memory: 64, passes: 2, lanes: 1 };
    let (words, limit) = (b"correct horse".as_slice().into(), Argon2Limit::default());
    let passphrase = Key::Passphrase { passphrase: words, cost, limit };
    let wrapping = Wrapping { wrap: 2, salt: vec![5; 16].into(), memory: 64, passes: 2, lanes: 1 };
    assert_eq!(
        header(&passphrase, wrapping),
        "0002021005050505050505050505050505050505000000400000000200000001404840404040404040404040404040404040404040404040404071597b51ea7f097fac704aa84f1daae2be892e96fb330b191520a6a5cf6941d4dff4c2d7c58f83904a9289664480b279"
    );
    assert_eq!(hex::encode(Header::shredded().encode().unwrap()), "0002030000000000000000000000000000");
}
