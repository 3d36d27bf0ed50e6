use gpu_train::ops::activation::activation_forward;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&activation_forward::KERNEL);
}
