//! What the compiling child may take of the machine: decided by the parent, told to the child, which
//! holds itself to it.

use std::time::Duration;

use newleaf_domain::{ByteSize, Grants};

/// Tells a child what it may take, as `<bytes of memory> <seconds>`; the usual where it is not set.
pub(super) const VARIABLE: &str = "NEWLEAF_COMPILE_WITHIN";

/// What compiling one component may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space of the child.
    pub(super) memory: ByteSize,
    /// Its processor time.
    pub(super) cpu_seconds: u64,
}

impl CompileLimits {
    /// What every app has unasked: 1 GiB and 30 s. A usual one needs 50 MiB and less than a second;
    /// a hostile file of 838 KB was measured to ask for more than 8 GiB.
    pub const USUAL: Self = Self { memory: ByteSize::mib(1024), cpu_seconds: 30 };

    /// What an app has that brings an interpreter, where an admin said yes to it: 2 GiB and 60 s.
    /// Those of JavaScript (13 MB) and Python (18 MB) were measured to take 17 to 24 s and 430 MiB.
    pub const INTERPRETER: Self = Self { memory: ByteSize::mib(2048), cpu_seconds: 60 };

    /// What an app with these grants may take.
    pub fn by(grants: &Grants) -> Self {
        if grants.compiles_interpreter() { Self::INTERPRETER } else { Self::USUAL }
    }

    /// How long the parent waits: the limit is processor time, which a sleeping child stretches, and
    /// a busy machine even more, since the child stands back behind those who serve.
    pub(super) const fn patience(&self) -> Duration {
        Duration::from_secs(self.cpu_seconds * 10)
    }

    /// The form in which a child is told.
    pub(super) fn as_text(&self) -> String {
        format!("{} {}", self.memory.as_u64(), self.cpu_seconds)
    }

    /// What this process, a child, was told.
    pub(super) fn told() -> Result<Self, String> {
        match std::env::var(VARIABLE) {
            Err(_) => Ok(Self::USUAL),
            Ok(text) => Self::parse(&text).ok_or_else(|| format!("{VARIABLE} is {text:?}")),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (memory, cpu) = text.split_once(' ')?;
        let memory = ByteSize::bytes(memory.parse().ok()?);
        Some(Self { memory, cpu_seconds: cpu.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{Grant, Language};

    use super::*;

    #[test]
    fn a_child_reads_what_its_parent_wrote() {
        for limits in [CompileLimits::USUAL, CompileLimits::INTERPRETER] {
            assert_eq!(CompileLimits::parse(&limits.as_text()), Some(limits));
        }
        assert_eq!(CompileLimits::parse("much"), None);
    }

    #[test]
    fn more_is_given_only_where_it_was_granted() {
        let interpreter = Grant::Compile { language: Language::Python };
        assert_eq!(CompileLimits::by(&vec![interpreter].into()), CompileLimits::INTERPRETER);
        let unknown = Grant::Compile { language: Language::Other("cobol".to_owned()) };
        for less in [vec![unknown], Vec::new()] {
            assert_eq!(CompileLimits::by(&less.into()), CompileLimits::USUAL);
        }
    }
}
