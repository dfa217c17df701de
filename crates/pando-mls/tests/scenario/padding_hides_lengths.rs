//! Members pad messages before encryption. Each member chooses its own padding, and all members can
//! read each other's messages.

use crate::world::{World, fast_suites, read, suite};
use pando_mls::{Encode, GroupConfig, Padding};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

fn padded(padding: Padding) -> World {
    let mut world = World::with_config(suite(1), GroupConfig::default().with_padding(padding));
    world.add(0, 1);
    world
}

/// Returns the lengths on the wire of messages of all lengths below a limit.
fn lengths(padding: Padding, limit: usize) -> BTreeSet<usize> {
    let mut world = padded(padding);
    (0..limit)
        .map(|length| {
            let message = world.send(0, &vec![7; length]);
            assert_eq!(read(world.members[1].process(&message)).1, vec![7; length]);
            message.encode().unwrap().len()
        })
        .collect()
}

#[test]
fn padding_hides_lengths() {
    // Without padding, every length is visible.
    assert_eq!(lengths(Padding::None, 300).len(), 300);
    // In steps of 512 bytes, all these messages have the same length.
    assert_eq!(lengths(Padding::Multiple(NonZeroUsize::new(512).unwrap()), 300).len(), 1);
    let few = lengths(Padding::Padme, 300).len();
    assert!(few < 25, "{few}");
}

#[test]
fn members_with_different_paddings_read_each_other() {
    for suite in fast_suites() {
        let mut world = World::new(suite);
        for padding in [Padding::None, Padding::Multiple(NonZeroUsize::new(7).unwrap()), Padding::Padme] {
            world.config.padding = padding;
            world.add(0, 1);
        }
        for by in 0..4 {
            world.chat(by);
            world.propose_update(by);
            world.commit((by + 1) % 4, |builder| builder);
        }
    }
}
