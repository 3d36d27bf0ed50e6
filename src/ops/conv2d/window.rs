//! Which pixels windows cover where zeros lie around the image: what the twins share.

/// The pixel of a batch of `image`s (lines and columns) under tap `[tap_y, tap_x]` of the window of output pixel
/// `[n, y, x]`; `None` where that is one of the `padding` zeros on every side.
pub(super) fn pixel_under(
    [height, width]: [u32; 2],
    (stride, padding): (u32, u32),
    [n, y, x]: [u32; 3],
    [tap_y, tap_x]: [u32; 2],
) -> Option<usize> {
    let along = |at: u32, tap: u32, len: u32| {
        let place = (at * stride + tap).checked_sub(padding)?;
        (place < len).then_some(place)
    };
    let (line, column) = (along(y, tap_y, height)?, along(x, tap_x, width)?);
    Some(((n * height + line) * width + column) as usize)
}
