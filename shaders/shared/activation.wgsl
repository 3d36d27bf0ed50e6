// Activations and their derivatives. The exponential is our own: drivers differ in theirs, some
// give NaN for large arguments, and software ones are off by more than a unit in the last place.
const LINEAR: u32 = 0u;
const RELU: u32 = 1u;
const SIGMOID: u32 = 2u;
const TANH: u32 = 3u;

// e^x for |x| <= 87, within 2 units in the last place: x = n ln 2 + r with ln 2 in two parts
// (Cody and Waite), a polynomial of degree 6 for e^r on |r| <= ln 2 / 2, and 2^n by its bits.
fn exponential(x: vec4<f32>) -> vec4<f32> {
    let n = floor(x * 1.44269504088896341 + 0.5);
    let r = (x - n * 0.693359375) - n * -2.12194440e-4;
    var p = vec4<f32>(1.9875691500e-4);
    p = p * r + 1.3981999507e-3;
    p = p * r + 8.3334519073e-3;
    p = p * r + 4.1665795894e-2;
    p = p * r + 1.6666665459e-1;
    p = p * r + 5.0000001201e-1;
    let mantissa = p * r * r + r + 1.0;
    return mantissa * bitcast<vec4<f32>>((vec4<i32>(n) + 127) << vec4<u32>(23u));
}

fn sigmoid(x: vec4<f32>) -> vec4<f32> {
    return 1.0 / (1.0 + exponential(-clamp(x, vec4<f32>(-87.0), vec4<f32>(87.0))));
}

// Near 0 the quotient of exponentials cancels; there an odd polynomial (Cephes' tanhf) serves.
fn hyperbolic_tangent(x: vec4<f32>) -> vec4<f32> {
    let z = x * x;
    var p = vec4<f32>(-5.70498872745e-3);
    p = p * z + 2.06390887954e-2;
    p = p * z - 5.37397155531e-2;
    p = p * z + 1.33314422036e-1;
    p = p * z - 3.33332819422e-1;
    let near = p * z * x + x;
    let magnitude = min(abs(x), vec4<f32>(15.0));
    let far = sign(x) * (1.0 - 2.0 / (exponential(2.0 * magnitude) + 1.0));
    return select(far, near, abs(x) < vec4<f32>(0.625));
}

// The activation of x, by number: see src/activation.rs.
fn activate(activation: u32, x: vec4<f32>) -> vec4<f32> {
    switch activation {
        case RELU: { return max(x, vec4<f32>(0.0)); }
        case SIGMOID: { return sigmoid(x); }
        case TANH: { return hyperbolic_tangent(x); }
        default: { return x; }
    }
}

// The derivative of the activation where its output is y.
fn activation_slope(activation: u32, y: vec4<f32>) -> vec4<f32> {
    switch activation {
        case RELU: { return select(vec4<f32>(0.0), vec4<f32>(1.0), y > vec4<f32>(0.0)); }
        case SIGMOID: { return y * (1.0 - y); }
        case TANH: { return 1.0 - y * y; }
        default: { return vec4<f32>(1.0); }
    }
}

// Zeroes the lanes of channel quad `quad` that pad `channels` to a multiple of four: the sigmoid
// of a padding channel is not 0.
fn without_padding(x: vec4<f32>, quad: u32, channels: u32) -> vec4<f32> {
    let channel = vec4<u32>(4u * quad) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), x, channel < vec4<u32>(channels));
}
