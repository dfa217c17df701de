//! The vectors of project Wycheproof, with their expected results.
//!
//! A vector is "valid" (it must be accepted, with exactly the given result), "invalid" (it must be
//! rejected) or "acceptable" (the standards leave a choice). For the last kind, each test states
//! the rule by which we choose. No vector is skipped. An input that our functions cannot represent
//! counts as rejected, and the test asserts that.

mod diffie_hellman;
mod signatures;
mod symmetric;

/// The numbers of accepted and rejected vectors.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    fn count(&mut self, accepted: bool) {
        *(if accepted { &mut self.accepted } else { &mut self.refused }) += 1;
    }

    /// Asserts that all vectors were counted, and that both results occur.
    fn assert_complete(self, number_of_tests: usize) {
        assert_eq!(self.accepted + self.refused, number_of_tests);
        assert!(self.accepted > 0 && self.refused > 0, "{self:?}");
    }
}
