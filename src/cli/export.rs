//! `gpu-train export`.

use std::path::Path;

use super::model::Model;
use super::model_args::{ExportArgs, ExportFormat};
use super::style;
use crate::error::{Error, Result};
use crate::export::{OPSET, check_onnx, to_onnx};
use crate::files::write_whole;
use crate::train::{Predictor, save_weights};

/// Writes the net into the file that `args` name; an ONNX file only after it was run and gave the
/// GPU's outputs.
pub(super) fn run(args: &ExportArgs) -> Result<()> {
    refuse_existing(&args.out)?;
    let model = Model::find(&args.model)?;
    let image = model.image(args.image.size.map(|it| it.0))?;
    let (network, tensors) = model.load(image)?;
    let done = match args.format {
        ExportFormat::Safetensors => {
            refuse_existing(&args.out)?;
            save_weights(&args.out, &network.parameters, &tensors)?;
            format!("{} tensors", tensors.len())
        }
        ExportFormat::Onnx => {
            let bytes = to_onnx(&network, image, &tensors)?;
            let session = model.open()?;
            let predictor = Predictor::new(&session, network, &tensors, model.options())?;
            let apart = check_onnx(&session, &bytes, &predictor, image)?;
            refuse_existing(&args.out)?;
            write_whole(&args.out, &bytes)?;
            format!(
                "opset {OPSET}, input images [N, {}, {}, {}]; {apart:.1e} from the GPU's outputs at \
                 most",
                image.channels, image.height, image.width
            )
        }
    };
    if !args.model.quiet {
        style::tell(format_args!("wrote {}: {done}", args.out.display()));
    }
    Ok(())
}

/// Errors where `path` exists: nothing is overwritten.
fn refuse_existing(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let hint = "give another name with --out, or move it away";
    Err(Error::file(path, "exists already", hint))
}
