//! What steps report.

use std::ops::ControlFlow;

use crate::ops::loss::ROW;

/// What one step reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The metrics that the loss kernel wrote.
    pub metrics: [f32; ROW],
    /// Non-finite gradients that the optimizer met.
    pub faults: u32,
}

impl Row {
    /// Samples of the step's batch.
    pub fn samples(&self) -> usize {
        self.metrics[ROW - 1] as usize
    }
}

/// Hands all of `rows` to `each`, also where it breaks.
pub(super) fn hand_over(
    rows: Vec<Row>,
    each: &mut impl FnMut(Row) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut flow = ControlFlow::Continue(());
    for row in rows {
        let next = each(row);
        flow = if flow.is_break() { flow } else { next };
    }
    flow
}

/// The rows of `steps` steps: their metrics, and behind all of these their faults.
pub(super) fn rows(bytes: &[u8], steps: usize) -> Vec<Row> {
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes[..steps * (ROW + 1) * 4]);
    let (metrics, faults) = words.split_at(steps * ROW);
    let row = |(metrics, faults): (&[u32], &u32)| Row {
        metrics: std::array::from_fn(|index| f32::from_bits(metrics[index])),
        faults: *faults,
    };
    metrics.chunks_exact(ROW).zip(faults).map(row).collect()
}
