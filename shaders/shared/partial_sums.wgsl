// The sum of partial results, always in the same order. Params has splits and quads, the quads of each; a variant,
// WALKERS; `partials` are bound.
//
// A quad is summed by WALKERS threads, a power of two, that take every WALKERS-th partial result; their sums are added
// by halves. A workgroup sums as many quads as it has threads for.
var<workgroup> memory: array<vec4<f32>, WORKGROUP_SIZE>;

// Where a thread's quad is: the first threads of a workgroup, one for each of its quads, have the sums.
struct Summed {
    quad: u32,
    is_there: bool,  // whether the thread has a sum
}

fn summed(workgroup: vec3<u32>, workgroups: vec3<u32>, local: u32) -> Summed {
    let own = WORKGROUP_SIZE / WALKERS;
    let quad = (workgroup.y * workgroups.x + workgroup.x) * own + local % own;
    return Summed(quad, local < own && quad < params.quads);
}

// The sum of quad `index` of all partial results; past the end, of the last one. All threads meet in it.
fn sum_of_splits(index: u32, local: u32) -> vec4<f32> {
    let own = WORKGROUP_SIZE / WALKERS;
    let quad = min(index, params.quads - 1u);
    let stride = WALKERS * params.quads;
    var sum = vec4<f32>(0.0);
    var split = local / own;
    // Four loads are on their way at a time.
    for (; split + 3u * WALKERS < params.splits; split += 4u * WALKERS) {
        let at = split * params.quads + quad;
        let first = partials[at] + partials[at + stride];
        sum += first + (partials[at + 2u * stride] + partials[at + 3u * stride]);
    }
    for (; split < params.splits; split += WALKERS) {
        sum += partials[split * params.quads + quad];
    }
    memory[local] = sum;
    workgroupBarrier();
    for (var apart = WALKERS / 2u; apart > 0u; apart /= 2u) {
        if (local < apart * own) {
            memory[local] += memory[local + apart * own];
        }
        workgroupBarrier();
    }
    return memory[local];
}
