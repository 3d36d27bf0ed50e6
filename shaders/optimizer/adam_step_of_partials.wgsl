// gradients = the sum of `splits` partial results, as sum_partials adds them up, and one step of AdamW with them;
// gradients that are not finite are counted.
//
// partials       [splits, quads] vec4
// parameters     [quads] vec4   those of one layer, padding zero
// gradients      [quads] vec4
// first_moment   [quads] vec4
// second_moment  [quads] vec4
// faults         [rows] u32     += how many gradients are NaN or infinite, in row step.row
//
// WALKERS threads per quad.
//#include finite
//#include step
//#include thread

struct Params {
    splits: u32,
    quads: u32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    epsilon: f32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> gradients: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> first_moment: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> second_moment: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> faults: array<atomic<u32>>;
@group(0) @binding(6) var<uniform> params: Params;

//#include partial_sums
//#include adam

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let own = summed(workgroup, workgroups, local);
    let gradient = sum_of_splits(own.quad, local);
    if (own.is_there) {
        gradients[own.quad] = gradient;
        update(own.quad, gradient);
        let count = faults_of(gradient);
        if (count > 0u) {
            atomicAdd(&faults[step.row], count);
        }
    }
}
