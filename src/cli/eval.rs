//! `gpu-train eval`.

use super::eval_classes;
use super::model::Model;
use super::model_args::{EvalArgs, Format};
use super::start;
use super::style::{self, measured, say};
use super::table::{self, Column};
use crate::data::source::read_file;
use crate::data::{DataSource, Dataset, Loading, Set};
use crate::error::Result;
use crate::run::{DataRecord, RunConfig};
use crate::train::{DigitError, Evaluation, Predictor, QuantileError};

/// Evaluates the net on a test set, and prints the result.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let model = Model::find(&args.model)?;
    let test = test_set(args, &model)?;
    test.notes().iter().for_each(|note| model.notice(note));
    let own = args.data.is_none() && args.test.is_none() && model.run().is_some();
    model.check_image(test.shape(), own)?;
    let test = by_name(test, own, &model)?;
    let (network, tensors) = model.load(test.shape())?;
    let session = model.open()?;
    let predictor = Predictor::new(&session, network, &tensors, model.options())?;
    let predictions = predictor.evaluate(&session.upload(&test)?)?;
    if let Some(classes) = model.labels() {
        return eval_classes::show(test.targets(), &predictions, classes, args.format);
    }
    let objective = model.options().objective;
    let baseline = model.targets().map(|it| it.baseline(test.targets()));
    let evaluation = Evaluation::new(test.targets(), &predictions, &*objective, baseline);
    match args.format {
        Format::Table => table(&evaluation),
        Format::Csv => csv(&evaluation),
        Format::Json => style::say_json(&evaluation)?,
    }
    Ok(())
}

/// The test images that were asked for, or the run's own.
fn test_set(args: &EvalArgs, model: &Model) -> Result<Dataset> {
    if let Some(path) = &args.test {
        return model.foreign().apply(read_file(path, Set::Test)?);
    }
    let Some(run) = model.run().filter(|_| args.data.is_none()) else {
        let found = DataSource::resolve(args.data.as_deref(), None, None)?;
        if !args.model.quiet && args.data.is_none() {
            let what = &found.source;
            style::notice(&format!("no --data was given: evaluating on {what}"));
        }
        // Drawn pictures are those of the run, where there is one.
        let config = model.run().map(|run| run.config.clone());
        let config = RunConfig {
            no_cache: args.no_cache,
            ..config.unwrap_or_default()
        };
        let loading = Loading {
            preprocessing: model.foreign(),
            test_fraction: 0.0,
            ..config.loading()
        };
        return Ok(start::read(&found.source.of_test_set(), loading, !args.model.quiet)?.test);
    };
    let config = RunConfig {
        no_cache: args.no_cache || run.config.no_cache,
        ..run.config.clone()
    };
    let source = config.data.of_test_set();
    let split = start::read(&source, config.loading(), !args.model.quiet)?;
    let now = DataRecord::of(&split).test;
    let note = match run.checkpoint() {
        Ok(checkpoint) if checkpoint.data.test == now => None,
        Ok(checkpoint) => Some(format!(
            "the test set is not what the run saw: it was {}, and is {now}",
            checkpoint.data.test
        )),
        Err(error) => Some(format!(
            "whether the test set is what the run saw is not known: {error}"
        )),
    };
    if let Some(note) = note {
        model.notice(&note);
    }
    Ok(split.test)
}

/// `test` with the targets that its classes have in the run of `model`: the same folders and another
/// one beside them are numbered otherwise. Where only one of both has names, that is said.
fn by_name(test: Dataset, own: bool, model: &Model) -> Result<Dataset> {
    if let Some(classes) = model.labels() {
        return test.classified(classes);
    }
    let Some(run) = model.run() else {
        return Ok(test);
    };
    let (test, note) = match (&run.config.classes, test.classes()) {
        (Some(of_run), Some(of_test)) if of_run != of_test => {
            let note = format!("targets are by name those of the run: {of_run}");
            (test.matched_to(of_run)?, note)
        }
        (Some(of_run), None) if !own => {
            let note = format!(
                "the run's targets are of named classes ({of_run}); those of this set have no names, and \
                 are taken as they stand"
            );
            (test, note)
        }
        (None, Some(of_test)) if !own => {
            let note = format!(
                "this set's targets are of named classes ({of_test}), and the run recorded no names: they \
                 are taken as they stand"
            );
            (test, note)
        }
        _ => return Ok(test),
    };
    model.notice(&note);
    Ok(test)
}

