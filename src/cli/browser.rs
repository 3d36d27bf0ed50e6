//! `--open`: a page in the user's browser.

use std::path::Path;

use super::style;

/// Variables of which one is set where a browser can be seen, but for systems that always have a screen. `BROWSER` is
/// that of editors which forward it, `WSL_DISTRO_NAME` that of Linux within Windows.
const SCREENS: [&str; 4] = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"];

/// Opens `page` in the default browser and does not wait for it. Where there is none, or no screen, a note says where
/// the page is, unless `quiet`.
pub(super) fn show(page: &Path, quiet: bool) {
    let opened = if has_screen() {
        open::that_detached(page).map_err(|error| format!("no browser could be opened ({error})"))
    } else {
        Err("there is no screen to open it on".to_owned())
    };
    if let Err(why) = opened
        && !quiet
    {
        style::notice(&format!("{why}: the report is {}", page.display()));
    }
}

/// Without one, an opener may start a browser of text in the terminal, or wait for ever.
fn has_screen() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    cfg!(any(windows, target_os = "macos")) || SCREENS.into_iter().any(is_set)
}
