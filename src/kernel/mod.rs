//! Floor 1: the contract of a kernel, and what kernels are written with. Plain data, no wgpu call.
//!
//! All kernels share one contract:
//! - bind group 0 holds the storage buffers in the order of [`Kernel::bindings`], then the uniform
//!   `params`; what varies from step to step is the immediate `step` ([`Step`]);
//! - batches lie channels-last with channels padded to a multiple of four (see
//!   [`crate::shape::ImageShape`]), padding is zero on the way in and on the way out;
//! - threads are numbered along one dimension; `WORKGROUP_SIZE` comes from [`Grid`], but texts that
//!   share workgroup memory are written for a number of threads, which [`tile::Tile`] knows;
//! - `main` stands last in its file and calls its builtins `workgroup`, `workgroups` and `local`, so that [`merged`]
//!   can put its statements beside another's.

pub mod case;
pub mod choice;
mod grid;
pub mod limits;
pub mod merged;
pub mod native;
pub mod numbers;
mod real;
pub mod shards;
mod slice;
mod step;
pub mod target;
pub mod tile;
pub mod tuning;
mod twin;
pub mod wgsl;

pub use choice::Choice;
pub use grid::{Grid, folded};
pub use real::Real;
pub use slice::Slice;
pub use step::Step;
pub use twin::Twin;
pub(crate) use twin::twin;

/// How a kernel uses a storage buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// Scalars that buffers and Params hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// 32-bit float.
    F32,
    /// 32-bit unsigned integer.
    U32,
}

/// One storage buffer of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Name of the variable in the shader.
    pub name: &'static str,
    /// How it is used.
    pub access: Access,
    /// What it holds (as scalars or vectors of two or four).
    pub scalar: Scalar,
}

/// `name: f32` buffer that is only read.
pub(crate) const fn reads(name: &'static str) -> Binding {
    Binding {
        name,
        access: Access::Read,
        scalar: Scalar::F32,
    }
}

/// `name: u32` buffer that is only read.
pub(crate) const fn reads_words(name: &'static str) -> Binding {
    Binding {
        scalar: Scalar::U32,
        ..reads(name)
    }
}

/// `name: f32` buffer that is written.
pub(crate) const fn writes(name: &'static str) -> Binding {
    Binding {
        access: Access::ReadWrite,
        ..reads(name)
    }
}

/// `name: u32` buffer that is written.
pub(crate) const fn writes_words(name: &'static str) -> Binding {
    Binding {
        access: Access::ReadWrite,
        ..reads_words(name)
    }
}

/// Names and values of the constants that a shader is given, such as `[("ROWS", 8)]`.
pub type Variant = &'static [(&'static str, u32)];

/// The variants of the entries of a table, an array.
macro_rules! variants_of {
    ($table:ident) => {{
        let mut variants: [$crate::kernel::Variant; $table.len()] = [&[]; $table.len()];
        let mut index = 0;
        while index < $table.len() {
            variants[index] = $table[index].variant;
            index += 1;
        }
        variants
    }};
}
pub(crate) use variants_of;

/// A shader and all that the host knows of it.
#[derive(Debug)]
pub struct Kernel {
    /// Name of the shader file, and of everything that belongs to it.
    pub name: &'static str,
    /// The shader's file.
    pub source: &'static str,
    /// Storage buffers, in binding order.
    pub bindings: &'static [Binding],
    /// Fields of Params, in order.
    pub params: &'static [(&'static str, Scalar)],
    /// The sets of constants in use; `&[&[]]` for a shader that needs none.
    pub variants: &'static [Variant],
    /// The same in plain Rust, for reading and for comparing with.
    pub twin: Twin,
    /// The same for the processor, written for speed; without one it runs the twin, in f32.
    pub native: Option<native::Run>,
    /// Launches on odd sizes that run every variant, and how close to the twin each must come.
    pub cases: fn() -> Vec<case::Case>,
}

impl Kernel {
    /// The WGSL of one variant.
    pub fn wgsl(&self, variant: Variant) -> String {
        wgsl::assemble(self.source, variant)
    }

    /// Runs it on the processor: its native kernel, or its twin where it has none.
    pub fn run(&self, call: &Call, part: &mut native::Part<'_>, slices: &mut [Slice<'_, f32>]) {
        match self.native {
            Some(run) => run(call, part, slices),
            None => self.twin.run(call, &part.step, slices),
        }
    }
}

/// A Params struct: plain 4-byte scalars, laid out as in WGSL.
pub trait Params: bytemuck::Pod {
    /// Field names and types, in order.
    const FIELDS: &'static [(&'static str, Scalar)];
}

/// Declares a Params struct together with the field table that the contract test compares with the
/// shader's own.
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $ty:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        pub struct $name { $($(#[$field_meta])* pub $field: $ty,)+ }

        impl $crate::kernel::Params for $name {
            const FIELDS: &'static [(&'static str, $crate::kernel::Scalar)] =
                &[$((stringify!($field), params!(@scalar $ty)),)+];
        }
    };
    (@scalar f32) => { $crate::kernel::Scalar::F32 };
    (@scalar u32) => { $crate::kernel::Scalar::U32 };
}
pub(crate) use params;

