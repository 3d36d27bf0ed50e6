// Shortens the gradient by all parameters to a norm of at most max_norm, as PyTorch's
// clip_grad_norm_ does: gradients *= min(1, max_norm / (norm + 1e-6)).
//
// partials   [PARTIALS] vec4    sums of squares, from squared_norm
// gradients  [quads] vec4       all of them, flat, padding zero
//
// One thread per ITEMS quads, as many apart as there are threads. Each adds up all partial sums, in
// the same order: cheaper than a dispatch for one number.
//#include step
//#include thread

struct Params {
    quads: u32,
    max_norm: f32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gradients: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

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
    var sum = vec4<f32>(0.0);
    for (var partial = 0u; partial < PARTIALS; partial++) {
        sum += partials[partial];
    }
    let norm = sqrt((sum.x + sum.y) + (sum.z + sum.w));
    let factor = params.max_norm / (norm + 1e-6);
    // By this comparison a norm that is NaN or infinite leaves the gradients as they are, or makes them
    // NaN: the optimizer counts them either way.
    if (factor >= 1.0) {
        return;
    }
    for (var quad = index; quad < params.quads; quad += threads) {
        gradients[quad] *= factor;
    }
}
