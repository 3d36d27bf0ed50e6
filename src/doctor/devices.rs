//! The two devices that kernels run on, unchecked and (on GPUs) checked; new ones for those that are
//! lost.

use crate::error::{Error, Result};
use crate::gpu::GpuOptions;
use crate::train::Session;

/// A device opened twice: for shaders as training runs them, and for checked ones.
#[derive(Debug)]
pub(super) struct Devices {
    options: GpuOptions,
    /// Name and backend of the adapter: once it is gone, the same options may mean another.
    adapter: Option<[String; 2]>,
    /// By whether shaders are checked; `None` where the device was lost and could not be opened
    /// again.
    open: [Option<Session>; 2],
}

impl Devices {
    /// Opens the adapter twice; errors where it cannot be opened.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        let mut devices = Self {
            options: options.clone(),
            adapter: None,
            open: [None, None],
        };
        for checked in [false, true] {
            if checked && devices.has_cpu() {
                break;
            }
            let session = devices.session(checked)?;
            devices.adapter = Some(identity(&session));
            devices.open[usize::from(checked)] = Some(session);
        }
        Ok(devices)
    }

    /// Whether the device is the processor, whose kernels are never checked.
    pub fn has_cpu(&self) -> bool {
        let open = self.open.iter().flatten();
        open.into_iter().any(|it| it.device().target().is_cpu())
    }

    /// The same adapter opened twice more.
    pub fn again(&self) -> Result<Self> {
        Self::open(&self.options)
    }

    /// The device for shaders as training runs them; errors as [`Devices::get`].
    pub fn unchecked(&self) -> Result<&Session> {
        self.get(false)
    }

    /// One of the devices; errors where it was lost and could not be opened again.
    pub fn get(&self, checked: bool) -> Result<&Session> {
        let open = self.open[usize::from(checked)].as_ref();
        open.ok_or_else(|| {
            Error::gpu(
                "not run: the GPU was lost before, and could not be opened again",
                "run this kernel alone, with `kernel`",
            )
        })
    }

    /// Opens anew what has failed: after a failure a device reports the same one for ever.
    pub fn replace_failed(&mut self) {
        for checked in [false, true] {
            let open = &self.open[usize::from(checked)];
            let is_needed = !(checked && self.has_cpu());
            if is_needed && open.as_ref().is_none_or(|it| it.device().check().is_err()) {
                self.open[usize::from(checked)] = self.session(checked).ok();
            }
        }
    }

    fn session(&self, checked: bool) -> Result<Session> {
        let session = Session::open(&GpuOptions {
            checked,
            ..self.options.clone()
        })?;
        if self
            .adapter
            .as_ref()
            .is_none_or(|it| *it == identity(&session))
        {
            return Ok(session);
        }
        let name = &session.device().description().name;
        Err(Error::gpu(
            format!("the adapter is gone; in its place there is {name}"),
            "see with `gpu-train devices` whether it comes back",
        ))
    }
}

fn identity(session: &Session) -> [String; 2] {
    let description = session.device().description();
    [description.name.clone(), description.backend.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_adapter_is_not_replaced_by_another() {
        let devices = Devices::open(&GpuOptions {
            device: Some("0".to_owned()),
            ..GpuOptions::default()
        });
        let mut devices = devices.expect("this test needs a GPU adapter; `make test` sees to one");
        let there = devices.adapter.clone();
        devices.adapter = Some(["another".to_owned(), "vulkan".to_owned()]);
        devices.open[0] = None;
        devices.replace_failed();
        let error = devices.unchecked().expect_err("it is another");
        assert!(error.to_string().contains("could not be opened again"));
        assert!(devices.get(true).is_ok(), "the other one works");
        devices.adapter = there;
        devices.replace_failed();
        assert!(devices.unchecked().is_ok());
    }
}
