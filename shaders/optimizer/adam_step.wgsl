// One step of AdamW over all parameters; gradients that are not finite are counted.
//
// parameters     [quads] vec4   all of them, flat, padding zero
// gradients      [quads] vec4
// first_moment   [quads] vec4
// second_moment  [quads] vec4
// faults         [rows] u32     += how many gradients are NaN or infinite, in row step.row
//
// One thread per ITEMS quads, as many apart as there are threads.
//#include finite
//#include step
//#include thread

struct Params {
    quads: u32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    epsilon: f32,
}

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> first_moment: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> second_moment: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> faults: array<atomic<u32>>;
@group(0) @binding(5) var<uniform> params: Params;

//#include adam

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    let threads = (params.quads + ITEMS - 1u) / ITEMS;
    if (index >= threads) {
        return;
    }
    var count = 0u;
    for (var quad = index; quad < params.quads; quad += threads) {
        let gradient = gradients[quad];
        count += faults_of(gradient);
        update(quad, gradient);
    }
    // A loop of at most one turn: software adapters run both sides of an `if`.
    for (; count > 0u; count = 0u) {
        atomicAdd(&faults[step.row], count);
    }
}
