//! Platforms that a core is built for.

use crate::{InvalidWord, text_word};

/// What a core binary runs on: `<architecture>-<system>[-<C library>]`, such as `x86_64-linux-gnu`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform(String);

impl Platform {
    /// What hosts ask for: every answer of [`Platform::current`]. A release for another platform is
    /// well formed, and no host ever takes it.
    pub const ASKED_FOR: [&str; 6] = [
        "x86_64-linux-gnu",
        "aarch64-linux-gnu",
        "x86_64-linux-musl",
        "aarch64-linux-musl",
        "x86_64-macos",
        "aarch64-macos",
    ];

    /// Whether any host asks for it.
    pub fn is_asked_for(&self) -> bool {
        Self::ASKED_FOR.contains(&self.as_str())
    }

    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let parts = text.split('-').collect::<Vec<_>>();
        let fits = (2..=3).contains(&parts.len())
            && text.len() <= 64
            && parts.iter().all(|part| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWord::new("platform", text, "<arch>-<system>[-<libc>], as x86_64-linux-gnu"))
        }
    }

    /// The platform this program was built for.
    pub fn current() -> Self {
        let libc = if cfg!(target_env = "musl") {
            "-musl"
        } else if cfg!(target_env = "gnu") {
            "-gnu"
        } else {
            ""
        };
        let system = if cfg!(target_os = "macos") { "macos" } else { "linux" };
        let arch = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x86_64" };
        Self(format!("{arch}-{system}{libc}"))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_word!(Platform);

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn what_hosts_ask_for_is_known() {
        assert!(Platform::current().is_asked_for());
        for name in Platform::ASKED_FOR {
            assert!(Platform::parse(name).unwrap().is_asked_for(), "{name}");
        }
        assert!(!Platform::parse("x86_64-linux").unwrap().is_asked_for());
    }
}
