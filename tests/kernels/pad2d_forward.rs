use gpu_train::ops::pad::pad2d_forward;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&pad2d_forward::KERNEL);
}
