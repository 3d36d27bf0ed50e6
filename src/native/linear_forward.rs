//! `linear_forward`.

use rayon::prelude::*;

use super::activation::finish;
use super::product::{MOST_ROWS, Matrix, multiply_rows};
use super::{Part, Workspace};
use crate::activation::Activation;
use crate::kernels::Call;
use crate::kernels::linear_forward::Params;
use crate::reference::Slice;
use crate::shape::{QUAD, padded};

/// Rows of a product, or a little more: whole samples.
const ROWS: usize = 16;

/// output = activation(input * weight + bias): (rows, `in`) by (`in`, `out`), all padded.
///
/// No sample's results depend on the rows beside it. A call for the whole batch gives every thread its
/// part of the rows: a large weight is read once for 64 samples, not once for every shard.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, weight, bias, output] = slices else {
        panic!("linear_forward binds four buffers");
    };
    let params: &Params = call.params();
    let activation = Activation::from_number(params.activation);
    let ins = params.in_quads as usize * QUAD;
    let channels = params.out_channels as usize;
    let outs = padded(channels);
    let rows_per_sample = params.rows_per_sample as usize;
    let rows = part.step.batch as usize * rows_per_sample;
    let weight = Matrix::new(weight.real(), ins, outs);
    let bias = &bias.real()[..outs];
    let input = &input.real()[..rows * ins];
    let output = &mut output.real_mut()[..rows * outs];
    let multiply = |workspace: &mut Workspace, input: &[f32], output: &mut [f32]| {
        let [spare] = workspace.take([2 * outs]);
        let input = Matrix::new(input, input.len() / ins, ins);
        multiply_rows(output, input, weight, spare);
        finish(activation, bias, channels, output);
    };
    if call.whole_batch {
        let rows = rows.div_ceil(rayon::current_num_threads());
        let rows = rows.clamp(ROWS, MOST_ROWS);
        let parts = input.par_chunks(rows * ins);
        return parts.zip(output.par_chunks_mut(rows * outs)).for_each_init(
            Workspace::default,
            |workspace, (input, output)| {
                multiply(workspace, input, output);
            },
        );
    }
    let together = ROWS.div_ceil(rows_per_sample) * rows_per_sample;
    let parts = input.chunks(together * ins);
    for (input, output) in parts.zip(output.chunks_mut(together * outs)) {
        multiply(part.workspace, input, output);
    }
}