fn table(found: &Evaluation) {
    let row = |name: &str, value: &str| say(format_args!("{name:<17} {value:>10}"));
    row("images", &found.images.to_string());
    row("MSE", &measured(found.mse));
    row("MAE", &measured(found.mae));
    if let Some(accuracy) = found.accuracy {
        row("rounded accuracy", &format!("{:.2}%", accuracy * 100.0));
    }
    if let Some(r2) = found.r2 {
        row("R²", &measured(r2));
    }
    if let Some(relative) = found.relative_mae {
        row("MAE/std", &measured(relative));
    }
    if let Some(baseline) = found.baseline {
        row("MSE always mean", &measured(baseline.mse));
        row("MAE always median", &measured(baseline.mae));
    }
    if found.digits.is_empty() {
        quantiles(&found.quantiles);
    } else {
        digits(&found.digits);
    }
}

/// The errors from the least to the greatest targets.
fn quantiles(all: &[QuantileError]) {
    let column =
        |text: &dyn Fn(&QuantileError) -> f64| all.iter().map(|it| measured(text(it))).collect();
    let images = all.iter().map(|it| it.images.to_string()).collect();
    say(format_args!("\ntargets"));
    table::print(vec![
        Column::new("from", 0, column(&|it| f64::from(it.from))),
        Column::new("to", 0, column(&|it| f64::from(it.to))),
        Column::new("images", 2, images),
        Column::new("MAE", 0, column(&|it| it.mae)),
        Column::new("bias", 1, column(&|it| it.bias)),
    ]);
}

fn digits(all: &[DigitError]) {
    let column = |text: &dyn Fn(&DigitError) -> String| all.iter().map(text).collect();
    let mae = |it: &DigitError| it.mae.map_or("-".to_owned(), measured);
    let mut columns = vec![
        Column::new("digit", 0, column(&|it| it.digit.to_string())),
        Column::new("images", 1, column(&|it| it.images.to_string())),
        Column::new("MAE", 0, column(&mae)),
    ];
    for rounded in 0..10 {
        let cells = column(&|it| it.confusion.rounded_to[rounded].to_string());
        columns.push(Column::new(format!("as {rounded}"), 2, cells).tight());
    }
    let others: [fn(&DigitError) -> usize; 3] = [
        |it| it.confusion.below,
        |it| it.confusion.above,
        |it| it.confusion.not_a_number,
    ];
    for (head, count) in ["<0", ">9", "NaN"].into_iter().zip(others) {
        if all.iter().any(|it| count(it) > 0) {
            let cells = column(&|it| count(it).to_string());
            columns.push(Column::new(head, 2, cells).tight());
        }
    }
    say(format_args!(""));
    table::print(columns);
}

/// A line per number: what it is; of which digit, rounded to what, or of targets from where to where.
fn csv(found: &Evaluation) {
    let number = |value: Option<f64>| value.map_or(String::new(), |it| it.to_string());
    if found.digits.is_empty() {
        say(format_args!("measure,from,to,value"));
    } else {
        say(format_args!("measure,digit,rounded_to,value"));
    }
    for (name, value) in [
        ("images", Some(found.images as f64)),
        ("mse", Some(found.mse)),
        ("mae", Some(found.mae)),
        ("accuracy", found.accuracy),
        ("r2", found.r2),
        ("relative_mae", found.relative_mae),
        ("baseline_mse", found.baseline.map(|it| it.mse)),
        ("baseline_mae", found.baseline.map(|it| it.mae)),
    ] {
        if let Some(value) = value {
            say(format_args!("{name},,,{value}"));
        }
    }
    for it in &found.quantiles {
        let (from, to) = (it.from, it.to);
        say(format_args!("images,{from},{to},{}", it.images));
        say(format_args!("mae,{from},{to},{}", it.mae));
        say(format_args!("bias,{from},{to},{}", it.bias));
    }
    for digit in &found.digits {
        let name = digit.digit;
        say(format_args!("images,{name},,{}", digit.images));
        say(format_args!("mae,{name},,{}", number(digit.mae)));
        let it = &digit.confusion;
        for (rounded, count) in it.rounded_to.iter().enumerate() {
            say(format_args!("count,{name},{rounded},{count}"));
        }
        say(format_args!("count,{name},below,{}", it.below));
        say(format_args!("count,{name},above,{}", it.above));
        say(format_args!("count,{name},nan,{}", it.not_a_number));
    }
}
