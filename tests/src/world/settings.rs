//! What a host is set to where a test says nothing else, and how it gets into its `newleaf.toml`.

use std::path::Path;

use crate::ports::own_port;

/// Settings of a host that tests shorten.
#[derive(Debug, Clone, Copy)]
pub struct HostSettings {
    /// Seconds of probation of apps.
    pub probation: f64,
    /// Seconds of probation of core.
    pub core_probation: f64,
    /// Seconds until a new worker must be ready.
    pub ready_within: f64,
    /// Seconds a draining worker leaves idle connections open.
    pub linger: f64,
    /// `core.rehearsal`: what it means where a new core fails on a copy of the data.
    pub rehearsal: &'static str,
    /// Seconds of processor time that one request of an app may use.
    pub processor: f64,
    /// Seconds an app may take to answer.
    pub answer_within: f64,
    /// Further lines of `[http]`.
    pub http: &'static str,
    /// Further lines of `[apps]`.
    pub apps: &'static str,
    /// What the notes app is told: lines of `[apps."acme/notes".config]`.
    pub notes: &'static str,
}

impl Default for HostSettings {
    /// Short waits, long enough for a machine with two busy cores; and a broken core is only warned
    /// of in its rehearsal, so that it fails where most tests want it to: in its trial.
    fn default() -> Self {
        Self {
            probation: 2.0,
            core_probation: 2.0,
            ready_within: 20.0,
            linger: 1.5,
            rehearsal: "warn",
            processor: 5.0,
            answer_within: 60.0,
            http: "",
            apps: "",
            notes: "",
        }
    }
}

impl HostSettings {
    /// What a host has whose operator sets nothing.
    pub const fn product_defaults() -> Self {
        Self {
            probation: 60.0,
            core_probation: 60.0,
            ready_within: 30.0,
            linger: 2.0,
            rehearsal: "required",
            processor: 5.0,
            answer_within: 60.0,
            http: "",
            apps: "",
            notes: "",
        }
    }

    /// Puts the settings into `<dir>/newleaf.toml`, as an admin would edit them.
    pub(super) fn write(self, dir: &Path) {
        let path = dir.join("newleaf.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let Self { probation, core_probation, ready_within, linger, rehearsal, .. } = self;
        let Self { processor, answer_within, http, apps, notes, .. } = self;
        let text = text
            .replace("# public = [\"127.0.0.1:8080\"]", &setting("public"))
            .replace("# admin = [\"127.0.0.1:8081\"]", &setting("admin"))
            .replacen("# probation = 60", &format!("probation = {core_probation}"), 1)
            .replace("# probation = 60", &format!("probation = {probation}"))
            .replace("# ready_within = 30", &format!("ready_within = {ready_within}"))
            .replace("# linger = 2", &format!("linger = {linger}"))
            .replace("# processor = 5", &format!("processor = {processor}"))
            .replace("# answer_within = 60", &format!("answer_within = {answer_within}"))
            .replacen("# rehearsal = \"required\"", &format!("rehearsal = \"{rehearsal}\""), 1)
            .replace("\n[http]\n", &format!("\n[http]\n{http}\n"))
            .replace("\n[apps]\n", &format!("\n[apps]\n{apps}\n"));
        let text = format!("{text}\n[apps.\"acme/notes\".config]\n{notes}\n");
        for set in ["\nlinger = ", "\nrehearsal = ", "\nprocessor = ", "\nanswer_within = "] {
            assert!(text.contains(set), "the template of newleaf.toml changed:\n{text}");
        }
        std::fs::write(&path, text).unwrap();
    }

    /// Gives the copy of a host in `dir` addresses of its own.
    pub fn new_ports(self, dir: &Path) {
        let path = dir.join("newleaf.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let line = |line: &str| match line.split_once(" = ") {
            Some((name @ ("public" | "admin"), _)) => setting(name),
            _ => line.to_owned(),
        };
        std::fs::write(&path, text.lines().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    }
}

/// The line of newleaf.toml that gives `name` a free port.
fn setting(name: &str) -> String {
    format!("{name} = [\"127.0.0.1:{}\"]", own_port())
}
