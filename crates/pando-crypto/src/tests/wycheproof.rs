//! The vectors of project Wycheproof, with their verdicts.
//!
//! A vector is "valid" (it must be accepted, with exactly the given result), "invalid" (it must be refused)
//! or "acceptable": there the standards leave a choice, and each test states the rule by which we choose.
//! No vector is left out: what cannot even be given to our functions counts as refused, and is asserted to
//! be refused.

mod diffie_hellman;
mod signatures;
mod symmetric;

/// How many vectors were accepted and refused.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    fn count(&mut self, accepted: bool) {
        *(if accepted { &mut self.accepted } else { &mut self.refused }) += 1;
    }

    /// Every vector of the set was looked at, and neither outcome is missing.
    fn assert_complete(self, number_of_tests: usize) {
        assert_eq!(self.accepted + self.refused, number_of_tests);
        assert!(self.accepted > 0 && self.refused > 0, "{self:?}");
    }
}
