//! The file of a checkpoint, to be changed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

/// A checkpoint's text and tensors.
pub struct File {
    pub text: String,
    pub sum: Option<String>,
    pub tensors: Vec<Tensor>,
}

/// Name, type, shape and bytes.
type Tensor = (String, safetensors::Dtype, Vec<usize>, Vec<u8>);

/// Where a net of plain layers has the tensor `name`, such as `3.bias`: weights before biases.
fn place(name: &str) -> (usize, bool) {
    let (layer, kind) = name.split_once('.').expect("a layer's");
    (layer.parse().expect("a number"), kind != "weight")
}

impl File {
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("reads");
        let file = SafeTensors::deserialize(&bytes).expect("safetensors");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
        let metadata = header.metadata().clone().expect("metadata");
        let tensors = file.tensors().into_iter();
        let tensors =
            tensors.map(|(name, it)| (name, it.dtype(), it.shape().to_vec(), it.data().to_vec()));
        Self {
            text: metadata["gpu-train"].clone(),
            sum: metadata.get("checksum").cloned(),
            tensors: tensors.collect(),
        }
    }

    pub fn write(&self, path: &Path) {
        let views = self.tensors.iter().map(|(name, kind, shape, bytes)| {
            let view = TensorView::new(*kind, shape.clone(), bytes);
            (name.clone(), view.expect("fits"))
        });
        let mut metadata = HashMap::from([("gpu-train".to_owned(), self.text.clone())]);
        metadata.extend(self.sum.clone().map(|it| ("checksum".to_owned(), it)));
        let bytes = safetensors::serialize(views, Some(metadata)).expect("fits");
        fs::write(path, bytes).expect("writes");
    }

    /// Tensors in the order in which the net has them: parameters first, then the optimizer's slots.
    pub fn in_order(&self, text: Option<&str>) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(text.unwrap_or_default().as_bytes());
        for role in ["parameters", "first_moments", "second_moments"] {
            let mut found: Vec<_> = self.of_role(role).collect();
            found.sort_by_key(|it| place(&it.0[role.len() + 1..]));
            for (name, _, shape, bytes) in found {
                if text.is_some() {
                    crc.update(name.as_bytes());
                    for &size in shape {
                        crc.update(&(size as u64).to_le_bytes());
                    }
                }
                crc.update(bytes);
            }
        }
        crc.finalize()
    }

    fn of_role(&self, role: &str) -> impl Iterator<Item = &Tensor> {
        let is_of = move |name: &str| {
            name.strip_prefix(role)
                .is_some_and(|it| it.starts_with('.'))
        };
        self.tensors.iter().filter(move |it| is_of(&it.0))
    }

    /// The same with `text`, and a checksum that fits it: as somebody writes it who knows how.
    pub fn forged(&self, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            sum: Some(format!("{:08x}", self.in_order(Some(text)))),
            tensors: self.tensors.clone(),
        }
    }
}
