//! What the API answers when something is not done: a problem document (RFC 9457) that the
//! command line reads back as it was written.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use newleaf_domain::{GrantChange, UpdateId};
use newleaf_plan::Plan;
use newleaf_update::view::Prerequisite;
use serde::{Deserialize, Serialize};

/// Media type of a problem document (RFC 9457 §6.1).
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Something that was asked for and not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which kind, as a URI (RFC 9457 §3.1.1): `urn:newleaf:problem:<kind>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words; the same for every occurrence.
    pub title: String,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// What failed, with both values; a fragment that completes "failed to …".
    pub detail: String,
    /// The exit code a command ends with.
    pub exit: u8,
    /// The state now.
    pub state: String,
    /// What was done about it.
    pub done: String,
    /// What to do, with the command where there is one.
    pub todo: String,
    /// What goes with this kind.
    #[serde(flatten)]
    pub with: With,
}

/// Members that only some kinds have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct With {
    /// The update that runs, where the host is busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<UpdateId>,
    /// Where to look next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The plan that takes the place of one that is out of date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<Plan>>,
    /// Prerequisites that do not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<Prerequisite>,
    /// Wider grants that need a yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantChange>,
}

/// The kinds of problems there are: name, title, HTTP status and exit code of each in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request is not understood.
    Malformed,
    /// No session, or not one of this host's own.
    NotSignedIn,
    /// Came from another site, or a peer that may not ask.
    Forbidden,
    /// No such thing.
    NotFound,
    /// Another update runs.
    Busy,
    /// There is nothing to do; the command line takes it as done.
    UpToDate,
    /// The plan is out of date.
    StalePlan,
    /// A prerequisite does not hold.
    Blocked,
    /// Wider grants need a yes.
    ConsentNeeded,
    /// Signatures or digests do not hold.
    Refused,
    /// Went wrong, and the version before serves again.
    RolledBack,
    /// Went wrong.
    Failed,
    /// The repository or the host does not answer.
    Unreachable,
}

impl Kind {
    const fn table(self) -> (&'static str, &'static str, StatusCode, u8) {
        match self {
            Self::Malformed => ("malformed", "The request is not understood", StatusCode::BAD_REQUEST, 2),
            Self::NotSignedIn => ("not-signed-in", "Not signed in", StatusCode::UNAUTHORIZED, 3),
            Self::Forbidden => ("forbidden", "Not allowed", StatusCode::FORBIDDEN, 3),
            Self::NotFound => ("not-found", "Not found", StatusCode::NOT_FOUND, 1),
            Self::Busy => ("busy", "Another update is running", StatusCode::CONFLICT, 6),
            Self::UpToDate => ("up-to-date", "Nothing to update", StatusCode::CONFLICT, 0),
            Self::StalePlan => ("stale-plan", "The plan is out of date", StatusCode::CONFLICT, 1),
            Self::Blocked => ("blocked", "A prerequisite does not hold", StatusCode::UNPROCESSABLE_ENTITY, 3),
            Self::ConsentNeeded => {
                ("consent-needed", "Wider permissions need a yes", StatusCode::UNPROCESSABLE_ENTITY, 3)
            }
            Self::Refused => ("refused", "Refused by trust", StatusCode::UNPROCESSABLE_ENTITY, 4),
            Self::RolledBack => ("rolled-back", "Failed and rolled back", StatusCode::INTERNAL_SERVER_ERROR, 5),
            Self::Failed => ("failed", "Failed", StatusCode::INTERNAL_SERVER_ERROR, 1),
            Self::Unreachable => ("unreachable", "No answer", StatusCode::BAD_GATEWAY, 1),
        }
    }
}

impl Problem {
    /// A problem of `kind`: nothing was changed by it, and there is nothing special to do.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (name, title, status, exit) = kind.table();
        Self {
            kind: format!("urn:newleaf:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            exit,
            state: "what ran before still runs".to_owned(),
            done: "nothing was changed".to_owned(),
            todo: "see the log of the host for more".to_owned(),
            with: With::default(),
        }
    }

    /// With the state as it is now.
    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = one_line(&state.into());
        self
    }

    /// With what was done about it.
    #[must_use]
    pub fn done(mut self, done: impl Into<String>) -> Self {
        self.done = one_line(&done.into());
        self
    }

    /// With what to do.
    #[must_use]
    pub fn todo(mut self, todo: impl Into<String>) -> Self {
        self.todo = one_line(&todo.into());
        self
    }

    /// With the members of its kind.
    #[must_use]
    pub fn with(mut self, with: With) -> Self {
        self.with = with;
        self
    }

    /// Whether the problem is of `kind`.
    pub fn is(&self, kind: Kind) -> bool {
        self.kind.strip_prefix("urn:newleaf:problem:") == Some(kind.table().0)
    }

    /// The four lines: state now, what failed, what was done, what to do.
    pub fn lines(&self) -> [String; 4] {
        [&self.state, &self.detail, &self.done, &self.todo].map(|text| one_line(text))
    }
}

/// `text` on one line, however many it came with.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}
impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_host_names_the_update_that_runs() {
        let running = UpdateId::parse("1763692200-0123abcd-17").unwrap();
        let link = format!("/api/v1/updates/{running}");
        let problem = Problem::new(Kind::Busy, "update 1763692200-0123abcd-17 of core is running")
            .state("core 1.0.0 serves")
            .todo("wait for it: newleaf history")
            .with(With { running: Some(running), link: Some(link), ..With::default() });
        insta::assert_json_snapshot!(problem, @r#"
        {
          "type": "urn:newleaf:problem:busy",
          "title": "Another update is running",
          "status": 409,
          "detail": "update 1763692200-0123abcd-17 of core is running",
          "exit": 6,
          "state": "core 1.0.0 serves",
          "done": "nothing was changed",
          "todo": "wait for it: newleaf history",
          "running": "1763692200-0123abcd-17",
          "link": "/api/v1/updates/1763692200-0123abcd-17"
        }
        "#);
        let back: Problem = serde_json::from_str(&serde_json::to_string(&problem).unwrap()).unwrap();
        assert!(back == problem && back.is(Kind::Busy));
    }

    #[test]
    fn a_problem_has_four_lines_whatever_it_is_told() {
        let problem = Problem::new(Kind::Failed, "one\ntwo").state("a\n\nb").todo("c\r\nd");
        assert_eq!(problem.lines(), ["a b", "one two", "nothing was changed", "c d"]);
    }

    #[test]
    fn a_problem_says_its_media_type() {
        let response = Problem::new(Kind::NotFound, "no update 1").into_response();
        assert_eq!((response.status(), &response.headers()[CONTENT_TYPE]), (StatusCode::NOT_FOUND, &PROBLEM_JSON));
    }
}
