//! Tests that signing produces exactly the signatures that the standards list.

use super::each;
use crate::SignaturePrivateKey;

/// Returns the public key and a suite's signature of a message, both in hexadecimal. The key and
/// the signature must be the same in all backends.
fn sign(number: u16, private: &str, message: &[u8]) -> (String, String) {
    let private = SignaturePrivateKey::from(hex::decode(private).unwrap());
    let mut signed = each(number).map(|suite| {
        let signer = suite.signer(&private).unwrap();
        let signature = signer.sign(message).unwrap();
        suite.verify(signer.public_key(), message, &signature).unwrap();
        (hex::encode(&**signer.public_key()), hex::encode(&*signature))
    });
    let first = signed.next().unwrap();
    assert!(signed.all(|other| other == first));
    first
}

/// The expected values are from RFC 8032, section 7.1, tests 1 and 2.
#[test]
fn ed25519_signs_as_in_rfc_8032() {
    for suite in [1, 3] {
        assert_eq!(
            sign(suite, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", b""),
            (
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".to_owned(),
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                 d25bf5f0595bbe24655141438e7a100b"
                    .to_owned()
            )
        );
        assert_eq!(
            sign(suite, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", &[0x72]),
            (
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c".to_owned(),
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
                 387b2eaeb4302aeeb00d291612bb0c00"
                    .to_owned()
            )
        );
    }
}

/// The expected values are from RFC 8032, section 7.4, "Blank" and "1 octet".
#[cfg(feature = "curve448")]
#[test]
fn ed448_signs_as_in_rfc_8032() {
    for suite in [4, 6] {
        assert_eq!(
            sign(
                suite,
                "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f\
                 032e7549a20098f95b",
                b""
            ),
            (
                "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6c\
                 d1fa1abeafe8256180"
                    .to_owned(),
                "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d78\
                 28c59bd0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4db\
                 b61149f05a7363268c71d95808ff2e652600"
                    .to_owned()
            )
        );
        assert_eq!(
            sign(
                suite,
                "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949e\
                 f8021e954e0a12274e",
                &[3]
            ),
            (
                "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c\
                 235160627b4c3a9480"
                    .to_owned(),
                "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633\
                 fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f\
                 f3348ab21aa4adafd1d234441cf807c03a00"
                    .to_owned()
            )
        );
    }
}

/// Returns the DER encoding of a signature (RFC 3279, section 2.2.3), given `r` and `s` in
/// hexadecimal.
fn der(r: &str, s: &str) -> String {
    let integer = |hex: &str| {
        let number = hex::decode(hex).unwrap();
        let digits: Vec<u8> = number.into_iter().skip_while(|&byte| byte == 0).collect();
        // Without a leading zero byte, a number whose first bit is set would be negative.
        let sign = if digits[0] & 0x80 == 0 { &[][..] } else { &[0] };
        [&[2, (sign.len() + digits.len()) as u8], sign, &digits].concat()
    };
    let content = [integer(r), integer(s)].concat();
    let len = content.len() as u8;
    let header = if len < 0x80 { vec![0x30, len] } else { vec![0x30, 0x81, len] };
    hex::encode([header, content].concat())
}

/// The expected values are from RFC 6979, sections A.2.5 to A.2.7, for the message "sample" and the
/// hash of the suite.
#[test]
fn ecdsa_signs_as_in_rfc_6979() {
    let (public, signature) =
        sign(2, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", b"sample");
    assert_eq!(
        signature,
        der(
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
        )
    );
    assert_eq!(
        public,
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
         7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    );

    let (_, signature) = sign(
        7,
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
        b"sample",
    );
    assert_eq!(
        signature,
        der(
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"
        )
    );

    let (_, signature) = sign(
        5,
        "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc\
         1466f6d8fbec67db89ec0c08b0e996b83538",
        b"sample",
    );
    assert_eq!(
        signature,
        der(
            "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b53\
             4931d7d4e8455cc91f9b15bf05ec36e377fa",
            "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff077\
             7b1a20f8ccb1dccc43997f1ee0e44da4a67a"
        )
    );
}
