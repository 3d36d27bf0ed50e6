use gpu_train::ops::batch::normalize;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&normalize::KERNEL);
}
