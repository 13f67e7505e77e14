//! What the API answers when something is not done: a problem document (RFC 9457) that the
//! command line reads back as it was written.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use newleaf_domain::failure::one_line;
use newleaf_domain::{GrantChange, Target, UpdateId};
use newleaf_plan::Plan;
use newleaf_update::explain::CHECK_THE_NAME;
use newleaf_update::view::Prerequisite;
use serde::{Deserialize, Serialize};

/// Media type of a problem document (RFC 9457 §6.1).
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Something that was asked for and not done. Written and read as a problem document (RFC 9457 §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Document", into = "Document")]
pub struct Problem {
    /// Which kind.
    pub kind: Kind,
    /// What failed, with both values; a fragment that completes "failed to …".
    pub detail: String,
    /// The state now.
    pub state: String,
    /// What was done about it.
    pub done: String,
    /// What to do, with the command where there is one.
    pub todo: String,
    /// What goes with this kind.
    pub with: Box<With>,
}

/// A problem as it is sent (RFC 9457 §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    /// `urn:newleaf:problem:<kind>`
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    /// The exit code a command ends with.
    exit: u8,
    state: String,
    done: String,
    todo: String,
    #[serde(flatten)]
    with: Box<With>,
}

impl From<Problem> for Document {
    fn from(problem: Problem) -> Self {
        let Problem { kind, detail, state, done, todo, with } = problem;
        let Row { name, title, status, exit } = kind.row();
        let (kind, title, status) = (format!("{URN}{name}"), title.to_owned(), status.as_u16());
        Self { kind, title, status, detail, exit, state, done, todo, with }
    }
}

impl From<Document> for Problem {
    /// A kind that only a newer host knows becomes the one whose exit code it has.
    fn from(document: Document) -> Self {
        let Document { kind, detail, exit, state, done, todo, with, .. } = document;
        let name = kind.strip_prefix(URN).unwrap_or_default();
        let named = Kind::ALL.into_iter().find(|kind| kind.row().name == name);
        let alike = || match exit {
            2 => Kind::Malformed,
            3 => Kind::Blocked,
            4 => Kind::Refused,
            5 => Kind::RolledBack,
            6 => Kind::Busy,
            _ => Kind::Failed,
        };
        Self { kind: named.unwrap_or_else(alike), detail, state, done, todo, with }
    }
}

/// How the URI of a kind begins.
const URN: &str = "urn:newleaf:problem:";

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
    /// No such app is here.
    UnknownTarget,
    /// There is such a thing, and not for this method.
    WrongMethod,
    /// As many streams of events are open as may be.
    TooMany,
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
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Malformed,
        Self::NotSignedIn,
        Self::Forbidden,
        Self::NotFound,
        Self::UnknownTarget,
        Self::WrongMethod,
        Self::TooMany,
        Self::Busy,
        Self::UpToDate,
        Self::StalePlan,
        Self::Blocked,
        Self::ConsentNeeded,
        Self::Refused,
        Self::RolledBack,
        Self::Failed,
        Self::Unreachable,
    ];

    /// The exit code a command ends with.
    pub const fn exit(self) -> u8 {
        self.row().exit
    }

    const fn row(self) -> Row {
        let (name, title, status, exit) = match self {
            Self::Malformed => {
                ("malformed", "The request is not understood", StatusCode::BAD_REQUEST, 2)
            }
            Self::NotSignedIn => ("not-signed-in", "Not signed in", StatusCode::UNAUTHORIZED, 3),
            Self::Forbidden => ("forbidden", "Not allowed", StatusCode::FORBIDDEN, 3),
            Self::NotFound => ("not-found", "Not found", StatusCode::NOT_FOUND, 1),
            Self::UnknownTarget => ("unknown-target", "No such app", StatusCode::NOT_FOUND, 2),
            Self::WrongMethod => {
                ("wrong-method", "Not for this method", StatusCode::METHOD_NOT_ALLOWED, 2)
            }
            Self::TooMany => ("too-many", "Too much at a time", StatusCode::SERVICE_UNAVAILABLE, 1),
            Self::Busy => ("busy", "Another update is running", StatusCode::CONFLICT, 6),
            Self::UpToDate => ("up-to-date", "Nothing to update", StatusCode::CONFLICT, 0),
            Self::StalePlan => ("stale-plan", "The plan is out of date", StatusCode::CONFLICT, 1),
            Self::Blocked => {
                ("blocked", "A prerequisite does not hold", StatusCode::UNPROCESSABLE_ENTITY, 3)
            }
            Self::ConsentNeeded => (
                "consent-needed",
                "Wider permissions need a yes",
                StatusCode::UNPROCESSABLE_ENTITY,
                3,
            ),
            Self::Refused => ("refused", "Refused by trust", StatusCode::UNPROCESSABLE_ENTITY, 4),
            Self::RolledBack => {
                ("rolled-back", "Failed and rolled back", StatusCode::INTERNAL_SERVER_ERROR, 5)
            }
            Self::Failed => ("failed", "Failed", StatusCode::INTERNAL_SERVER_ERROR, 1),
            Self::Unreachable => ("unreachable", "No answer", StatusCode::BAD_GATEWAY, 1),
        };
        Row { name, title, status, exit }
    }
}

