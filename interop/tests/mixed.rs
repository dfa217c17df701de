//! Tests that members of several implementations agree in every epoch, regardless of which member
//! performs which operation.

use pando_mixed::matrix::{self, AWS_LC, Mix, PAIRS, TRIPLE};

fn agree(mix: Mix, suites: &[u16]) {
    let mut epochs = 0;
    for suite in suites {
        match matrix::run(mix, *suite) {
            Ok(counts) => epochs += counts.epochs,
            Err(divergence) => panic!("{divergence}"),
        }
    }
    assert!(epochs >= 1_000);
}

#[test]
fn pando_and_openmls() {
    assert_eq!(matrix::suites(PAIRS[0]), [1, 2, 3]);
    agree(PAIRS[0], &[1, 2, 3]);
}

#[test]
fn pando_and_mls_rs() {
    assert_eq!(matrix::suites(PAIRS[1]), [1, 2, 3, 7]);
    agree(PAIRS[1], &[1, 2, 3, 7]);
}

#[test]
fn all_three() {
    assert_eq!(matrix::suites(TRIPLE), [1, 2, 3]);
    agree(TRIPLE, &[1, 2, 3]);
}

#[test]
fn aws_lc() {
    assert_eq!(matrix::suites(AWS_LC), [1, 2, 3, 5, 7]);
    agree(AWS_LC, &[1, 2, 3]);
}

#[test]
fn aws_lc_with_larger_curves() {
    agree(AWS_LC, &[5, 7]);
}

#[test]
fn a_seed_says_all() {
    let [run, other] = [TRIPLE, PAIRS[1]].map(|mix| {
        let mut run = matrix::runs(mix, 1).remove(0);
        run.epochs = 30;
        run
    });
    for run in [run, other] {
        let counts = [run.run(), run.run()].map(|counts| match counts {
            Ok(counts) => counts,
            Err(divergence) => panic!("{divergence}"),
        });
        assert_eq!(counts[0], counts[1]);
    }
}
