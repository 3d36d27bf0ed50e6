//! `linear_forward`.

use super::Part;
use super::activation::finish;
use super::product::{Matrix, multiply_rows};
use crate::activation::Activation;
use crate::kernels::Call;
use crate::kernels::linear_forward::Params;
use crate::reference::Slice;
use crate::shape::{QUAD, padded};

/// Rows of a product, or a little more: whole samples. Depends on nothing but the sizes, so that no
/// sample's results depend on the others.
const ROWS: usize = 16;

/// output = activation(input * weight + bias): (rows, `in`) by (`in`, `out`), all padded.
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
    let together = ROWS.div_ceil(rows_per_sample) * rows_per_sample;
    let weight = Matrix::new(weight.real(), ins, outs);
    let bias = &bias.real()[..outs];
    let input = input.real()[..rows * ins].chunks(together * ins);
    let output = output.real_mut()[..rows * outs].chunks_mut(together * outs);
    let [spare] = part.workspace.take([2 * outs]);
    for (input, output) in input.zip(output) {
        let input = Matrix::new(input, input.len() / ins, ins);
        multiply_rows(output, input, weight, spare);
        finish(activation, bias, channels, output);
    }
}
