//! Delta debugging, which shortens a list while preserving a property.

use std::time::{Duration, Instant};

/// Returns a list that still `fails`, as short as can be found within the given time. First drops
/// halves, then quarters, and so on down to single elements, until nothing more can be dropped.
pub(crate) fn shorten<T: Clone>(list: &[T], time: Duration, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let deadline = Instant::now() + time;
    let mut list = list.to_vec();
    let mut chunk = list.len().div_ceil(2).max(1);
    loop {
        let before = list.len();
        // The search starts from the end, because later steps often depend on earlier ones, but
        // seldom the reverse.
        let mut end = list.len();
        while end > 0 {
            if Instant::now() > deadline {
                return list;
            }
            let begin = end.saturating_sub(chunk);
            let without = [&list[..begin], &list[end..]].concat();
            if fails(&without) {
                list = without;
            }
            end = begin;
        }
        if chunk == 1 && list.len() == before {
            return list;
        }
        chunk = chunk.div_ceil(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_needed_stays_and_nothing_else() {
        let list: Vec<u32> = (0..1_000).collect();
        let needed = [3, 500, 501, 999];
        let shortened = shorten(&list, LONG, |list| needed.iter().all(|number| list.contains(number)));
        assert_eq!(shortened, needed);
    }

    #[test]
    fn what_always_holds_holds_for_nothing() {
        assert_eq!(shorten(&[1, 2, 3], LONG, |_| true), []);
    }

    #[test]
    fn no_more_is_tried_when_the_time_is_over() {
        let mut tried = 0;
        let list = [1; 100];
        let shortened = shorten(&list, Duration::ZERO, |_| {
            tried += 1;
            false
        });
        assert!(shortened == list && tried <= 1);
    }
}
