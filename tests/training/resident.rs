//! Data sets larger than one binding.

use gpu_train::gpu::GpuOptions;
use gpu_train::nn::NetworkType;
use gpu_train::shape::ImageShape;
use gpu_train::train::{Session, TrainerOptions};

use crate::support::{adapter, cpu, open, processor, session, split, trainer};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);

fn limited(options: GpuOptions, binding_bytes: u64) -> Session {
    open(&GpuOptions {
        binding_bytes: Some(binding_bytes),
        ..options
    })
}

/// 401 images of 480 bytes in parts of at most 133: four parts, the last one nearly empty.
#[test]
fn a_data_set_split_over_four_bindings_trains_to_the_same_bits() {
    let run = |session: &Session| {
        let options = TrainerOptions {
            batch_size: 8,
            ..TrainerOptions::default()
        };
        let mut trainer = trainer(session, split(401, 30, IMAGE), NetworkType::Cnn, options);
        trainer.train_loop(2, |_| Ok(())).expect("trains");
        (
            trainer.parameters().expect("reads"),
            trainer.logs()[1].test.clone(),
        )
    };
    for (options, whole) in [(adapter(), session()), (processor(), cpu())] {
        let small = limited(options, 64_000);
        let data = small.upload(&split(401, 1, IMAGE).train).expect("fits");
        assert_eq!(data.layout().parts(), 4);
        assert_eq!(run(&small), run(whole));
    }
}

#[test]
fn data_that_does_not_fit_says_what_is_needed() {
    for options in [adapter(), processor()] {
        let error = limited(options, 16_384).upload(&split(301, 1, IMAGE).train);
        let message = error.expect_err("does not fit").to_string();
        assert!(
            message.contains("144480") && message.contains("16384"),
            "{message}"
        );
    }
}
