//! Tests of vectors at the lengths where the header grows (section 2.1.2).

use crate::common::values::{string, x509};
use pando_wire::*;
use std::fmt::Debug;
use tls_codec::Serialize;

/// The greatest lengths with headers of one and two bytes, and the smallest lengths with headers of
/// two and four bytes.
const LENGTHS: [usize; 4] = [0x3f, 0x40, 0x3fff, 0x4000];

/// Returns a header of one, two or four bytes according to section 2.1.2, even if a shorter one
/// would suffice.
fn header(bytes: usize, len: usize) -> Vec<u8> {
    let prefix = [(1, 0), (2, 0x4000), (4, 0x8000_0000)].iter().find(|form| form.0 == bytes).unwrap().1;
    let number = (prefix | len as u32).to_be_bytes();
    number[4 - bytes..].to_vec()
}

/// Checks a value that ends in a vector of `len` bytes, whose header is at `position`. Decoding and
/// encoding must preserve the value, and decoding must fail with any other header.
fn check<T: Serialize + Decode + PartialEq + Debug>(value: &T, position: usize, len: usize) {
    let bytes = value.tls_serialize_detached().unwrap();
    let header_len = bytes.len() - len - position;
    assert_eq!(
        header_len,
        if len < 0x40 {
            1
        } else if len < 0x4000 {
            2
        } else {
            4
        }
    );
    let (before, rest) = bytes.split_at(position);
    let (written, inside) = rest.split_at(header_len);
    assert_eq!(written, header(header_len, len));
    assert_eq!(T::decode(&bytes).as_ref(), Ok(value));

    let with = |header: Vec<u8>| T::decode(&[before, &header, inside].concat());
    for longer in [2, 4].into_iter().filter(|&longer| longer > header_len) {
        assert_eq!(with(header(longer, len)), Err(DecodeError::BadLength));
    }
    // Try lengths that are one byte too small or too large, in every form that can express them.
    for wrong in [len - 1, len + 1] {
        for form in [1, 2, 4].into_iter().filter(|&form| wrong < [0, 0x40, 0x4000, 0, 1 << 30][form]) {
            assert!(with(header(form, wrong)).is_err(), "{len} as {wrong} in {form}");
        }
    }
    // Try the forbidden prefix in the eight-byte form that QUIC uses.
    let quic = (0b11 << 62 | len as u64).to_be_bytes();
    assert!(with(quic.to_vec()).is_err());
}

fn check_strings<T: Serialize + Decode + PartialEq + Debug + From<Vec<u8>>>() {
    for len in LENGTHS {
        check(&string::<T>(len), 0, len);
    }
}

#[test]
fn byte_strings() {
    check_strings::<Opaque>();
    check_strings::<SecretBytes>();
    check_strings::<HpkePublicKey>();
    check_strings::<KemOutput>();
    check_strings::<SignaturePublicKey>();
    check_strings::<Signature>();
    check_strings::<GroupId>();
    check_strings::<HashReference>();
    check_strings::<Mac>();
}

#[test]
fn lists_of_elements_of_one_byte() {
    for len in LENGTHS {
        check(&RatchetTree(vec![None; len]), 0, len);
        check(&x509(&vec![0; len]), 2, len);
    }
}

#[test]
fn lists_of_numbers() {
    for len in LENGTHS {
        // Round the length down to a multiple of the element size, which is two or four bytes.
        let (even, fourth) = (len & !1, len & !3);
        let lists = RequiredCapabilities {
            credential_types: vec![CredentialType(0x0a0a); even / 2],
            ..Default::default()
        };
        check(&lists, 2, even);
        let parent = ParentNode {
            encryption_key: string(1),
            parent_hash: string(2),
            unmerged_leaves: vec![LeafIndex(u32::MAX); fourth / 4],
        };
        check(&parent, 5, fourth);
    }
}

#[test]
fn extensions() {
    for len in LENGTHS {
        // The extension data is `len` bytes long.
        let extension = Extension { extension_type: ExtensionType(0xf000), extension_data: string(len) };
        check(&extension, 2, len);

        // The list is `len` bytes long, of which the type and the inner header take three or four
        // bytes.
        let data_len = if len <= 0x40 { len - 3 } else { len - 4 };
        let extension_data = string(data_len);
        let list = Extensions(vec![Extension { extension_type: ExtensionType(0xf000), extension_data }]);
        check(&list, 0, len);
        let inside = GroupContextExtensions { extensions: list };
        check(&inside, 0, len);
    }
}

#[test]
fn vectors_inside_extensions() {
    for len in LENGTHS {
        let tree = RatchetTree(vec![None; len]);
        let id = ApplicationId { application_id: string(len) };
        let sender = ExternalSender { signature_key: string(len), credential: x509(&vec![0; len]) };
        let senders = ExternalSenders(vec![sender]);
        let list = Extensions(vec![
            Extension::new(&tree).unwrap(),
            Extension::new(&id).unwrap(),
            Extension::new(&senders).unwrap(),
        ]);
        let list = Extensions::decode(&list.encode().unwrap()).unwrap();
        assert_eq!(list.find(), Ok(Some(tree)));
        assert_eq!(list.find(), Ok(Some(id)));
        assert_eq!(list.find(), Ok(Some(senders)));
    }
}
