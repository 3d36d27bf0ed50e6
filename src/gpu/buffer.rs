//! Buffers: making them, filling them in pieces, reading them back.

use super::device::Gpu;
use crate::error::{Error, Result};

/// Bytes that one piece of an upload takes: bounds the staging memory of large uploads.
const UPLOAD_PIECE: usize = 8 << 20;

impl Gpu {
    /// A zeroed storage buffer of `bytes` (rounded up to a multiple of 16, at least 16).
    ///
    /// Errors where the adapter has no room for it.
    pub fn storage(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC;
        self.buffer(label, bytes, usage)
    }

    /// A uniform buffer of `bytes`.
    pub fn uniform(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        self.buffer(label, bytes, usage)
    }

    fn buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let size = bytes.max(16).next_multiple_of(16);
        let limit = self.target().limits.buffer_bytes;
        if size > limit {
            return Err(Error::gpu(
                format!("buffer '{label}' needs {size} bytes; this adapter allows {limit} in one"),
                "use a smaller net, a smaller `batch_size`, or another `device`",
            ));
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        });
        match pollster::block_on(scope.pop()) {
            None => Ok(buffer),
            Some(error) => Err(Error::gpu(
                format!("no GPU memory for buffer '{label}' of {size} bytes: {error}"),
                "use a smaller net, a smaller `batch_size`, or another `device`",
            )),
        }
    }

    /// Writes `bytes` at `offset` (a multiple of 4), before whatever is submitted next.
    pub fn write(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut upload = Upload::new(self, buffer, offset);
        upload.push(bytes)?;
        upload.finish()
    }

    /// Bytes `offset..offset + length` of a storage buffer, after all work submitted so far.
    pub fn read(&self, buffer: &wgpu::Buffer, offset: u64, length: u64) -> Result<Vec<u8>> {
        let download = Download::new(self, "read back", length)?;
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        download.copy_from(&mut encoder, buffer, offset, 0, length);
        let submission = self.queue.submit([encoder.finish()]);
        download.start();
        self.wait(Some(submission))?;
        download.take(|bytes| bytes[..length as usize].to_vec())
    }
}

/// Fills a buffer piece by piece, waiting now and then so that staging memory stays bounded.
#[derive(Debug)]
pub struct Upload<'a> {
    gpu: &'a Gpu,
    buffer: &'a wgpu::Buffer,
    offset: u64,
    pending: Vec<u8>,
}

impl<'a> Upload<'a> {
    /// An upload into `buffer` from `offset` on.
    pub fn new(gpu: &'a Gpu, buffer: &'a wgpu::Buffer, offset: u64) -> Self {
        Self {
            gpu,
            buffer,
            offset,
            pending: Vec::new(),
        }
    }

    /// Appends `bytes`.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while self.pending.len() + bytes.len() >= UPLOAD_PIECE {
            let (piece, rest) = bytes.split_at(UPLOAD_PIECE - self.pending.len());
            self.pending.extend_from_slice(piece);
            bytes = rest;
            self.flush()?;
            // Without waiting, every piece's staging copy would live until the end.
            self.gpu.queue.submit([]);
            self.gpu.wait(None)?;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what is left, padded with zeros to a multiple of 4 bytes.
    pub fn finish(mut self) -> Result<()> {
        let padded = self.pending.len().next_multiple_of(4);
        self.pending.resize(padded, 0);
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            let queue = &self.gpu.queue;
            queue.write_buffer(self.buffer, self.offset, &self.pending);
            self.offset += self.pending.len() as u64;
            self.pending.clear();
        }
        self.gpu.check()
    }
}

/// A mappable buffer that work copies into and the host reads once that work is done.
#[derive(Debug)]
pub struct Download {
    buffer: wgpu::Buffer,
}

impl Download {
    /// A download of at most `bytes`.
    pub fn new(gpu: &Gpu, label: &str, bytes: u64) -> Result<Self> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let buffer = gpu.buffer(label, bytes, usage)?;
        Ok(Self { buffer })
    }

    /// Records the copy of `length` bytes of `source` from `offset` to byte `at` of the download.
    pub fn copy_from(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        source: &wgpu::Buffer,
        offset: u64,
        at: u64,
        length: u64,
    ) {
        encoder.copy_buffer_to_buffer(source, offset, &self.buffer, at, length);
    }

    /// Asks for the mapping; call it after submitting the copies, then wait for that submission.
    pub fn start(&self) {
        // A failure shows in `take`, and in `Gpu::check`.
        self.buffer.map_async(wgpu::MapMode::Read, .., |_| ());
    }

    /// Reads the bytes of a submission that is done, and makes the buffer free again.
    pub fn take<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<R> {
        let result = match self.buffer.get_mapped_range(..) {
            Ok(view) => Ok(read(&view)),
            Err(error) => Err(Error::gpu(
                format!("reading from the GPU failed: {error}"),
                "try another `device`; `gpu-train devices` lists them",
            )),
        };
        self.buffer.unmap();
        result
    }
}
