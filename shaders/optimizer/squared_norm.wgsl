// Partial sums of the squares of all gradients.
//
// gradients  [quads] vec4     all of them, flat, padding zero
// partials   [THREADS] f32    their sum is the square of the norm
//
// One thread per partial sum: every THREADS-th quad. The number of threads does not depend on the
// gradients, so that one clip_gradients thread can add up all of the partial sums.
//#include step
//#include thread

struct Params {
    quads: u32,
}

@group(0) @binding(0) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(workgroup, workgroups, local);
    if (index >= THREADS) {
        return;
    }
    var sum = vec4<f32>(0.0);
    for (var quad = index; quad < params.quads; quad += THREADS) {
        let gradient = gradients[quad];
        sum += gradient * gradient;
    }
    partials[index] = (sum.x + sum.y) + (sum.z + sum.w);
}
