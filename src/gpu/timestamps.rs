//! Times on the GPU's own clock.

use super::buffer::Download;
use super::device::Gpu;
use crate::error::{Error, Result};

/// A row of timestamps that one submission writes.
#[derive(Debug)]
pub struct Timestamps {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    download: Download,
    count: usize,
    /// Nanoseconds of one tick.
    period: f64,
}

impl Timestamps {
    /// Room for `count` timestamps.
    ///
    /// Errors where the adapter cannot time single dispatches.
    pub fn new(gpu: &Gpu, count: usize) -> Result<Self> {
        if !gpu.has_timestamps() || count > wgpu::QUERY_SET_MAX_QUERIES as usize {
            return Err(Error::gpu(
                format!("this adapter cannot time {count} points of a submission"),
                "omit `profile`, or choose another `device`",
            ));
        }
        let bytes = count as u64 * 8;
        Ok(Self {
            queries: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("profile"),
                ty: wgpu::QueryType::Timestamp,
                count: count as u32,
            }),
            resolved: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("profile"),
                size: bytes,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            download: Download::new(gpu, "profile", bytes)?,
            count,
            period: f64::from(gpu.queue.get_timestamp_period()),
        })
    }

    /// Records timestamp `index`, taken when all work recorded before it is done.
    pub fn write(&self, pass: &mut wgpu::ComputePass<'_>, index: usize) {
        pass.write_timestamp(&self.queries, index as u32);
    }

    /// Submits `encoder`, waits, and returns the timestamps in nanoseconds.
    pub fn submit(&self, gpu: &Gpu, mut encoder: wgpu::CommandEncoder) -> Result<Vec<f64>> {
        encoder.resolve_query_set(&self.queries, 0..self.count as u32, &self.resolved, 0);
        let bytes = self.count as u64 * 8;
        self.download
            .copy_from(&mut encoder, &self.resolved, 0, 0, bytes);
        let submission = gpu.queue.submit([encoder.finish()]);
        self.download.start();
        gpu.wait(Some(submission))?;
        let ticks = |bytes: &[u8]| bytemuck::pod_collect_to_vec::<u8, u64>(bytes);
        let ticks = self
            .download
            .take(|bytes| ticks(&bytes[..self.count * 8]))?;
        Ok(ticks
            .into_iter()
            .map(|tick| tick as f64 * self.period)
            .collect())
    }
}
