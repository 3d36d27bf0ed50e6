// Adds the sums of all slices to those of slice 0, by halves, always in the same order.
// Expects `slice`, the sums sum_0_0.. of ROWS by COLUMNS quads, and a barrier since `memory` was
// last read.
//#if SLICES > 1
//#let PLANE = THREAD_ROWS*THREAD_COLUMNS
let place = local % ${PLANE}u;
for (var apart = ${SLICES/2}u; apart > 0u; apart /= 2u) {
    if (slice >= apart && slice < 2u * apart) {
        let at = (slice - apart) * ${PLANE}u + place;
//#for r in 0..ROWS
//#for c in 0..COLUMNS
        memory[at + ${(r*COLUMNS+c)*(SLICES/2)*PLANE}u] = sum_${r}_${c};
//#end
//#end
    }
    workgroupBarrier();
    if (slice < apart) {
        let at = slice * ${PLANE}u + place;
//#for r in 0..ROWS
//#for c in 0..COLUMNS
        sum_${r}_${c} += memory[at + ${(r*COLUMNS+c)*(SLICES/2)*PLANE}u];
//#end
//#end
    }
    workgroupBarrier();
}
//#end
