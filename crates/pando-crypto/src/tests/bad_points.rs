//! Public keys that must be rejected.

/// The curve of a public key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Curve {
    X25519,
    X448,
    P256,
    P384,
    P521,
}

impl Curve {
    /// Returns the curve of a cipher suite's KEM. In the suites with ECDSA, it is also the curve of
    /// the signatures.
    pub(super) fn of_kem(suite: u16) -> Self {
        match suite {
            1 | 3 => Self::X25519,
            4 | 6 => Self::X448,
            2 => Self::P256,
            7 => Self::P384,
            _ => Self::P521,
        }
    }

    /// Returns the field's prime in big-endian order.
    fn prime(self) -> Vec<u8> {
        let hex = match self {
            Self::X25519 => format!("7f{}ed", "ff".repeat(30)),
            Self::X448 => format!("{}fe{}", "ff".repeat(27), "ff".repeat(28)),
            Self::P256 => format!("ffffffff00000001{}{}", "00".repeat(12), "ff".repeat(12)),
            Self::P384 => format!("{}feffffffff{}ffffffff", "ff".repeat(31), "00".repeat(8)),
            Self::P521 => format!("01{}", "ff".repeat(65)),
        };
        hex::decode(hex).unwrap()
    }

    /// Returns the uncompressed form of a point whose x coordinate is small.
    fn small_point(self) -> Vec<u8> {
        (0..=u8::MAX)
            .find_map(|x| {
                let mut compressed = vec![0; self.prime().len() + 1];
                (compressed[0], *compressed.last_mut().unwrap()) = (2, x);
                match self {
                    Self::P256 => {
                        p256::PublicKey::from_sec1_bytes(&compressed).ok().map(|key| key.to_sec1_bytes())
                    }
                    Self::P384 => {
                        p384::PublicKey::from_sec1_bytes(&compressed).ok().map(|key| key.to_sec1_bytes())
                    }
                    Self::P521 => {
                        p521::PublicKey::from_sec1_bytes(&compressed).ok().map(|key| key.to_sec1_bytes())
                    }
                    Self::X25519 | Self::X448 => None,
                }
            })
            .unwrap()
            .into_vec()
    }

    /// Returns public keys that must be rejected, each with the reason. The argument `good` is a
    /// valid key.
    pub(super) fn bad_public_keys(self, good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let mut bad = vec![("empty", Vec::new()), ("one byte more", [good, &[0]].concat())];
        bad.extend((1..good.len()).map(|len| ("cut off", good[..len].to_vec())));
        bad.push(("prefixed", [&[4], good].concat()));
        match self {
            Self::X25519 | Self::X448 => self.bad_u_coordinates(&mut bad),
            Self::P256 | Self::P384 | Self::P521 => self.bad_sec1(good, &mut bad),
        }
        bad
    }

    /// Adds to the list `bad` numbers that are not below the prime, and points of low order.
    fn bad_u_coordinates(self, bad: &mut Vec<(&'static str, Vec<u8>)>) {
        let prime: Vec<u8> = self.prime().into_iter().rev().collect();
        let len = prime.len();
        for summand in 0..19 {
            let mut number = prime.clone();
            if self == Self::X25519 {
                number[0] += summand;
            } else {
                add_small(&mut number, summand);
            }
            bad.push(("not below the prime", number));
        }
        bad.push(("not below the prime", vec![0xff; len]));

        let number = |digits: &[u8]| {
            let mut number = vec![0; len];
            number[..digits.len()].copy_from_slice(digits);
            number
        };
        let mut minus_one = prime;
        minus_one[0] -= 1;
        let mut low_order = vec![number(&[]), number(&[1]), minus_one];
        if self == Self::X25519 {
            for order_8 in [
                "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            ] {
                low_order.push(hex::decode(order_8).unwrap());
            }
            // RFC 7748 ignores the highest bit, so each number would have a second encoding without
            // our rule.
            bad.extend(low_order.iter().chain(&[number(&[9])]).map(|point| {
                let mut point = point.clone();
                point[31] |= 0x80;
                ("highest bit set", point)
            }));
        }
        bad.extend(low_order.into_iter().map(|point| ("of low order", point)));
    }

    /// Adds to the list `bad` encodings that are anything but uncompressed points on the curve with
    /// reduced coordinates.
    fn bad_sec1(self, good: &[u8], bad: &mut Vec<(&'static str, Vec<u8>)>) {
        let prime = self.prime();
        let len = prime.len();
        let (x, y) = good[1..].split_at(len);
        let odd = y[len - 1] & 1;
        let with_tag = |tag: u8| [&[tag], &good[1..]].concat();
        bad.extend([
            ("the neutral element", vec![0]),
            ("the neutral element, filled up", vec![0; good.len()]),
            ("uncompressed (0, 0)", [vec![4], vec![0; 2 * len]].concat()),
            ("compressed", [&[2 + odd], x].concat()),
            ("compressed, of the other y", [&[3 - odd], x].concat()),
            ("compact", [&[5], x].concat()),
            ("hybrid", with_tag(6 + odd)),
            ("hybrid, of the other y", with_tag(7 - odd)),
            ("compressed, filled up", [&[2 + odd], x, &vec![0; len]].concat()),
            ("without a tag", good[1..].to_vec()),
            ("x and y exchanged", [&[4], y, x].concat()),
        ]);
        bad.extend((0..=u8::MAX).filter(|&tag| tag != 4).map(|tag| ("another tag", with_tag(tag))));
        for position in 1..good.len() {
            let mut point = good.to_vec();
            point[position] ^= 1;
            bad.push(("not on the curve", point));
        }

        // Add (x + p, y) and (x, y + p) if the sum fits into the length of a coordinate. For P-521
        // it always fits; for the other curves it fits if x is small.
        let small = self.small_point();
        bad.push(("x not reduced", [&[4], &sum(&small[1..=len], &prime)[..], &small[1 + len..]].concat()));
        if self == Self::P521 {
            bad.push(("x not reduced", [&[4], &sum(x, &prime)[..], y].concat()));
            bad.push(("y not reduced", [&[4], x, &sum(y, &prime)].concat()));
        }
        bad.push(("x is the prime", [&[4], &prime[..], y].concat()));
    }
}

/// Adds a small number to a little-endian number.
fn add_small(number: &mut [u8], summand: u8) {
    let mut carry = u16::from(summand);
    for digit in number {
        let sum = u16::from(*digit) + carry;
        (*digit, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
}

/// Returns the sum of two big-endian numbers of the same length, into which the sum must fit.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(*b) + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect();
    assert_eq!(carry, 0);
    digits.reverse();
    digits
}
