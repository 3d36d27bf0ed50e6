// output = activation(images[order[batch_start + n]] / 255 * weight + bias): gather and the linear
// layer that reads its images as vectors, in one; to the same bits.
//
// images_0..3  packed u8, as gather has them, each image a vector of 4 in_quads elements
// order        [count] u32        image number by position of the epoch
// weight       [4 in_quads, out_quads] vec4
// bias         [out_quads] vec4
// output       [batch, out_quads] vec4
//
// One thread per ROWS samples by COLUMNS quads of output, as in linear_forward. Four elements are
// one load here and four there, and come without a pass over the batch.
//#include step
//#include activation

struct Params {
    in_quads: u32,
    image_words: u32,      // from one image to the next
    images_per_part: u32,
    out_channels: u32,     // unpadded
    activation: u32,
}

@group(0) @binding(0) var<storage, read> images_0: array<u32>;
@group(0) @binding(1) var<storage, read> images_1: array<u32>;
@group(0) @binding(2) var<storage, read> images_2: array<u32>;
@group(0) @binding(3) var<storage, read> images_3: array<u32>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> params: Params;

//#include images
//#include thread

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let out_quads = (params.out_channels + 3u) / 4u;
    let column_tiles = (out_quads + ${COLUMNS-1}u) / ${COLUMNS}u;
//#include tile_place
    let first_column = column_tile * ${COLUMNS}u;
    let first_row = row_tile * ${ROWS}u;
    // Rows past the end repeat the last one and are not stored.
//#for r in 0..ROWS
    let image_${r} = order[step.batch_start + min(first_row + ${r}u, step.batch - 1u)];
    let part_${r} = part_of(image_${r});
    let row_${r} = first_word_of(image_${r}, part_${r});
//#end
//#include linear_sums
    let live_start = first_row;
    let live_end = min(first_row + ${ROWS}u, step.batch);
//#include store_activated
}
