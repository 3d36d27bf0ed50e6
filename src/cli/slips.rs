//! What to say where the command line cannot be understood, beside what clap says: other tools' words for what
//! there is, and plain words for what a number is not.

use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue};
use console::Term;

use super::style;
use super::wrap::{self, wrapped};

/// Commands that there are none of, and what helps.
const COMMANDS: [(&[&str], &str); 7] = [
    (
        &["train", "fit", "run"],
        "leave the word out: without a command, gpu-train trains, as in `gpu-train --net cnn`",
    ),
    (
        &["resume", "continue"],
        "`gpu-train --resume DIR` goes on with a run, `gpu-train sweep --resume DIR` with a sweep",
    ),
    (
        &["test", "evaluate", "validate", "val"],
        "`gpu-train eval RUN` measures a trained net",
    ),
    (
        &["find-lr", "lr-find", "find_lr", "lr-finder"],
        "`gpu-train --find-lr` looks for a learning rate",
    ),
    (
        &["infer", "inference", "detect", "classify"],
        "`gpu-train predict RUN PICTURE…` predicts",
    ),
    (
        &["download", "get"],
        "`gpu-train fetch NAME` downloads a data set",
    ),
    (
        &["report", "plot", "list"],
        "`gpu-train compare RUN…` draws runs and prints a table of them",
    ),
];

/// Options of other tools, and what stands for them here.
const OPTIONS: [(&[&str], &str); 18] = [
    (
        &["model", "arch", "architecture"],
        "use --net, as in --net cnn",
    ),
    (&["learning-rate", "learning_rate", "lr0"], "use --lr"),
    (&["batch", "bs", "batch_size"], "use --batch-size"),
    (
        &["workers", "num-workers", "num_workers", "threads", "jobs"],
        "omit it: all processors are used, or as many as the environment variable RAYON_NUM_THREADS says",
    ),
    (
        &["gpu", "gpus", "cuda", "cpu", "accelerator"],
        "use --device; `gpu-train devices` lists what it takes",
    ),
    (
        &["output", "output-dir", "save-dir", "outdir", "save", "name"],
        "use --out, the folder of the run",
    ),
    (
        &["dataset", "data-dir", "data_dir", "root", "input"],
        "use --data",
    ),
    (
        &["pretrained", "weights", "load", "checkpoint"],
        "use --init FILE.safetensors to start from weights, --resume DIR to go on with a run",
    ),
    (&["opt", "optim"], "use --optimizer"),
    (&["wd", "weight_decay", "l2"], "use --weight-decay"),
    (
        &["hidden", "hidden-sizes", "hidden-size", "layers", "units"],
        "use --dense-hiddens, as in --dense-hiddens 128,128",
    ),
    (
        &[
            "val-split",
            "validation-split",
            "val-fraction",
            "valid-split",
        ],
        "use --valid-fraction",
    ),
    (&["early-stopping", "early-stop"], "use --patience"),
    (&["scheduler", "lr-scheduler", "sched"], "use --lr-schedule"),
    (
        &[
            "img-size",
            "imgsz",
            "size",
            "resize",
            "image_size",
            "input-size",
        ],
        "use --image-size",
    ),
    (&["random-seed", "random_seed", "manual-seed"], "use --seed"),
    (
        &["num-epochs", "num_epochs", "n-epochs", "max-epochs"],
        "use --epochs",
    ),
    (
        &["criterion", "loss-function", "loss-fn"],
        "use --loss, or --task",
    ),
];

/// What Rust says of numbers, and what people do.
const NUMBERS: [(&str, &str); 6] = [
    (
        "invalid float literal",
        "not a number; write it as 0.001 or 1e-3",
    ),
    (
        "cannot parse float from empty string",
        "not a number; write it as 0.001 or 1e-3",
    ),
    ("invalid digit found in string", "not a whole number"),
    (
        "cannot parse integer from empty string",
        "not a whole number",
    ),
    (
        "number too large to fit in target type",
        "too large a number",
    ),
    (
        "number too small to fit in target type",
        "too small a number",
    ),
];

