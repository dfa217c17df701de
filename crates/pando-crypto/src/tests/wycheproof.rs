//! Tests against the vectors of Project Wycheproof.
//!
//! A "valid" vector must be accepted with exactly the given result, and an "invalid" one must be
//! rejected. For an "acceptable" vector, the standards leave a choice, and each test states the
//! rule by which we choose. No vector is skipped. An input that our functions cannot represent
//! counts as rejected, and the test asserts that this is the expected result.

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

    /// Asserts that all vectors were counted, and that some were accepted and some rejected.
    fn assert_complete(self, number_of_tests: usize) {
        assert_eq!(self.accepted + self.refused, number_of_tests);
        assert!(self.accepted > 0 && self.refused > 0, "{self:?}");
    }
}
