// output = the sum of `splits` partial results, always in the same order.
//
// partials  [splits, quads] vec4
// output    [quads] vec4
//
// A workgroup sums QUADS quads, each by WALKERS threads, a power of two, that take every WALKERS-th partial
// result; their sums are added by halves.
//#include step

const THREADS: u32 = QUADS * WALKERS;

struct Params {
    splits: u32,
    quads: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> memory: array<vec4<f32>, THREADS>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * workgroups.x + workgroup.x) * QUADS + local % QUADS;
    // Quads past the end repeat the last one and are not stored.
    let quad = min(index, params.quads - 1u);
    let stride = WALKERS * params.quads;
    var sum = vec4<f32>(0.0);
    var split = local / QUADS;
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
        if (local < apart * QUADS) {
            memory[local] += memory[local + apart * QUADS];
        }
        workgroupBarrier();
    }
    if (local < QUADS && index < params.quads) {
        output[index] = memory[local];
    }
}
