//! What an update is about: core, or one app.

use crate::{InvalidWord, PackageName, text_word};

/// Core or one app; written `core` or `<namespace>/<app>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The product's own binary.
    Core,
    /// An installed or offered app.
    App(PackageName),
}

impl Target {
    /// Parses `core` or `<namespace>/<app>`.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        if text == "core" {
            return Ok(Self::Core);
        }
        PackageName::parse(text)
            .map(Self::App)
            .map_err(|_| InvalidWord::new("target", text, "core or <namespace>/<app>"))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Core => "core",
            Self::App(name) => name.as_str(),
        }
    }

    /// The app's name, where the target is one.
    pub const fn app(&self) -> Option<&PackageName> {
        match self {
            Self::Core => None,
            Self::App(name) => Some(name),
        }
    }
}
text_word!(Target);
