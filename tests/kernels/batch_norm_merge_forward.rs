use gpu_train::ops::norm::batch_norm_merge_forward;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&batch_norm_merge_forward::KERNEL);
}
