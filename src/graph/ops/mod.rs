//! The operations, one file each: how it is recorded (with its shape rule), its kernels, its
//! derivative. A new one adds its line here.

pub mod activation;
pub mod adam_step;
pub mod adaptive_max_pool2d;
pub mod conv2d;
mod conv2d_max_pool2d;
pub mod gather;
pub mod linear;
pub mod max_pool2d;
pub mod mse_loss;
