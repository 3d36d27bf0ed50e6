//! `TFRecord`: length, its checksum, the bytes, their checksum.
//! Source: <https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>.

use crc::{CRC_32_ISCSI, Crc};

/// CRC-32C.
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// Checksums are masked, since that of a record that holds checksums would be a poor one.
const MASK: u32 = 0xa282_ead8;

fn masked(bytes: &[u8]) -> u32 {
    CHECKSUM.checksum(bytes).rotate_right(15).wrapping_add(MASK)
}

/// Appends `record` to `file` in its frame.
pub fn write_record(file: &mut Vec<u8>, record: &[u8]) {
    let length = (record.len() as u64).to_le_bytes();
    file.extend_from_slice(&length);
    file.extend_from_slice(&masked(&length).to_le_bytes());
    file.extend_from_slice(record);
    file.extend_from_slice(&masked(record).to_le_bytes());
}

/// The records of `file`; `None` where a frame is not whole or a checksum is wrong.
pub fn records(mut file: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !file.is_empty() {
        let length = *file.first_chunk::<8>()?;
        let size = usize::try_from(u64::from_le_bytes(length)).ok()?;
        let checksum = file.get(8..12)?.first_chunk()?;
        let end = size.checked_add(12)?;
        let record = file.get(12..end)?;
        let of_record = file.get(end..end.checked_add(4)?)?.first_chunk()?;
        if u32::from_le_bytes(*checksum) != masked(&length)
            || u32::from_le_bytes(*of_record) != masked(record)
        {
            return None;
        }
        found.push(record);
        file = &file[end + 4..];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 3720, B.4: 32 bytes of zeros have the CRC 0x8a9136aa.
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(CHECKSUM.checksum(&[0; 32]), 0x8a91_36aa);
        // Turned right by 15 bits, plus the mask.
        assert_eq!(masked(&[0; 32]), 0x0fd7_fffa);
    }

    #[test]
    fn frames_come_back_and_damage_is_seen() {
        let mut file = Vec::new();
        write_record(&mut file, b"one");
        write_record(&mut file, b"");
        write_record(&mut file, b"three");
        assert_eq!(records(&file), Some(vec![&b"one"[..], b"", b"three"]));
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 4;
            assert_eq!(records(&damaged), None, "byte {at}");
        }
        assert_eq!(records(&file[..file.len() - 1]), None);
    }
}
