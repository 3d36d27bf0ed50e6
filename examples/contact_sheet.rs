//! Draws a contact sheet of a data set: `cargo run --release --example contact_sheet -- house-digits
//! sheet.png`. Each row holds sixteen training images; four pixels a pixel.

use gpu_train::data::{DataSource, Dataset};
use image::{Rgb, RgbImage, imageops};

const COLUMNS: usize = 16;
const ROWS: usize = 10;
const ZOOM: u32 = 4;
const GAP: u32 = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(data), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: contact_sheet DATA FILE.png".into());
    };
    let split = data.parse::<DataSource>()?.load(0)?;
    sheet(&split.train).save(file)?;
    Ok(())
}

fn sheet(data: &Dataset) -> RgbImage {
    let shape = data.shape();
    let (height, width) = (shape.height as u32, shape.width as u32);
    let cells = (COLUMNS as u32, ROWS as u32);
    let mut sheet = RgbImage::new(cells.0 * (width + GAP), cells.1 * (height + GAP));
    let images = data.images().chunks_exact(shape.elements());
    for (index, image) in images.take(COLUMNS * ROWS).enumerate() {
        let (column, row) = ((index % COLUMNS) as u32, (index / COLUMNS) as u32);
        // A grey image shows its one plane three times.
        let plane = |channel: usize| &image[channel.min(shape.channels - 1) * shape.pixels()..];
        for y in 0..height {
            for x in 0..width {
                let pixel = [0, 1, 2].map(|channel| plane(channel)[(y * width + x) as usize]);
                let at = (column * (width + GAP) + x, row * (height + GAP) + y);
                sheet.put_pixel(at.0, at.1, Rgb(pixel));
            }
        }
    }
    let (width, height) = (sheet.width() * ZOOM, sheet.height() * ZOOM);
    imageops::resize(&sheet, width, height, imageops::FilterType::Nearest)
}
