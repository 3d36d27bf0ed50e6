use gpu_train::ops::reduce::sum_partials;

use crate::harness::assert_cases;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&sum_partials::KERNEL);
}