/// One line of the table of kinds.
struct Row {
    name: &'static str,
    title: &'static str,
    status: StatusCode,
    exit: u8,
}

impl Problem {
    /// The state that a problem has which does not say how things stand: nothing was touched. The
    /// command line, which may find no host running, says in its place what it found.
    pub const UNTOLD: &str = "as before";

    /// A problem of `kind`: nothing was changed by it, and there is nothing special to do.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            state: Self::UNTOLD.to_owned(),
            done: "nothing was changed".to_owned(),
            todo: "see the log of the host for more".to_owned(),
            with: Box::default(),
        }
    }

    /// An app was named that is not installed: the same words for whatever was asked of it.
    pub(crate) fn unknown(target: &Target) -> Self {
        Self::new(Kind::UnknownTarget, format!("{target} is not installed")).todo(CHECK_THE_NAME)
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
        self.with = Box::new(with);
        self
    }

    /// Whether the problem is of `kind`.
    pub const fn is(&self, kind: Kind) -> bool {
        self.kind as u8 == kind as u8
    }

    /// The four lines: state now, what failed, what was done, what to do.
    pub fn lines(&self) -> [String; 4] {
        [&self.state, &self.detail, &self.done, &self.todo].map(|text| one_line(text))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}
impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.row().status, Json(self)).into_response();
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
        let back: Problem =
            serde_json::from_str(&serde_json::to_string(&problem).unwrap()).unwrap();
        assert!(back == problem && back.is(Kind::Busy));
    }

    #[test]
    fn a_kind_of_a_newer_host_keeps_its_exit_code() {
        let mut json = serde_json::to_value(Problem::new(Kind::Refused, "x")).unwrap();
        json["type"] = "urn:newleaf:problem:from-the-future".into();
        let problem: Problem = serde_json::from_value(json).unwrap();
        assert_eq!(problem.kind.exit(), 4);
    }

    #[test]
    fn a_problem_has_four_lines_whatever_it_is_told() {
        let problem = Problem::new(Kind::Failed, "one\ntwo").state("a\n\nb").todo("c\r\nd");
        assert_eq!(problem.lines(), ["a b", "one two", "nothing was changed", "c d"]);
    }

    #[test]
    fn a_problem_says_its_media_type() {
        let response = Problem::new(Kind::NotFound, "no update 1").into_response();
        assert_eq!(
            (response.status(), &response.headers()[CONTENT_TYPE]),
            (StatusCode::NOT_FOUND, &PROBLEM_JSON)
        );
    }
}
