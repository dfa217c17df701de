//! Tracks the epochs of a run, and the values on which all actors in the same epoch must agree: the
//! epoch authenticator and an exported secret (RFC 9420, sections 8.5 and 8.7).

use super::failure::Failure;

/// The number of an epoch, which a Commit or the creation of a group starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(usize);

/// The known values of each epoch.
#[derive(Default)]
pub(super) struct Epochs {
    known: Vec<Secrets>,
}

/// The values that the first actor in an epoch reported, each with the name of that actor.
#[derive(Default)]
struct Secrets {
    authenticator: Option<(String, Vec<u8>)>,
    exported: Option<(String, Vec<u8>)>,
}

impl Epochs {
    /// Begins a new epoch, in which there is no actor yet.
    pub(super) fn begin(&mut self) -> Epoch {
        self.known.push(Secrets::default());
        Epoch(self.known.len().saturating_sub(1))
    }

    /// Compares the epoch authenticator of `actor` with the value of the first actor in the epoch.
    pub(super) fn authenticator(&mut self, epoch: Epoch, actor: &str, value: Vec<u8>) -> Result<(), Failure> {
        match self.known.get_mut(epoch.0) {
            Some(secrets) => same(&mut secrets.authenticator, actor, value, "epoch authenticators"),
            None => Ok(()),
        }
    }

    /// Compares the exported secret of `actor` with the value of the first actor in the epoch.
    pub(super) fn exported(&mut self, epoch: Epoch, actor: &str, value: Vec<u8>) -> Result<(), Failure> {
        match self.known.get_mut(epoch.0) {
            Some(secrets) => same(&mut secrets.exported, actor, value, "exported secrets"),
            None => Ok(()),
        }
    }
}

fn same(
    first: &mut Option<(String, Vec<u8>)>,
    actor: &str,
    value: Vec<u8>,
    what: &'static str,
) -> Result<(), Failure> {
    match first {
        None => *first = Some((actor.to_owned(), value)),
        Some((_, known)) if *known == value => {}
        Some((other, _)) => {
            return Err(Failure::Disagreement { actor: actor.to_owned(), other: other.clone(), what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_differs_from_the_first_is_named() {
        let mut epochs = Epochs::default();
        let (one, other) = (epochs.begin(), epochs.begin());
        epochs.authenticator(one, "alice", vec![1]).unwrap();
        epochs.authenticator(one, "bob", vec![1]).unwrap();
        epochs.authenticator(other, "carol", vec![2]).unwrap();
        let failure = epochs.authenticator(one, "carol", vec![2]).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "carol and alice are in the same epoch but have different epoch authenticators"
        );
        epochs.exported(one, "bob", vec![3]).unwrap();
        let failure = epochs.exported(one, "alice", vec![4]).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "alice and bob are in the same epoch but have different exported secrets"
        );
    }
}
