//! What time it is, as files and folders are named and dated.

use time::OffsetDateTime;
use time::macros::format_description;

/// `2026-11-26T21:03:59Z`.
pub(crate) fn utc_now() -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}

/// `20261126-210359`, for the name of a folder.
#[cfg(feature = "cli")]
pub(crate) fn utc_stamp() -> String {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
