use super::*;

fn size(text: &str) -> ImageSize {
    text.parse().expect("a size")
}

#[test]
fn sizes_are_read_and_written() {
    assert_eq!(size("32").to_string(), "32x32");
    let wide = size("48 x 64");
    assert_eq!((wide.height, wide.width), (48, 64));
    assert_eq!(size(&wide.to_string()), wide);
    for wrong in [
        "", "0", "32x", "3x32x32", "32x0", "-1", "4097", "1e3", "32X32",
    ] {
        let error = wrong.parse::<ImageSize>().expect_err(wrong);
        assert!(error.contains("is not a size of images"), "{error}");
    }
}

/// What is recorded of a run is what is read of it.
#[test]
fn metadata_give_back_what_they_record() {
    let shape = ImageShape::new(1, 48, 64);
    for fit in [Fit::Stretch, Fit::Crop, Fit::Pad] {
        let exact = Preprocessing::exact(shape, fit);
        let metadata = exact.metadata(shape);
        assert_eq!(metadata["image_size"], "48x64");
        assert_eq!(metadata["image_mode"], "grey");
        assert_eq!(metadata["scaling"], "bytes / 255");
        assert_eq!(
            Preprocessing::from_metadata(&metadata),
            Some((shape, exact))
        );
    }
    let own = Preprocessing::default().metadata(shape);
    assert_eq!(own.get("fit"), None);
    let (found, asked) = Preprocessing::from_metadata(&own).expect("recorded");
    assert_eq!((found, asked.size), (shape, None));
    for (key, value) in [
        ("fit", "squeeze"),
        ("image_mode", "cmyk"),
        ("image_size", "0"),
    ] {
        let mut metadata = Preprocessing::exact(shape, Fit::Pad).metadata(shape);
        metadata.insert(key.to_owned(), value.to_owned());
        assert_eq!(Preprocessing::from_metadata(&metadata), None, "{key}");
    }
}

/// Sizes as torchvision and Pillow round them.
#[test]
fn parts_are_in_the_middle() {
    let place = |own: &str, to: &str, fit| Placement::new(size(own), size(to), fit);
    let crop = |own, to| place(own, to, Fit::Crop).of;
    // 30x40 becomes 32x42 (42.67 rounded down), of which 5 columns are left before and behind.
    assert_eq!(
        crop("30x40", "32"),
        [5.0 * 40.0 / 42.0, 0.0, 32.0 * 40.0 / 42.0, 30.0]
    );
    assert_eq!(crop("100x50", "25"), [0.0, 12.0 * 2.0, 50.0, 25.0 * 2.0]);
    assert_eq!(crop("32", "64"), [0.0, 0.0, 32.0, 32.0]);
    let padded = place("30x40", "32", Fit::Pad);
    assert_eq!(padded.of, [0.0, 0.0, 40.0, 30.0]);
    assert_eq!(padded.size, size("24x32"));
    assert_eq!(place("1x4000", "16", Fit::Pad).size, size("1x16"));
}

/// The extremes that files may have: nothing panics, and every pixel is within what was there.
#[test]
fn every_proportion_has_every_fit() {
    let sides = [1, 2, 3, 7, 16, 255, 256, 4096];
    for (height, width) in sides.iter().flat_map(|h| sides.map(|w| (*h, w))) {
        if height * width > 1 << 16 {
            continue;
        }
        let own = ImageSize { height, width };
        for fit in [Fit::Stretch, Fit::Crop, Fit::Pad] {
            for to in ["1", "1x33", "33x1", "32", "5x7"] {
                let pixels = vec![200; height * width * 3];
                let made = resized(pixels, own, 3, size(to), fit);
                assert_eq!(made.len(), size(to).height * size(to).width * 3);
                let kept = |it: &u8| *it == 200 || (fit == Fit::Pad && *it == 0);
                assert!(made.iter().all(kept), "{own}, {to}, {fit:?}");
                assert!(made.contains(&200), "{own}, {to}, {fit:?}");
            }
        }
    }
}
