// 2 / n, correctly rounded: drivers' divisions may be off by 2.5 units in the last place, and every
// gradient of the step is multiplied with it. A long division in binary.
fn two_over(n: u32) -> f32 {
    let bits = 32u - countLeadingZeros(n - 1u);  // 2^bits / n is from 1 to 2
    var remainder = (1u << bits) - n;
    var quotient = 1u;
    for (var bit = 0u; bit < 23u; bit++) {
        remainder = 2u * remainder;
        quotient = 2u * quotient;
        if (remainder >= n) {
            remainder -= n;
            quotient += 1u;
        }
    }
    quotient += select(0u, 1u, 2u * remainder >= n);
    return f32(quotient) * bitcast<f32>((127u + 1u - 23u - bits) << 23u);
}
