//! A search for secrets in the memory of the process.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// The number of bytes that are read at a time.
const CHUNK: usize = 1 << 20;
/// The length of the longest secret. Adjacent chunks overlap by this length.
const LONGEST: usize = 256;
/// The length of the shortest secret. A match of this length cannot be a coincidence.
const SHORTEST: usize = 12;

/// Returns the mask for the byte at a position of a secret.
const fn mask(place: usize) -> u8 {
    (place as u8).wrapping_mul(37) ^ 0xa7
}

/// The wanted secrets. Each of them is masked.
#[derive(Default)]
pub(crate) struct Wanted(Vec<Masked>);

struct Masked {
    name: &'static str,
    bytes: Vec<u8>,
    /// The masked bytes of the secret in reverse order, in which most machines store a big-endian
    /// number.
    reversed: Vec<u8>,
}

impl Wanted {
    pub(crate) fn add(&mut self, name: &'static str, secret: &[u8]) {
        assert!((SHORTEST..LONGEST).contains(&secret.len()), "{name}");
        let (bytes, reversed) = (masked(secret.iter()), masked(secret.iter().rev()));
        if !self.0.iter().any(|known| known.bytes == bytes) {
            self.0.push(Masked { name, bytes, reversed });
        }
    }

    pub(crate) fn remove(&mut self, secret: &[u8]) {
        let bytes = masked(secret.iter());
        self.0.retain(|known| known.bytes != bytes);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|secret| secret.name.to_owned()).collect()
    }

    /// Returns the sorted names of the secrets that are in memory.
    pub(crate) fn search(&self) -> Vec<String> {
        scrub_stacks();
        let mut found = vec![false; self.0.len()];
        let mut buffer = vec![0; CHUNK];
        let own = buffer.as_ptr() as usize;
        let own = own..own + CHUNK;
        let mut memory = File::open("/proc/self/mem").unwrap();
        for (first, end) in writable() {
            let mut at = first;
            while at < end {
                let len = CHUNK.min(end - at);
                // Some mappings cannot be read.
                let readable = memory.seek(SeekFrom::Start(at as u64)).is_ok()
                    && memory.read_exact(&mut buffer[..len]).is_ok();
                if readable {
                    self.look(&buffer[..len], |place| own.contains(&(at + place)), &mut found);
                }
                at += if len == CHUNK { CHUNK - LONGEST } else { len };
            }
        }
        // The buffer contains a copy of the memory, and is in memory itself.
        buffer.fill(0);
        std::hint::black_box(&buffer);
        self.0
            .iter()
            .zip(found)
            .filter(|(_, found)| *found)
            .map(|(secret, _)| secret.name.to_owned())
            .collect()
    }

    fn look(&self, memory: &[u8], is_own: impl Fn(usize) -> bool, found: &mut [bool]) {
        // The first two bytes rule out most positions.
        let mut candidates = vec![false; 1 << 16];
        let pair = |first: u8, second: u8| usize::from(first) << 8 | usize::from(second);
        for secret in &self.0 {
            for form in [&secret.bytes, &secret.reversed] {
                candidates[pair(form[0], form[1])] = true;
            }
        }
        let (first, second) = (mask(0), mask(1));
        for (place, bytes) in memory.windows(2).enumerate() {
            if candidates[pair(bytes[0] ^ first, bytes[1] ^ second)] {
                for (secret, found) in self.0.iter().zip(&mut *found) {
                    let Some(there) = memory.get(place..place + secret.bytes.len()) else { continue };
                    let is_it = |form: &[u8]| {
                        let there = there.iter().enumerate();
                        there.zip(form).all(|((at, byte), masked)| byte ^ mask(at) == *masked)
                    };
                    let there = is_it(&secret.bytes) || is_it(&secret.reversed);
                    *found |= there && !is_own(place);
                }
            }
        }
    }
}

fn masked<'a>(secret: impl Iterator<Item = &'a u8>) -> Vec<u8> {
    secret.enumerate().map(|(place, byte)| byte ^ mask(place)).collect()
}

/// Returns the start and the end of each writable mapping of the process.
fn writable() -> Vec<(usize, usize)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mappings = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (first, end) = range.split_once('-')?;
        let number = |digits| usize::from_str_radix(digits, 16).ok();
        rest.starts_with("rw").then_some((number(first)?, number(end)?))
    });
    let mappings: Vec<_> = mappings.collect();
    assert!(!mappings.is_empty());
    mappings
}

/// Overwrites the unused parts of the stacks of this thread and of the library's worker threads.
fn scrub_stacks() {
    scrub(256);
    let items: Vec<u32> = (0..256).collect();
    let threads = pando_crypto::parallel::map(&items, |_| {
        scrub(64);
        std::thread::current().id()
    });
    assert!(!threads.is_empty());
}

/// Fills `depth` times 4 KiB of the stack with a canary value.
#[inline(never)]
fn scrub(depth: usize) -> u64 {
    let canary = std::hint::black_box([0xca_u8; 4_096]);
    let below = if depth == 0 { 0 } else { scrub(depth - 1) };
    below + u64::from(canary[depth % 4_096])
}

#[test]
fn what_is_there_is_found_and_what_is_gone_is_not() {
    // Otherwise another search might have the secret in its buffer.
    let _alone = crate::alone();
    let mut wanted = Wanted::default();
    let secret: Vec<u8> = (0..40).map(|place: u8| place.wrapping_mul(91) ^ 0x3c).collect();
    wanted.add("a canary", &secret);
    assert_eq!(wanted.search(), ["a canary"]);
    let mut secret = std::hint::black_box(secret);
    secret.fill(0);
    std::hint::black_box(&secret);
    assert_eq!(wanted.search(), [""; 0]);
    // The number is stored in the opposite byte order.
    let secret = std::hint::black_box((u128::MAX / 7_919) ^ 0x1234_5678);
    let mut number = Wanted::default();
    number.add("a number", &secret.to_be_bytes());
    let secret = std::hint::black_box(Box::new(secret));
    assert_eq!(number.search(), ["a number"]);
    drop(secret);
    // The secrets are dropped without being overwritten, so they leave copies in many places.
    let secret: Vec<u8> = (0..64).map(|place: u32| ((place * 7_919) >> 5) as u8).collect();
    let mut leftover = Wanted::default();
    leftover.add("a leftover", &secret[24..]);
    drop(std::hint::black_box(vec![secret; 1_000]));
    assert_eq!(leftover.search(), ["a leftover"]);
}
