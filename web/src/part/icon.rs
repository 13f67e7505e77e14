//! Small line icons, drawn in the text's own colour. They only repeat what words say, so screen
//! readers skip them.

use maud::{Markup, html};

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    /// The product's mark.
    Leaf,
    /// Done, holds.
    Check,
    /// Failed, does not hold.
    Cross,
    /// To be read.
    Warning,
    /// Good to know.
    Info,
    /// Not run.
    Skip,
    /// Under way.
    Running,
    /// Not yet.
    Waiting,
    /// A new version.
    Up,
    /// Back to an older one.
    Back,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Leaf => {
                "M20 4C10 4 4.500 8 4.500 14.500c0 1.600.4 3 1.100 4.100C6.900 14 10 10.700 14.800 8.900 11 11.500 8.300 15 7.200 20M6.500 18.400c1.200.6 2.600.9 4 .9C17.800 19.300 20.700 13 20 4z"
            }
            Self::Check => "M5 12.500l4.500 4.500L19 7.500",
            Self::Cross => "M6.500 6.500l11 11m0-11l-11 11",
            Self::Warning => "M12 4.500L21 19.500H3zM12 10v4.500m0 2.200v.3",
            Self::Info => "M12 3.500a8.500 8.500 0 100 17 8.500 8.500 0 000-17zM12 11v5.500m0-9v.3",
            Self::Skip => "M6 12h12",
            Self::Running => "M12 3.500a8.500 8.500 0 018.500 8.500",
            Self::Waiting => "M12 9.500a2.500 2.500 0 100 5 2.500 2.500 0 000-5z",
            Self::Up => "M12 19V5.500m-6 6l6-6 6 6",
            Self::Back => "M9 14L4.500 9.500 9 5M4.500 9.500H14a5.500 5.500 0 010 11h-3",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Running => "icon spin",
            Self::Leaf
            | Self::Check
            | Self::Cross
            | Self::Warning
            | Self::Info
            | Self::Skip
            | Self::Waiting
            | Self::Up
            | Self::Back => "icon",
        }
    }
}

/// The icon as inline SVG.
pub(crate) fn icon(icon: Icon) -> Markup {
    html! {
        svg class=(icon.class()) viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            path d=(icon.path()) {}
        }
    }
}
