//! Matrix products, by the crate `gemm`.

use std::ops::{Range, RangeInclusive};

use gemm_common::Parallelism;

/// A matrix in memory: element (row, column) lies at `row * row_stride + column * column_stride`.
/// Rows may overlap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    floats: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `columns` floats, one after the other.
    pub(crate) const fn new(floats: &'a [f32], rows: usize, columns: usize) -> Self {
        Self {
            floats,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The same, its rows so far apart.
    pub(crate) const fn with_row_stride(self, row_stride: usize) -> Self {
        Self { row_stride, ..self }
    }

    /// Its rows.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Floats of a row.
    pub(crate) const fn row_len(&self) -> usize {
        self.columns
    }

    /// Some of the rows.
    pub(crate) fn rows_of(self, rows: Range<usize>) -> Self {
        self.transposed().columns(rows).transposed()
    }

    /// Some of the columns.
    pub(crate) fn columns(self, columns: Range<usize>) -> Self {
        Self {
            floats: &self.floats[(columns.start * self.column_stride).min(self.floats.len())..],
            columns: columns.len(),
            ..self
        }
    }

    /// Rows and columns exchanged.
    pub(crate) const fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// A single row as often as to make `rows` of it; what has as many stays as it is.
    pub(crate) const fn repeated_to(self, rows: usize) -> Self {
        let row_stride = if self.rows == 1 { 0 } else { self.row_stride };
        Self {
            rows,
            row_stride,
            ..self
        }
    }

    /// Floats from the first element to the last.
    const fn span(&self) -> usize {
        if self.rows == 0 || self.columns == 0 {
            return 0;
        }
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride + 1
    }
}

/// `output` (+)= a * b; `output` has a row of `b.columns` floats per row of `a`.
///
/// `gemm` stores whole vectors along columns, and is given the transposed product, b^T * a^T; but where
/// it would have to copy a large `b` in another order for a few rows of `a`.
pub(crate) fn multiply(output: &mut [f32], accumulate: bool, a: Matrix<'_>, b: Matrix<'_>) {
    assert_eq!(a.columns, b.rows, "inner sizes agree");
    if b.column_stride == 1 || a.rows > FEW_ROWS {
        let strides = [1, b.columns];
        multiply_strided(output, strides, accumulate, b.transposed(), a.transposed());
    } else {
        multiply_strided(output, [b.columns, 1], accumulate, a, b);
    }
}

/// Inner sizes of which [`multiply`] adds the whole product, rounded once, to what is there: the same bits as
/// adding it afterwards. Outside, `gemm` begins its sums with what is there, or adds them in several parts.
/// Neither output size may be 1.
pub(crate) const ADDED_WHOLE: RangeInclusive<usize> = 3..=512;

/// See [`multiply`].
const FEW_ROWS: usize = 32;

/// `output`, whose rows and columns are that far apart, (+)= a * b.
#[expect(unsafe_code, reason = "gemm takes pointers")]
fn multiply_strided(
    output: &mut [f32],
    strides: [usize; 2],
    accumulate: bool,
    a: Matrix<'_>,
    b: Matrix<'_>,
) {
    let [row_stride, column_stride] = strides;
    let written = Matrix {
        floats: output,
        rows: a.rows,
        columns: b.columns,
        row_stride,
        column_stride,
    };
    for matrix in [&written, &a, &b] {
        assert!(
            matrix.span() <= matrix.floats.len(),
            "a matrix lies within its slice"
        );
    }
    let gemm = gemm_f32::gemm::f32::get_gemm_fn();
    let stride = |stride: usize| stride.cast_signed();
    // SAFETY: by the assertion above, every element of the three matrices lies within its slice;
    // `output` is borrowed mutably, so neither input overlaps it.
    unsafe {
        gemm(
            a.rows,
            b.columns,
            a.columns,
            output.as_mut_ptr(),
            stride(column_stride),
            stride(row_stride),
            accumulate,
            a.floats.as_ptr(),
            stride(a.column_stride),
            stride(a.row_stride),
            b.floats.as_ptr(),
            stride(b.column_stride),
            stride(b.row_stride),
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// `output` = a * b, a row at a time to the same bits whatever the other rows are.
///
/// `gemm` sums a single row another way than several: it is computed twice, into `spare`, which
/// holds two rows of the output.
pub(crate) fn multiply_rows(output: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, spare: &mut [f32]) {
    if a.rows != 1 {
        return multiply(output, false, a, b);
    }
    multiply(spare, false, a.repeated_to(2), b);
    output[..b.columns].copy_from_slice(&spare[..b.columns]);
}

/// Rows up to which `gemm` cuts sums of more than [`LONG`] terms in the same places, whatever the rows and
/// columns; past it, products of more than as many columns go on as before, others do not.
pub(crate) const MOST_ROWS: usize = 64;
/// See [`MOST_ROWS`].
pub(crate) const LONG: usize = 512;

/// The instruction set that `gemm` chose on this processor: with another, results are other bits. Where a
/// first cache of another size cuts long sums elsewhere, they may be, too.
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f") {
            return "avx512f";
        }
        if std::is_x86_feature_detected!("fma") {
            return "fma";
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        if std::arch::is_aarch64_feature_detected!("neon") {
            return "neon";
        }
    }
    "scalar"
}

/// `output` = a * b, all `size` x `size`: what a processor's peak is measured with.
pub fn multiply_square(size: usize, a: &[f32], b: &[f32], output: &mut [f32]) {
    let [a, b] = [a, b].map(|floats| Matrix::new(floats, size, size));
    multiply(output, false, a, b);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` numbers without a pattern.
    fn numbers(count: usize) -> Vec<f32> {
        let number = |i: usize| ((i * 7_919 % 1_009) as f32 - 504.0) / 64.0;
        (0..count).map(number).collect()
    }

    #[test]
    fn strides_and_sums_are_right() {
        let (a, b) = (numbers(6), numbers(12));
        let (a, b) = (Matrix::new(&a, 3, 2), Matrix::new(&b, 3, 4));
        let mut output = vec![1.0; 8];
        multiply(&mut output, true, a.transposed(), b);
        for row in 0..2 {
            for column in 0..4 {
                let terms = (0..3).map(|i| a.floats[i * 2 + row] * b.floats[i * 4 + column]);
                assert_eq!(output[row * 4 + column], 1.0 + terms.sum::<f32>());
            }
        }
    }

    #[test]
    #[should_panic(expected = "lies within")]
    fn what_lies_outside_is_never_read() {
        let short = [0.0; 5];
        let matrix = Matrix::new(&short, 3, 2);
        multiply(&mut [0.0; 9], false, matrix, matrix.transposed());
    }

    /// Predictions must not depend on how many pictures come with them.
    #[test]
    fn a_row_does_not_depend_on_the_others() {
        for (inner, columns) in [
            (700, 44),
            (3072, 128),
            (36, 16),
            (288, 48),
            (2352, 44),
            (700, 4),
            (5, 256),
        ] {
            let (a, b) = (numbers(MOST_ROWS * inner), numbers(inner * columns));
            let product = |rows: usize| {
                let mut output = vec![0.0; rows * columns];
                let (a, b) = (
                    Matrix::new(&a, rows, inner),
                    Matrix::new(&b, inner, columns),
                );
                multiply_rows(&mut output, a, b, &mut vec![0.0; 2 * columns]);
                output
            };
            let all = product(MOST_ROWS);
            for rows in (1..16).chain([17, 31, 48, 63]) {
                assert_eq!(
                    product(rows),
                    all[..rows * columns],
                    "{rows} of {inner} x {columns}"
                );
            }
        }
    }
    #[test]
    fn a_product_is_added_whole_to_what_is_there() {
        let round = |count: usize| numbers(count).iter().map(|it| it / 3.0).collect::<Vec<_>>();
        for inner in [3, 4, 5, 16, 48, 127, 511, 512] {
            assert!(ADDED_WHOLE.contains(&inner));
            for (rows, columns) in [(4, 4), (32, 128), (192, 128), (100, 36), (68, 260)] {
                let (a, b) = (round(inner * rows), round(inner * columns));
                let a = Matrix::new(&a, inner, rows).transposed();
                let b = Matrix::new(&b, inner, columns);
                let mut together = round(rows * columns);
                let mut afterwards = vec![0.0; rows * columns];
                multiply(&mut afterwards, false, a, b);
                let sums = afterwards.iter_mut().zip(&together);
                sums.for_each(|(sum, there)| *sum += there);
                multiply(&mut together, true, a, b);
                assert_eq!(together, afterwards, "{rows} x {inner} x {columns}");
            }
        }
    }
}
