//! The floats that twins are generic over.

use num_traits::Float;

use super::{Call, Slice, Step, Twin};

/// f32 or f64.
pub trait Real: Float + std::fmt::Debug + Default + Send + Sync + 'static {
    /// Rounded from f64.
    fn of(value: f64) -> Self;
    /// Widened to f64: twins sum in f64.
    fn wide(self) -> f64;
    /// The twin in this precision.
    fn twin(twin: &Twin) -> fn(&Call, &Step, &mut [Slice<'_, Self>]);
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn twin(twin: &Twin) -> fn(&Call, &Step, &mut [Slice<'_, Self>]) {
        twin.f32
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
    fn twin(twin: &Twin) -> fn(&Call, &Step, &mut [Slice<'_, Self>]) {
        twin.f64
    }
}
