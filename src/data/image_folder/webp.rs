//! What the crate `image` does not check before it decodes a WebP file, as of image-webp 0.2.4: a
//! frame may claim 16,383x16,383 pixels whatever the size of its canvas, and takes 400 MiB for them
//! before the two are compared. An animation takes its canvas and a frame more than once.
//!
//! Source: <https://developers.google.com/speed/webp/docs/riff_container>.

use std::io::{self, BufRead, ErrorKind, Read, Seek};

/// Bytes of a chunk's name and size.
const CHUNK_HEADER_BYTES: usize = 8;
const FRAME_START: [u8; 3] = [0x9d, 0x01, 0x2a];

/// Checks that `file` is no animated WebP file, nor one whose frame differs from its canvas; leaves
/// it at its start. Says what is wrong, where it can be read at all.
pub(super) fn check(file: &mut (impl BufRead + Seek)) -> io::Result<Result<(), String>> {
    let verdict = check_chunks(file);
    file.rewind()?;
    match verdict {
        // The decoder says more about a file that ends early.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Ok(())),
        verdict => verdict,
    }
}

fn check_chunks(file: &mut (impl Read + Seek)) -> io::Result<Result<(), String>> {
    let start: [u8; 12] = bytes(file)?;
    if !start.starts_with(b"RIFF") || !start.ends_with(b"WEBP") {
        return Ok(Ok(()));
    }
    let mut canvas = None;
    loop {
        let header: [u8; CHUNK_HEADER_BYTES] = bytes(file)?;
        let ([a, b, c, d], name) = (last_four(header), &header[..4]);
        let size = i64::from(u32::from_le_bytes([a, b, c, d]));
        let next = file
            .stream_position()?
            .saturating_add_signed(size + size % 2);
        match (name, canvas) {
            (b"VP8X", None) => {
                let [_, _, _, _, w0, w1, w2, h0, h1, h2]: [u8; 10] = bytes(file)?;
                let side = |bytes| u32::from_le_bytes(bytes) + 1;
                canvas = Some((side([w0, w1, w2, 0]), side([h0, h1, h2, 0])));
            }
            // A file without a canvas is one frame, whose size is that of the image.
            (_, None) => return Ok(Ok(())),
            (b"ANIM" | b"ANMF", _) => return Ok(Err("is animated".to_owned())),
            (b"VP8 ", Some(canvas)) => {
                let [_, _, _, magic @ .., w0, w1, h0, h1]: [u8; 10] = bytes(file)?;
                let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
                let frame = (side([w0, w1]), side([h0, h1]));
                if magic != FRAME_START || frame != canvas {
                    let what =
                        format!("holds a frame of {frame:?} pixels on a canvas of {canvas:?}");
                    return Ok(Err(what));
                }
            }
            _ => {}
        }
        file.seek(io::SeekFrom::Start(next))?;
    }
}

fn bytes<const COUNT: usize>(file: &mut impl Read) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn last_four([_, _, _, _, last @ ..]: [u8; CHUNK_HEADER_BYTES]) -> [u8; 4] {
    last
}
