//! The floats that twins are generic over.

use num_traits::Float;

/// f32 or f64.
pub trait Real: Float + std::fmt::Debug + Default + Send + Sync + 'static {
    /// Rounded from f64.
    fn of(value: f64) -> Self;
    /// Widened to f64: twins sum in f64.
    fn wide(self) -> f64;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
}