/// One use of a kernel: everything but the buffers.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which kernel.
    pub kernel: &'static Kernel,
    /// Which of its variants.
    pub variant: Variant,
    /// Its Params, as words.
    pub params: Vec<u32>,
    /// How many threads.
    pub grid: Grid,
    /// Bytes of memory that the threads of a workgroup share.
    pub workgroup_bytes: u32,
    /// Floating-point operations per sample of the batch, padding not counted; 0 where moving data
    /// is all the work.
    pub flops: u64,
    /// Channels of an input pixel, padding not counted; 0 where the call does not say. The processor's
    /// products leave the padding out.
    pub in_channels: usize,
    /// Whether it needs the whole batch at once, or is faster so: the processor, which runs other kernels
    /// shard by shard, lets the shards meet before it.
    pub whole_batch: bool,
    /// Whether all that it writes is a sum over the shards of a batch, which it needs whole: where ranks share the
    /// batch, each sums its own shards, and the sums are exchanged.
    pub sums_shards: bool,
    /// What the variant was chosen from; `None` where there was no choice, or nobody asked.
    pub choice: Option<Choice>,
}

impl Call {
    /// A call of `kernel` with `params`.
    pub fn new<P: Params>(
        kernel: &'static Kernel,
        variant: Variant,
        params: &P,
        grid: Grid,
    ) -> Self {
        Self {
            kernel,
            variant,
            params: bytemuck::cast_slice(std::slice::from_ref(params)).to_vec(),
            grid,
            workgroup_bytes: tile::workgroup_bytes(variant),
            flops: 0,
            in_channels: 0,
            whole_batch: false,
            sums_shards: false,
            choice: None,
        }
    }

    /// The same call, its variant known to be chosen from others.
    #[must_use]
    pub fn with_choice(self, choice: Option<Choice>) -> Self {
        Self { choice, ..self }
    }

    /// The same call of a kernel whose workgroups share `bytes`, whatever its tile.
    #[must_use]
    pub fn with_workgroup_bytes(self, bytes: u32) -> Self {
        Self {
            workgroup_bytes: bytes,
            ..self
        }
    }

    /// The same call, known to do `flops` floating-point operations per sample.
    #[must_use]
    pub fn with_flops(self, flops: usize) -> Self {
        Self {
            flops: flops as u64,
            ..self
        }
    }

    /// The same call, its input known to have that many channels, padding not counted.
    #[must_use]
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self {
            in_channels,
            ..self
        }
    }

    /// The same call with other Params.
    #[must_use]
    pub fn with_params<P: Params>(&self, params: &P) -> Self {
        Self {
            params: bytemuck::cast_slice(std::slice::from_ref(params)).to_vec(),
            ..self.clone()
        }
    }

    /// The same call of the gradients by a weight and its bias, for a layer that has no bias: that one is
    /// zero.
    ///
    /// # Panics
    /// If the kernel's Params have no `bias`: a bug of the caller.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        let bias = self.field("bias");
        self.params[bias] = 0.0_f32.to_bits();
        self
    }

    /// The same call in workgroups of `size` threads, if its kernel can do with so many.
    #[must_use]
    pub fn in_workgroups_of(&self, size: u32) -> Option<Self> {
        let own = self.grid.workgroup_size;
        // Texts that say `WORKGROUP_SIZE` are written for any. Where threads of a workgroup work together, so many workgroups
        // are meant, unless it is but one; those that sum partial results, WALKERS
        // threads each, do as many as they have threads for.
        let is_written = self.kernel.source.contains("//#include thread");
        let is_shared = self.kernel.source.contains("var<workgroup>");
        let mut constants = self.variant.iter();
        let walkers = constants.find(|it| it.0 == "WALKERS").map_or(1, |it| it.1);
        let is_free = is_written
            && size.is_multiple_of(walkers)
            && (!is_shared || self.grid == Grid::fixed(own as usize, own));
        (own == size || is_free).then(|| Self {
            grid: self.grid.in_workgroups_of(size),
            workgroup_bytes: self.workgroup_bytes / own * size,
            ..self.clone()
        })
    }

    /// Partial results that it makes.
    ///
    /// # Panics
    /// If the kernel's Params have no `splits`: a bug of the caller.
    pub fn splits(&self) -> usize {
        self.params[self.field("splits")] as usize
    }

    /// The position of the field of that name among the Params.
    fn field(&self, name: &str) -> usize {
        let mut fields = self.kernel.params.iter();
        let at = fields.position(|field| field.0 == name);
        at.unwrap_or_else(|| panic!("{} has no {name}", self.kernel.name))
    }

    /// The same call, for the whole batch at once.
    #[must_use]
    pub fn for_whole_batch(self) -> Self {
        Self {
            whole_batch: true,
            ..self
        }
    }

    /// The same call, for the whole batch at once, of whose shards it writes the sum.
    #[must_use]
    pub fn for_sum_of_shards(self) -> Self {
        Self {
            sums_shards: true,
            ..self.for_whole_batch()
        }
    }

    /// The Params, typed.
    ///
    /// # Panics
    /// If `P` is not the kernel's own Params: a bug of the caller.
    pub fn params<P: Params>(&self) -> &P {
        bytemuck::from_bytes(bytemuck::cast_slice(&self.params))
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