/// Prints `error`, which may be a help text, with what helps; the process ends with what this gives.
pub(super) fn show(error: &Error) -> ExitCode {
    let (term, coloured) = if error.use_stderr() {
        (Term::stderr(), console::colors_enabled_stderr())
    } else {
        (Term::stdout(), console::colors_enabled())
    };
    let text = error.render();
    let text = if coloured {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    // Where nobody reads any more, there is nobody to tell.
    let _ = term.write_line(&said(&text, wrap::room(&term)));
    if let Some(hint) = hint(error) {
        style::hint(hint);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// What clap says, in plain words, and in lines of at most `room` columns: clap breaks all but usages.
fn said(text: &str, room: Option<usize>) -> String {
    wrapped(in_plain_words(text).trim_end(), room).into_owned()
}

fn in_plain_words(text: &str) -> String {
    let words = NUMBERS.iter();
    words.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn hint(error: &Error) -> Option<&'static str> {
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let find = |table: &[(&[&str], &'static str)], word: &str| {
        let mut rows = table.iter();
        rows.find(|it| it.0.contains(&word)).map(|it| it.1)
    };
    let command = said(ContextKind::InvalidSubcommand).and_then(|it| find(&COMMANDS, it));
    command.or_else(|| {
        let option = said(ContextKind::InvalidArg)?.strip_prefix("--")?;
        let name = option.split(['=', ' ']).next()?;
        find(&OPTIONS, name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::{Command, CommandFactory as _, Parser as _};

    fn answer(arguments: &[&str]) -> (String, Option<&'static str>) {
        let all = ["gpu-train"].iter().chain(arguments);
        let error = Cli::try_parse_from(all).expect_err("is wrong");
        (in_plain_words(&error.to_string()), hint(&error))
    }

    #[test]
    fn words_of_other_tools_are_understood() {
        for (arguments, wanted) in [
            (&["train", "--net", "mlp"][..], "leave the word out"),
            (&["resume", "runs/x"], "--resume DIR"),
            (&["test"], "gpu-train eval RUN"),
            (&["find-lr"], "--find-lr"),
            (&["--model", "cnn"], "--net"),
            (&["--learning-rate", "1e-3"], "--lr"),
            (&["--learning-rate=1e-3"], "--lr"),
            (&["--batch", "8"], "--batch-size"),
            (&["--workers", "8"], "RAYON_NUM_THREADS"),
        ] {
            let (text, hint) = answer(arguments);
            let hint = hint.unwrap_or_else(|| panic!("{arguments:?}: {text}"));
            assert!(hint.contains(wanted), "{arguments:?}: {hint}");
        }
        assert_eq!(answer(&["--nonsense"]).1, None);
    }

    /// All commands, with those below them.
    fn commands(command: &Command) -> Vec<Command> {
        let below = command.get_subcommands().flat_map(commands);
        std::iter::once(command.clone()).chain(below).collect()
    }

    #[test]
    fn no_help_is_wider_than_the_terminal_and_no_word_is_cut() {
        let mut all = Cli::command();
        all.build();
        let all = commands(&all);
        assert!(all.len() > 10);
        for command in all {
            let name = command.get_name().to_owned();
            let words = |text: &str| {
                let words = text.split_whitespace().map(str::to_owned);
                words.collect::<Vec<String>>()
            };
            let help = |width| {
                let mut command = command.clone().term_width(width);
                let texts = [command.render_help(), command.render_long_help()];
                texts.map(|text| in_plain_words(&text.to_string()))
            };
            let unbroken = help(0).map(|text| words(&text));
            for width in [40, 80, 100] {
                for (text, unbroken) in help(width).iter().zip(&unbroken) {
                    let text = said(text, Some(width));
                    assert_eq!(&words(&text), unbroken, "{name} at {width}");
                    for line in text.lines() {
                        let columns = console::measure_text_width(line);
                        // An address is one word.
                        let is_word = !line.trim().contains(' ');
                        let fits = columns <= width || is_word;
                        assert!(fits, "{name}: {columns} of {width}: {line}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_are_spoken_of_in_plain_words() {
        for (arguments, wanted) in [
            (["--lr", "fast"], "not a number; write it as 0.001 or 1e-3"),
            (["--epochs", "ten"], "not a whole number"),
            (["--epochs", "1e3"], "not a whole number"),
        ] {
            let (text, _) = answer(&arguments);
            assert!(text.contains(wanted), "{text}");
            assert!(
                !text.contains("literal") && !text.contains("digit"),
                "{text}"
            );
        }
    }
}
