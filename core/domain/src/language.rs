//! What an app is written in, as far as its host has to know: some languages bring a whole
//! interpreter, which costs more to compile.

use serde::{Deserialize, Serialize};

/// The language of an app's component; `rust` where the manifest names none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Language {
    /// Rust, and whatever else compiles to machine code of its own.
    #[default]
    Rust,
    /// JavaScript, which brings an engine of some 13 MB.
    JavaScript,
    /// Python, which brings an interpreter of some 18 MB.
    Python,
    /// A word of a newer author; nothing more is given for it.
    Other(String),
}

impl Language {
    /// The word in the manifest.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::Other(word) => word,
        }
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Other(word) => word,
        }
    }

    /// Whether it brings an interpreter, so that compiling takes more than a host gives unasked.
    pub const fn brings_interpreter(&self) -> bool {
        match self {
            Self::JavaScript | Self::Python => true,
            Self::Rust | Self::Other(_) => false,
        }
    }

    /// Whether it is the one of a manifest that names none.
    pub fn is_rust(&self) -> bool {
        *self == Self::Rust
    }
}

impl From<String> for Language {
    fn from(word: String) -> Self {
        match word.as_str() {
            "rust" => Self::Rust,
            "javascript" => Self::JavaScript,
            "python" => Self::Python,
            _ => Self::Other(word),
        }
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_knows_is_kept_and_gives_nothing() {
        let read = |word: &str| serde_json::from_str::<Language>(word).unwrap();
        let unknown = read("\"cobol\"");
        assert!(!unknown.brings_interpreter());
        assert_eq!(serde_json::to_string(&unknown).unwrap(), "\"cobol\"");
        assert!(read("\"python\"").brings_interpreter());
        assert!(read("\"javascript\"").brings_interpreter());
        assert!(read("\"rust\"").is_rust());
    }
}
