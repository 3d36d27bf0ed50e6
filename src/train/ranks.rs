//! Ranks that share a training: that all of them go on from the same bits.

use sha2::{Digest as _, Sha256};

use super::trainer::Trainer;
use crate::error::Result;
use crate::exec::Buffer;
use crate::graph::Role;
use crate::ranks::{Name, Ranks};

impl Trainer<'_> {
    /// Who shares every batch.
    pub fn ranks(&self) -> Ranks {
        self.device.ranks()
    }

    /// Compares what every rank has learned; where it differs, as the last bits do between unlike processors, all of
    /// them go on with what rank 0 has. Returns the ranks that had something else.
    ///
    /// Errors where a rank does not answer.
    pub(crate) fn take_from_first_rank(&mut self) -> Result<Vec<Name>> {
        let ranks = self.ranks();
        if ranks.is_alone() {
            return Ok(Vec::new());
        }
        let mut contents = Vec::new();
        for buffer in self.learned() {
            contents.push(self.device.read(buffer, 0, buffer.size())?);
        }
        let mut hash = Sha256::new();
        for bytes in &contents {
            hash.update(bytes);
        }
        let hash = format!("{:?}", hash.finalize());
        let hashes = ranks.gather_text(&hash)?;
        let differing = (0..ranks.count()).filter(|rank| hashes[*rank] != hashes[0]);
        let differing: Vec<Name> = differing.map(|rank| ranks.name_of(rank)).collect();
        if differing.is_empty() {
            return Ok(differing);
        }
        for (buffer, bytes) in self.learned().zip(&mut contents) {
            ranks.take_from_first(bytes)?;
            self.device.write(buffer, 0, bytes)?;
        }
        Ok(differing)
    }

    /// What a step changes for good, in the same order on every rank.
    fn learned(&self) -> impl Iterator<Item = &Buffer> {
        let slots = 0..self.options.optimizer.slots().len() as u8;
        let roles = [Role::Parameters, Role::Statistics].into_iter();
        let roles = roles.chain(slots.map(Role::Slot));
        roles.filter_map(|role| self.shared.get(&role))
    }
}
