//! Parameters: their names and shapes in PyTorch, and where they lie in the flat buffers.

use crate::error::{Error, Result};
use crate::kernel::limits::SLICE_ALIGNMENT;
use crate::shape::padded;

/// How a parameter lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A weight: PyTorch's `(out, in, kernel_height, kernel_width)` lies as
    /// `[kernel_height, kernel_width, in padded, out padded]`, so that kernels load four output
    /// channels at once. A linear layer is the case of one tap; one that follows a flattened
    /// image has a tap per pixel.
    Weight {
        /// Output channels.
        out: usize,
        /// Input channels.
        channels: usize,
        /// Rows of the window.
        height: usize,
        /// Columns of the window.
        width: usize,
    },
    /// A bias: `[out padded]`.
    Bias {
        /// Output channels.
        out: usize,
    },
}

impl Layout {
    /// Scalars, without padding.
    pub fn elements(self) -> usize {
        match self {
            Self::Weight {
                out,
                channels,
                height,
                width,
            } => out * channels * height * width,
            Self::Bias { out } => out,
        }
    }

    /// Scalars in memory.
    pub fn padded_len(self) -> usize {
        match self {
            Self::Weight {
                out,
                channels,
                height,
                width,
            } => height * width * padded(channels) * padded(out),
            Self::Bias { out } => padded(out),
        }
    }

    /// Calls `each` with the place in memory of every element, in PyTorch's order.
    fn for_each_place(self, mut each: impl FnMut(usize)) {
        match self {
            Self::Weight {
                out,
                channels,
                height,
                width,
            } => {
                let (row, tap) = (padded(out), padded(channels) * padded(out));
                for o in 0..out {
                    for c in 0..channels {
                        let first = c * row + o;
                        (0..height * width).for_each(|at| each(at * tap + first));
                    }
                }
            }
            Self::Bias { out } => (0..out).for_each(each),
        }
    }

    /// PyTorch's order to memory; padding is zero.
    pub fn pack(self, elements: &[f32]) -> Vec<f32> {
        let mut memory = vec![0.0; self.padded_len()];
        let mut elements = elements.iter();
        self.for_each_place(|place| {
            if let Some(element) = elements.next() {
                memory[place] = *element;
            }
        });
        memory
    }

    /// Memory to PyTorch's order.
    pub fn unpack(self, memory: &[f32]) -> Vec<f32> {
        let mut elements = Vec::with_capacity(self.elements());
        self.for_each_place(|place| elements.push(memory[place]));
        elements
    }
}

/// A tensor of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its name within the layer: `weight`.
    pub name: String,
    /// Its shape in PyTorch.
    pub torch_shape: Vec<usize>,
    /// How it lies in memory.
    pub layout: Layout,
    /// What it is before the first step.
    pub start: Start,
    /// What becomes of it.
    pub kind: Kind,
    /// Floats behind it in memory that are zero and stay zero, beside those that align what follows: the
    /// bias of a layer without one.
    pub spare: usize,
}

/// What becomes of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The optimizer trains it.
    Trained,
    /// A forward pass of training keeps count in it, and an evaluation reads it: running averages.
    Statistic,
}

/// Where a tensor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Uniform within 1 over the root of that many inputs, which one output sums over.
    FanIn(usize),
    /// Zeros.
    Zero,
    /// Ones.
    One,
}

/// One parameter tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name in the `state_dict` of the `torch.nn.Sequential`: "0.weight".
    pub name: String,
    /// Shape in PyTorch: `(out, in, kh, kw)`, `(out, in)` or `(out,)`.
    pub torch_shape: Vec<usize>,
    /// What it is before the first step.
    pub start: Start,
    /// How it lies in memory.
    pub layout: Layout,
    /// What becomes of it.
    pub kind: Kind,
    /// First float in the flat buffers of its kind; a multiple of 64.
    pub offset: usize,
}

/// All parameters of a net, in the order of its layers: the segments of the flat buffers of
/// parameters, gradients and moments, and statistics in a flat buffer of their own. What pads a segment
/// is zero and stays zero.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterTable {
    parameters: Vec<Parameter>,
    len: usize,
    statistics_len: usize,
}

impl ParameterTable {
    /// Appends a tensor of the layer `path`.
    ///
    /// Errors where the table grows past what kernels can index (2^31 floats).
    pub fn push(&mut self, path: &str, tensor: Tensor) -> Result<()> {
        let name = format!("{path}.{}", tensor.name);
        let layout = tensor.layout;
        let end = match tensor.kind {
            Kind::Trained => &mut self.len,
            Kind::Statistic => &mut self.statistics_len,
        };
        let offset = *end;
        let alignment = SLICE_ALIGNMENT as usize / 4;
        *end = (offset + layout.padded_len()).next_multiple_of(alignment);
        *end = (*end + tensor.spare).next_multiple_of(alignment);
        if *end > 1 << 31 {
            return Err(Error::shape(
                name,
                format!("the net has more than {} parameters", 1_u32 << 31),
                "use fewer channels or smaller layers",
            ));
        }
        self.parameters.push(Parameter {
            name,
            torch_shape: tensor.torch_shape,
            start: tensor.start,
            kind: tensor.kind,
            layout,
            offset,
        });
        Ok(())
    }

