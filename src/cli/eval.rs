//! `gpu-train eval`.

use super::eval_classes;
use super::model::Model;
use super::model_args::{EvalArgs, Format};
use super::start;
use super::style::{self, say};
use crate::data::source::read_file;
use crate::data::{DataSource, Dataset, Loading, Set};
use crate::error::Result;
use crate::run::{DataRecord, RunConfig};
use crate::train::{DigitError, Evaluation, Predictor};

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
    let evaluation = Evaluation::new(test.targets(), &predictions);
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
        return Ok(start::read(&found.source, loading, !args.model.quiet)?.test);
    };
    let config = RunConfig {
        no_cache: args.no_cache || run.config.no_cache,
        ..run.config.clone()
    };
    let split = start::read(&config.data, config.loading(), !args.model.quiet)?;
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
    let accuracy = found.accuracy;
    let accuracy = accuracy.map_or("-".to_owned(), |it| format!("{:.2}%", it * 100.0));
    say(format_args!("images            {:>10}", found.images));
    say(format_args!("MSE               {:>10.4}", found.mse));
    say(format_args!("MAE               {:>10.4}", found.mae));
    say(format_args!("rounded accuracy  {accuracy:>10}"));
    if found.other_targets > 0 {
        let other = found.other_targets;
        say(format_args!(
            "targets that are no digit {other}: not in the table"
        ));
    }
    let outside: [usize; 3] = found.digits.iter().fold([0; 3], |sum, it| {
        let counts = [
            it.confusion.below,
            it.confusion.above,
            it.confusion.not_a_number,
        ];
        std::array::from_fn(|at| sum[at] + counts[at])
    });
    let names = ["<0", ">9", "NaN"];
    let shown: Vec<usize> = (0..3).filter(|&at| outside[at] > 0).collect();
    let head = (0..10).map(|digit| format!("{digit:>6}"));
    let head = head.chain(shown.iter().map(|&at| format!("{:>6}", names[at])));
    say(format_args!("\ndigit  images     MAE  rounded to"));
    say(format_args!("{:>21}{}", "", head.collect::<String>()));
    for digit in &found.digits {
        line(digit, &shown);
    }
}

fn line(digit: &DigitError, shown: &[usize]) {
    let it = &digit.confusion;
    let outside = [it.below, it.above, it.not_a_number];
    let counts = it.rounded_to.iter().copied();
    let counts = counts.chain(shown.iter().map(|&at| outside[at]));
    let counts = counts.map(|count| format!("{count:>6}"));
    let counts = counts.collect::<Vec<_>>().concat();
    let mae = digit.mae.map_or("-".to_owned(), |it| format!("{it:.4}"));
    say(format_args!(
        "{:>5}  {:>6}  {mae:>6}{counts}",
        digit.digit, digit.images
    ));
}

/// A line per number: what it is, of which digit, rounded to what.
fn csv(found: &Evaluation) {
    let number = |value: Option<f64>| value.map_or(String::new(), |it| it.to_string());
    say(format_args!("measure,digit,rounded_to,value"));
    say(format_args!("images,,,{}", found.images));
    say(format_args!("mse,,,{}", found.mse));
    say(format_args!("mae,,,{}", found.mae));
    say(format_args!("accuracy,,,{}", number(found.accuracy)));
    say(format_args!("other_targets,,,{}", found.other_targets));
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
