use gpu_train::ops::optimizer::squared_norm;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&squared_norm::KERNEL);
}