    /// The parameters, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter()
    }

    /// The parameter of that index.
    pub fn get(&self, index: usize) -> &Parameter {
        &self.parameters[index]
    }

    /// Length of the flat buffers of what is trained, in floats.
    pub fn padded_len(&self) -> usize {
        self.len
    }

    /// Length of the flat buffer of statistics, in floats.
    pub fn statistics_len(&self) -> usize {
        self.statistics_len
    }

    /// The table of what is trained alone: of gradients, and of what an optimizer keeps.
    #[must_use]
    pub fn trained(&self) -> Self {
        let trained = self.iter().filter(|it| it.kind == Kind::Trained);
        Self {
            parameters: trained.cloned().collect(),
            len: self.len,
            statistics_len: 0,
        }
    }

    /// Number of trainable scalars, as PyTorch counts them.
    pub fn elements(&self) -> usize {
        let trained = self.iter().filter(|it| it.kind == Kind::Trained);
        trained.map(|parameter| parameter.layout.elements()).sum()
    }

    /// Errors where `tensors` are not one per parameter, each of its size, naming the first that is
    /// not.
    pub fn check(&self, tensors: &[Vec<f32>]) -> Result<()> {
        let hint = "give one tensor per parameter of this very net, in PyTorch's order";
        if tensors.len() != self.parameters.len() {
            let (have, want) = (tensors.len(), self.parameters.len());
            let what = format!("{have} tensors are not the {want} of the net");
            return Err(Error::usage(what, hint));
        }
        for (parameter, tensor) in self.iter().zip(tensors) {
            let (have, want) = (tensor.len(), parameter.layout.elements());
            if have != want {
                let shape = &parameter.torch_shape;
                let what = format!("{have} values are not the {want} of its shape {shape:?}");
                return Err(Error::shape(parameter.name.clone(), what, hint));
            }
        }
        Ok(())
    }

    /// The flat buffers from tensors in PyTorch's order, which [`ParameterTable::check`] accepts: what is
    /// trained, then statistics.
    ///
    /// # Panics
    /// If `tensors` are not one per parameter: a bug of the caller.
    pub fn pack(&self, tensors: &[Vec<f32>]) -> [Vec<f32>; 2] {
        assert_eq!(tensors.len(), self.parameters.len());
        let mut flat = [self.len, self.statistics_len].map(|len| vec![0.0; len]);
        for (parameter, tensor) in self.iter().zip(tensors) {
            let packed = parameter.layout.pack(tensor);
            let flat = &mut flat[parameter.kind as usize];
            flat[parameter.offset..][..packed.len()].copy_from_slice(&packed);
        }
        flat
    }

    /// Tensors in PyTorch's order from the flat buffers.
    pub fn unpack(&self, flat: [&[f32]; 2]) -> Vec<Vec<f32>> {
        let segment = |parameter: &Parameter| {
            let len = parameter.layout.padded_len();
            let flat = flat[parameter.kind as usize];
            parameter.layout.unpack(&flat[parameter.offset..][..len])
        };
        self.iter().map(segment).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_give_back_the_tensor() {
        let layout = Layout::Weight {
            out: 5,
            channels: 3,
            height: 2,
            width: 3,
        };
        let tensor: Vec<f32> = (0..layout.elements()).map(|i| i as f32 + 1.0).collect();
        let memory = layout.pack(&tensor);
        assert_eq!(memory.len(), 2 * 3 * 4 * 8);
        // Element (o, c, y, x) = (4, 2, 1, 0).
        assert_eq!(
            memory[((3 * 4) + 2) * 8 + 4],
            tensor[((4 * 3 + 2) * 2 + 1) * 3]
        );
        assert_eq!(layout.unpack(&memory), tensor);
        let zeros = memory.iter().filter(|float| **float == 0.0).count();
        assert_eq!(zeros, memory.len() - tensor.len());
    }

    #[test]
    fn segments_are_aligned() {
        let mut table = ParameterTable::default();
        for out in [1, 65] {
            let tensor = Tensor {
                name: "b".to_owned(),
                torch_shape: vec![out],
                layout: Layout::Bias { out },
                start: Start::FanIn(1),
                kind: Kind::Trained,
                spare: 0,
            };
            table.push("0", tensor).expect("fits");
        }
        assert_eq!(table.get(1).offset, 64);
        assert_eq!((table.padded_len(), table.elements()), (192, 66));
        let tensors = [vec![7.0], vec![8.0; 65]];
        let [trained, statistics] = table.pack(&tensors);
        assert_eq!(table.unpack([&trained, &statistics]), tensors);
        assert!(table.check(&tensors).is_ok());
        assert!(table.check(&tensors[..1]).is_err());
        let error = table.check(&[vec![7.0], vec![8.0; 64]]);
        let message = error.expect_err("is too short").to_string();
        assert!(message.starts_with("0.b: 64 values"), "{message}");
    }
}
