//! What an app must look like, beyond what its package's format enforces. An error stops `build`
//! and `publish`; a warning is advice.

mod component;
mod files;
mod manifest;
mod reuse;

use serde::Serialize;

use crate::contents::Contents;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// The file, or the field of the manifest.
    pub(crate) about: String,
    /// What is wrong, with the values.
    pub(crate) text: String,
    /// What to do.
    pub(crate) hint: String,
}

/// How wrong it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// It will not work, or no registry takes it.
    Error,
    /// It works, and could be better.
    Warning,
}

/// Every finding about `contents`, errors first.
pub(crate) fn findings(contents: &Contents) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    manifest::check(&contents.manifest, &mut findings);
    files::check(contents, &mut findings);
    component::check(contents, &mut findings);
    reuse::check(contents, &mut findings);
    findings.0.sort_by_key(|finding| finding.level);
    findings.0
}

/// Whether one of `findings` is an error.
pub(crate) fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
}

/// The findings so far.
#[derive(Debug)]
struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, about: &str, text: impl Into<String>, hint: &str) {
        self.add(Level::Error, about, text.into(), hint);
    }

    fn warning(&mut self, about: &str, text: impl Into<String>, hint: &str) {
        self.add(Level::Warning, about, text.into(), hint);
    }

    fn add(&mut self, level: Level, about: &str, text: String, hint: &str) {
        self.0.push(Finding { level, about: about.to_owned(), text, hint: hint.to_owned() });
    }
}

/// The findings as lines for people, and how many there are of each level.
pub(crate) fn render(subject: &str, findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let mut lines = findings
        .iter()
        .map(|finding| {
            let label = match finding.level {
                Level::Error => "error",
                Level::Warning => "warning",
            };
            format!("{label}: {} {}\n  {}", finding.about, finding.text, finding.hint)
        })
        .collect::<Vec<_>>();
    lines.push(match (errors, warnings) {
        (0, 0) => format!("{subject}: nothing to complain about"),
        _ => format!("{subject}: {}, {}", plural(errors, "error"), plural(warnings, "warning")),
    });
    lines.join("\n")
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
