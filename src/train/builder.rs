//! A trainer in a line.

use std::sync::Arc;

use super::options::TrainerOptions;
use super::resident::ResidentSplit;
use super::session::Session;
use super::trainer::Trainer;
use crate::data::Augmentation;
use crate::error::Result;
use crate::nn::{Net, Network, Objective, Optimizer};

/// What a trainer is to be; made by [`Trainer::builder`].
#[derive(Debug)]
pub struct TrainerBuilder<'s> {
    session: &'s Session,
    data: Arc<ResidentSplit>,
    net: Net,
    network: Option<Network>,
    options: TrainerOptions,
}

impl<'s> Trainer<'s> {
    /// A trainer on `data`, to be described further. It trains the cnn with channels 16, 32, 45 and a
    /// dense layer of 128 as [`TrainerOptions::default`] says, unless it is told otherwise.
    pub fn builder(session: &'s Session, data: Arc<ResidentSplit>) -> TrainerBuilder<'s> {
        TrainerBuilder {
            session,
            data,
            net: Net::cnn([16, 32, 45]).dense([128]),
            network: None,
            options: TrainerOptions::default(),
        }
    }
}

impl<'s> TrainerBuilder<'s> {
    /// Trains that net.
    #[must_use]
    pub fn net(self, net: Net) -> Self {
        Self { net, ..self }
    }

    /// Trains that net of layers of your own, built for the shape of the images.
    #[must_use]
    pub fn network(self, network: Network) -> Self {
        Self {
            network: Some(network),
            ..self
        }
    }

    /// Trains with all of these options, save the activation, which is the net's; what was said before is
    /// forgotten.
    #[must_use]
    pub fn options(self, options: TrainerOptions) -> Self {
        Self { options, ..self }
    }

    /// Trains with that learning rate.
    #[must_use]
    pub fn lr(mut self, lr: f64) -> Self {
        self.options.lr = lr;
        self
    }

    /// Trains with so many samples per step.
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.options.batch_size = batch_size;
        self
    }

    /// Trains for that objective.
    #[must_use]
    pub fn objective(mut self, objective: impl Objective + 'static) -> Self {
        self.net = self.net.outputs(objective.outputs());
        self.options.objective = Arc::new(objective);
        self
    }

    /// Trains by that optimizer.
    #[must_use]
    pub fn optimizer(mut self, optimizer: impl Optimizer + 'static) -> Self {
        self.options.optimizer = Arc::new(optimizer);
        self
    }

    /// Changes the images of every epoch so.
    #[must_use]
    pub fn augment(mut self, augment: Augmentation) -> Self {
        self.options.augment = augment;
        self
    }

    /// Seeds initial weights, shuffling, augmentation and dropout with `seed`.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// The trainer.
    ///
    /// Errors as [`Trainer::new`].
    pub fn build(self) -> Result<Trainer<'s>> {
        let network = match self.network {
            Some(network) => network,
            None => self.net.build(self.data.train().shape())?,
        };
        Trainer::of(self.session, self.data, network, self.options)
    }
}
