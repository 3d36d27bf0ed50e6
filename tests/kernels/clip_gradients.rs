use gpu_train::ops::optimizer::clip_gradients;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&clip_gradients::KERNEL);
}
