//! `gpu-train export`.

use std::path::Path;

use super::model::Model;
use super::model_args::{ExportArgs, ExportFormat};
use super::style;
use crate::error::{Error, Result};
use crate::export::{Meaning, OPSET, check_onnx, to_onnx, with_metadata};
use crate::files::write_whole;
use crate::nn::initial_parameters;
use crate::run::save_described_weights;
use crate::train::Predictor;

/// Writes the net into the file that `args` name; an ONNX file only after it was run and gave the
/// GPU's outputs.
pub(super) fn run(args: &ExportArgs) -> Result<()> {
    refuse_existing(&args.out)?;
    let model = Model::find(&args.model)?;
    if args.softmax && (model.labels().is_none() || args.format != ExportFormat::Onnx) {
        return Err(Error::usage(
            "--softmax makes probabilities of the logits of an ONNX file that tells classes apart",
            "omit --softmax",
        ));
    }
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
            let meaning = match (model.labels().cloned(), args.softmax) {
                (None, _) => Meaning::Number,
                (Some(classes), false) => Meaning::Logits(classes),
                (Some(classes), true) => Meaning::Probabilities(classes),
            };
            let scale = model.options().objective.target_scale();
            let net = |tensors| {
                let bytes = to_onnx(&network, image, tensors, &meaning, scale)?;
                let predictor =
                    Predictor::new(&session, network.clone(), tensors, model.options())?;
                let apart = check_onnx(&session, &bytes, &predictor, image, &meaning)?;
                Ok((bytes, apart))
            };
            net(&random)?;
            let (bytes, apart) = net(&tensors)?;
            let bytes = with_metadata(bytes, &model.metadata(image));
            refuse_existing(&args.out)?;
            write_whole(&args.out, &bytes)?;
            format!(
                "opset {OPSET}, input images [N, {}, {}, {}], output {} [N, {}]; {apart:.1e} from the \
                 device's outputs at most",
                image.channels,
                image.height,
                image.width,
                meaning.output(),
                network.outputs()
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
