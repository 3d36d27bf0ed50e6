use gpu_train::ops::pool::avg_pool2d_forward;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&avg_pool2d_forward::KERNEL);
}
