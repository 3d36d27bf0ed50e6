// Four random words of four that count: each depends on every bit of all of them. random::counted is the same.
// pcg4d of Jarzynski and Olano, Hash Functions for GPU Rendering, 2020, https://jcgt.org/published/0009/03/02/.
fn counted(counts: vec4<u32>) -> vec4<u32> {
    var v = counts * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4<u32>(16u);
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return v;
}
