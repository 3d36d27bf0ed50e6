// A step of a convolution for HEIGHT lines of WIDTH neighbouring pixels by COLUMNS quads of
// channels: one input quad at TAPS neighbouring taps. Neighbours share most of their input, so a
// line loads WIDTH + TAPS - 1 quads for WIDTH * TAPS products.
// Expects `input_at` (the first pixel's quad), `right` and `down` (quads from a pixel to the next
// one and to the one below), `weight_at`, `tap_stride` (quads from a tap's weights to the next
// one's), `weight_stride`, column_0.. (with LANES = 8 own_0..) and the sums. Sums are numbered by
// squares of HEIGHT x 2 pixels where HEIGHT is 2, else along the line. See product_nn.
//#for h in 0..HEIGHT
//#for w in 0..WIDTH+TAPS-1
let a_${h}_${w} = input[input_at + ${h}u * down + ${w}u * right];
//#end
//#end
//#for t in 0..TAPS
//#if LANES > 1
//#for j in 0..(4*COLUMNS+7)/8
let own_b_${t}_${j} = weight[weight_at + ${t}u * tap_stride + own_${j}];
//#end
//#end
//#if LANES < 2
//#for k in 0..4
//#for c in 0..COLUMNS
let b_${t}_${k}_${c} = weight[weight_at + ${t}u * tap_stride + ${k}u * weight_stride + column_${c}];
//#end
//#end
//#end
//#end
//#for c in 0..COLUMNS
//#for t in 0..TAPS
//#if LANES > 1
//#for k in 0..4
let b_${t}_${k}_${c} = subgroupBroadcast(own_b_${t}_${(k*COLUMNS+c)/8}, ${(k*COLUMNS+c)%8}u);
//#end
//#end
//#end
//#for h in 0..HEIGHT
//#for w in 0..WIDTH
//#let r = 2*HEIGHT*(w/2)+2*h+w%2
//#for t in 0..TAPS
sum_${r}_${c} += a_${h}_${w+t}.x * b_${t}_0_${c} + a_${h}_${w+t}.y * b_${t}_1_${c} + a_${h}_${w+t}.z * b_${t}_2_${c} + a_${h}_${w+t}.w * b_${t}_3_${c};
//#end
//#end
//#end
//#end
