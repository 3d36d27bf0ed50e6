//! The two devices that kernels run on, unchecked and checked; new ones for those that are lost.

use crate::error::{Error, Result};
use crate::gpu::GpuOptions;
use crate::train::Session;

/// An adapter opened twice: for shaders as training runs them, and for checked ones.
#[derive(Debug)]
pub(super) struct Devices {
    options: GpuOptions,
    /// By whether shaders are checked; `None` where the device was lost and could not be opened
    /// again.
    open: [Option<Session>; 2],
}

impl Devices {
    /// Opens the adapter twice; errors where it cannot be opened.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        let mut devices = Self {
            options: options.clone(),
            open: [None, None],
        };
        for checked in [false, true] {
            devices.open[usize::from(checked)] = Some(devices.session(checked)?);
        }
        Ok(devices)
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
                "run this kernel alone, with --kernel",
            )
        })
    }

    /// Opens anew what has failed: after a failure a device reports the same one for ever.
    pub fn replace_failed(&mut self) {
        for checked in [false, true] {
            let open = &self.open[usize::from(checked)];
            if open.as_ref().is_none_or(|it| it.gpu().check().is_err()) {
                self.open[usize::from(checked)] = self.session(checked).ok();
            }
        }
    }

    fn session(&self, checked: bool) -> Result<Session> {
        Session::open(&GpuOptions {
            checked,
            ..self.options.clone()
        })
    }
}
