// One step of stochastic gradient descent over all parameters, with momentum where there is one, as
// PyTorch's single-tensor form computes it, but that buffers too small to be normal floats are 0;
// gradients that are not finite are counted.
//
// parameters       [quads] vec4   all of them, flat, padding zero
// gradients        [quads] vec4
// momentum_buffer  [quads] vec4
// faults           [rows] u32     += how many gradients are NaN or infinite, in row step.row
//
// One thread per ITEMS quads, as many apart as there are threads. step.factors.x is the learning rate.
//#include finite
//#include step
//#include thread

struct Params {
    quads: u32,
    momentum: f32,
    nesterov: u32,
    weight_decay: f32,
}

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gradients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> momentum_buffer: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> faults: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

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
    let lr = step.factors.x;
    var count = 0u;
    for (var quad = index; quad < params.quads; quad += threads) {
        let parameter = parameters[quad];
        count += faults_of(gradients[quad]);
        let gradient = gradients[quad] + params.weight_decay * parameter;
        let buffer = normal(params.momentum * momentum_buffer[quad] + gradient);
        // Nesterov looks a step ahead.
        let ahead = gradient + params.momentum * buffer;
        let direction = select(buffer, ahead, params.nesterov == 1u);
        momentum_buffer[quad] = buffer;
        parameters[quad] = parameter - lr * direction;
    }
    // A loop of at most one turn: software adapters run both sides of an `if`.
    for (; count > 0u; count = 0u) {
        atomicAdd(&faults[step.row], count);
    }
}
