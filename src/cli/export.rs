//! `gpu-train export`.

use std::path::Path;

use super::model::Model;
use super::model_args::{ExportArgs, ExportFormat};
use super::style;
use crate::error::{Error, Result};
use crate::export::{OPSET, check_onnx, to_onnx, with_metadata};
use crate::files::write_whole;
use crate::nn::{Network, initial_parameters};
use crate::run::save_described_weights;
use crate::shape::ImageShape;
use crate::train::{Predictor, PredictorOptions, Session};

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
            let metadata = model.metadata(image);
            save_described_weights(&args.out, &network.parameters, &tensors, &metadata)?;
            format!("{} tensors", tensors.len())
        }
        ExportFormat::Onnx => {
            let session = model.open()?;
            // A trained net may be saturated, and give the same whatever its graph makes of an image:
            // with random weights, mistakes show.
            let random = initial_parameters(&network.parameters, 0);
            checked(&session, &network, image, &random, model.options())?;
            let (bytes, apart) = checked(&session, &network, image, &tensors, model.options())?;
            let bytes = with_metadata(bytes, &model.metadata(image));
            refuse_existing(&args.out)?;
            write_whole(&args.out, &bytes)?;
            format!(
                "opset {OPSET}, input images [N, {}, {}, {}]; {apart:.1e} from the device's outputs \
                 at most",
                image.channels, image.height, image.width
            )
        }
    };
    if !args.model.quiet {
        style::tell(format_args!("wrote {}: {done}", args.out.display()));
    }
    Ok(())
}

/// The net as an ONNX file, and how far it was from the device's outputs.
fn checked(
    session: &Session,
    network: &Network,
    image: ImageShape,
    tensors: &[Vec<f32>],
    options: PredictorOptions,
) -> Result<(Vec<u8>, f64)> {
    let bytes = to_onnx(network, image, tensors)?;
    let predictor = Predictor::new(session, network.clone(), tensors, options)?;
    let apart = check_onnx(session, &bytes, &predictor, image)?;
    Ok((bytes, apart))
}

/// Errors where `path` exists: nothing is overwritten.
fn refuse_existing(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let hint = "give another name with --out, or move it away";
    Err(Error::file(path, "exists already", hint))
}
