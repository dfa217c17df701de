//! Members pad messages before they encrypt them. Each member chooses its own padding, and all
//! members can read each other's messages.

use crate::group_fixture::{GroupFixture, fast_suites, read, suite};
use pando_mls::{Encode, GroupConfig, Padding};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

fn padded(padding: Padding) -> GroupFixture {
    let mut fixture = GroupFixture::with_config(suite(1), GroupConfig::default().with_padding(padding));
    fixture.add(0, 1);
    fixture
}

/// Encrypts messages of all lengths below `limit`. Returns the lengths of the encoded messages.
fn lengths(padding: Padding, limit: usize) -> BTreeSet<usize> {
    let mut fixture = padded(padding);
    (0..limit)
        .map(|length| {
            let message = fixture.send(0, &vec![7; length]);
            assert_eq!(read(fixture.members[1].process(&message)).1, vec![7; length]);
            message.encode().unwrap().len()
        })
        .collect()
}

#[test]
fn padding_hides_lengths() {
    // Without padding, the length of every message is visible.
    assert_eq!(lengths(Padding::None, 300).len(), 300);
    // If messages are padded to multiples of 512 bytes, all these messages have the same length.
    assert_eq!(lengths(Padding::Multiple(NonZeroUsize::new(512).unwrap()), 300).len(), 1);
    let few = lengths(Padding::Padme, 300).len();
    assert!(few < 25, "{few}");
}

#[test]
fn members_with_different_paddings_read_each_other() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::new(suite);
        for padding in [Padding::None, Padding::Multiple(NonZeroUsize::new(7).unwrap()), Padding::Padme] {
            fixture.config.padding = padding;
            fixture.add(0, 1);
        }
        for by in 0..4 {
            fixture.chat(by);
            fixture.propose_update(by);
            fixture.commit((by + 1) % 4, |builder| builder);
        }
    }
}
