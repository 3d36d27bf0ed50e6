use gpu_train::ops::elementwise::add_forward;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&add_forward::KERNEL);
}
