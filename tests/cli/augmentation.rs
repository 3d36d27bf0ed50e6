//! `--augment`, `--normalize`, `--dropout`, `--freeze` and `--init-partial`: what is recorded, drawn, refused, and the
//! same everywhere.

use crate::killed::{images, send, spawn, wait_for_epoch};
use crate::pictures::{CROPPED, column, pets};
use crate::resume::{DATA, assert_same, straight};
use crate::support::{ADAPTER, CPU, Workplace};

const ALL: &str = "flip,translate=4,cutout=8,rotate=10,scale=0.9:1.1,brightness=0.2,contrast=0.2";
const NET: &[&str] = &["--channels", "4,4", "--dense-hiddens", "8", "--pool", "avg"];
const DRAWN: &[&str] = &[
    "--augment",
    ALL,
    "--dropout",
    "0.25",
    "--batch-norm",
    "--normalize",
];

#[test]
fn a_run_that_is_killed_and_one_that_is_stretched_end_with_the_same_bits() {
    let place = Workplace::new();
    for device in [CPU, ADAPTER] {
        let more = ["--data", images(device), "--epochs", "12"];
        let net = [NET, DRAWN, &DATA[2..], &more, device].concat();
        let whole = place.run(&[&net[..], &["--out", "straight"]].concat());
        assert_eq!(whole.code, 0, "{}", whole.stderr);
        let mut child = spawn(&place, &[&net[..], &["--out", "broken"]].concat());
        wait_for_epoch(&mut child, 4);
        send("-KILL", &child);
        let ended = child.wait().expect("ends");
        assert_eq!(ended.code(), None, "it ended before it was killed");
        let ended = place.run(&["--resume", "broken"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_same(&place, "straight", "broken");
        for run in ["straight", "broken"] {
            std::fs::remove_dir_all(place.path(run)).expect("ours");
        }
    }
    let net = [NET, DRAWN, CPU].concat();
    straight(&place, &net, "4", "whole");
    straight(&place, &net, "2", "half");
    let ended = place.run(&["--resume", "half", "--epochs", "4"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_same(&place, "whole", "half");
    let ended = place.run(&["--resume", "half", "--epochs", "5", "--augment", "flip"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("augment was"), "{}", ended.stderr);
}

/// In sweeps, whose values are parted by commas, it is given several times; files of nets may name dropout.
#[test]
fn sweeps_train_what_single_runs_do() {
    let place = Workplace::new();
    let sweep = [
        "sweep",
        "--out",
        "sweep",
        "--epochs",
        "2",
        "--augment",
        "none",
        "--augment",
        "flip,cutout=8",
    ];
    let ended = place.run(&[&sweep, NET, &["--dropout", "0,0.25"], &DATA, CPU].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(place.text("sweep/summary.csv").lines().count(), 5);
    let single = [
        NET,
        &["--augment", "flip,cutout=8", "--dropout", "0.25"],
        CPU,
    ]
    .concat();
    straight(&place, &single, "2", "run");
    let mut runs = crate::support::names(&place.path("sweep"));
    runs.retain(|name| name.starts_with("dropout-"));
    let same = runs.iter().filter(|name| {
        place.read(&format!("sweep/{name}/model.safetensors"))
            == place.read("run/model.safetensors")
    });
    assert_eq!(same.count(), 1, "{runs:?}");
    place.write(
        "nets.toml",
        b"[a]\nnet = 'mlp'\ndense-hiddens = [9]\ndropout = 0.5\n[b]\nnet = 'cnn'\npool = 'avg'\n",
    );
    let nets = [
        "sweep",
        "--nets",
        "nets.toml",
        "--epochs",
        "1",
        "--out",
        "nets",
    ];
    let ended = place.run(&[&nets, &DATA[..], CPU].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let place = Workplace::new();
    for (arguments, code, says) in [
        (&["--augment", "flop"][..], 2, "none of flip"),
        (&["--augment", "rotate=200"], 2, "0 to 180"),
        (&["--augment", "translate=32"], 2, "out of sight"),
        (&["--augment", "cutout=33"], 2, "is larger than"),
        (
            &["--dropout", "1"],
            2,
            "--dropout 1.0 is not from 0 to below 1",
        ),
        (&["--dropout", "-0.1"], 2, "--dropout -0.1"),
        (
            &["--dropout", "0.5", "--net", "resnet"],
            2,
            "--dropout is not read with --net resnet",
        ),
        (
            &["--pool", "avg", "--net", "mlp"],
            2,
            "--pool is not read with --net mlp",
        ),
        (&["--freeze", "5"], 2, "leaves nothing to train: 5 layers"),
        (
            &["--init-partial"],
            2,
            "--init-partial is not read without --init",
        ),
        (&["--sheet", "a.png"], 2, "--dry-run"),
        (&["--dry-run", "--sheet", "a.jpg"], 1, "PNG"),
    ] {
        let data = [
            "--data",
            "house-digits:20,10",
            "--epochs",
            "1",
            "--out",
            "run",
        ];
        let ended = place.run(&[arguments, &data, CPU].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(says),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(!place.path("run").exists() && !place.path("a.jpg").exists());
    }
}

#[test]
fn a_sheet_shows_what_the_net_will_see() {
    let place = Workplace::new();
    let sheet = |out: &str, more: &[&str]| {
        let arguments = ["--data", "house-digits:20,10", "--dry-run", "--sheet", out];
        let ended = place.run(&[&arguments, more, CPU].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("pictures of the first batch"),
            "{}",
            ended.stderr
        );
        image::open(place.path(out)).expect("a PNG").into_rgb8()
    };
    let plain = sheet("plain.png", &[]);
    // 20 pictures of 4 x 32 pixels a side in five columns.
    assert_eq!(plain.dimensions(), (5 * 132 + 4, 4 * 132 + 4));
    assert_ne!(sheet("augmented.png", &["--augment", ALL]), plain);
    // As an mlp sees them, and normalised, they are the same pictures.
    let more = ["--augment", ALL, "--net", "mlp", "--normalize"];
    assert_eq!(
        sheet("mlp.png", &more),
        sheet("again.png", &["--augment", ALL])
    );
    let again = [
        "--data",
        "house-digits:20,10",
        "--dry-run",
        "--sheet",
        "mlp.png",
    ];
    let ended = place.run(&[&again, CPU].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("exists already"), "{}", ended.stderr);
}

/// A folder of pictures of mixed sizes and kinds: grey, transparent, CMYK, lying on their side.
#[test]
fn any_pictures_get_the_same_answers_from_all_that_is_left_of_a_run() {
    let place = Workplace::new();
    pets(&place);
    for net in [
        &["--net", "mlp", "--dense-hiddens", "6"][..],
        &[&["--padding", "same"], NET].concat(),
    ] {
        let train = ["--data", "pets", "--epochs", "3", "--out", "run"];
        let drawn = [
            "--augment",
            "flip,translate=2,rotate=10,brightness=0.2",
            "--dropout",
            "0.25",
            "--normalize",
        ];
        let ended = place.run(&[&train, net, &drawn, CROPPED, CPU].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let config: toml::Table = place.text("run/config.toml").parse().expect("TOML");
        assert_eq!(
            config["normalization"]["means"].as_array().map(Vec::len),
            Some(3)
        );
        let recorded = place.text("run/predictions.csv");
        let run = |arguments: &[&str]| {
            let ended = place.run(arguments);
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            ended.stdout
        };
        let predicted = run(&["predict", "run", "pets/test", "--format", "csv"]);
        assert_eq!(
            column(&predicted, "probability"),
            column(&recorded, "probability")
        );
        assert_eq!(
            column(&predicted, "class"),
            column(&recorded, "predicted_class")
        );
        let metrics = place.text("run/metrics.csv");
        let evaluated = run(&["eval", "run", "--format", "csv"]);
        let loss = evaluated.lines().find_map(|it| it.strip_prefix("loss,,,"));
        assert_eq!(loss, column(&metrics, "test_loss").last().copied());
        // A file of weights away from its run, and an ONNX file, know what normalises images.
        std::fs::copy(
            place.path("run/model.safetensors"),
            place.path("net.safetensors"),
        )
        .expect("copies");
        let alone = [
            &[
                "predict",
                "net.safetensors",
                "pets/test",
                "--format",
                "csv",
                "--dropout",
                "0.25",
            ],
            net,
            CPU,
        ];
        assert_eq!(
            column(&run(&alone.concat()), "probability"),
            column(&recorded, "probability")
        );
        run(&["export", "run", "--format", "onnx", "--out", "net.onnx"]);
        let onnx = run(&["predict", "net.onnx", "pets/test", "--format", "csv"]);
        assert_eq!(column(&onnx, "class"), column(&recorded, "predicted_class"));
        for (a, b) in column(&onnx, "probability")
            .iter()
            .zip(column(&recorded, "probability"))
        {
            let [a, b] = [a, b].map(|it| it.parse::<f64>().expect("a number"));
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        for file in ["net.safetensors", "net.onnx"] {
            std::fs::remove_file(place.path(file)).expect("ours");
        }
        std::fs::remove_dir_all(place.path("run")).expect("ours");
    }
}

/// Transfer: the layers before the last are those of another run, and stay so.
#[test]
fn a_net_for_other_classes_takes_all_but_the_last_layer() {
    let place = Workplace::new();
    straight(&place, &[NET, CPU].concat(), "1", "first");
    let transfer = [
        "--task",
        "classify",
        "--init",
        "first/model.safetensors",
        "--init-partial",
        "--freeze",
        "3",
        "--out",
        "second",
    ];
    let arguments = [&transfer, NET, &DATA, &["--epochs", "1"], CPU].concat();
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let says = "6 of 8 tensors are those of";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("9.weight and 9.bias begin at random"),
        "{}",
        ended.stderr
    );
    // A sweep says it once: all of its runs begin with the same.
    let two = ["--epochs", "1", "--seed", "1,2", "--out", "sweep"];
    let ended = place.run(&[&["sweep"], &transfer[..5], NET, &DATA, &two, CPU].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(says).count(), 1, "{}", ended.stderr);
    let tensors = |run: &str| place.read(&format!("{run}/model.safetensors"));
    let [first, second] = ["first", "second"].map(tensors);
    let [first, second] =
        [&first, &second].map(|it| safetensors::SafeTensors::deserialize(it).expect("weights"));
    for name in [
        "0.weight", "0.bias", "3.weight", "3.bias", "7.weight", "7.bias",
    ] {
        let [one, other] = [&first, &second].map(|it| it.tensor(name).expect(name).data().to_vec());
        assert!(one == other, "{name}");
    }
    let ended = place.run(&["--resume", "second", "--epochs", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let arguments_of_two = [
        &transfer[..7],
        &["--out", "whole"],
        NET,
        &DATA,
        &["--epochs", "2"],
        CPU,
    ]
    .concat();
    assert_eq!(place.run(&arguments_of_two).code, 0);
    assert_same(&place, "second", "whole");
    let dry = place.run(&[NET, &["--freeze", "2", "--dry-run"], CPU].concat());
    assert_eq!(dry.stdout.matches("frozen").count(), 2, "{}", dry.stdout);
    // Another first layer is no fit, and without the switch nothing but the same net is.
    for (more, says) in [
        (
            &["--channels", "5,4"][..],
            "0.weight is [4, 3, 3, 3], not [5, 3, 3, 3]",
        ),
        (&["--dense-hiddens", "9"], "7.weight"),
    ] {
        let ended = place.run(&[&transfer[..7], &["--out", "no"], &arguments[9..], more].concat());
        assert_ne!(ended.code, 0);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    let ended = place.run(&[&transfer[..4], &["--out", "no"], NET, &DATA, CPU].concat());
    assert_ne!(ended.code, 0);
    assert!(
        ended.stderr.contains("--init-partial lets the last layer"),
        "{}",
        ended.stderr
    );
    // Whoever freezes what is random is told.
    let ended = place.run(
        &[
            NET,
            &DATA,
            &["--freeze", "1", "--epochs", "1", "--out", "frozen"],
            CPU,
        ]
        .concat(),
    );
    assert!(
        ended.stderr.contains("--init takes those of a trained net"),
        "{}",
        ended.stderr
    );
}
