//! The bodies of the API that are its own; everything else it answers with is a view of the updater.

use newleaf_domain::{Channel, Digest, Namespace, PlanId, Target, Timestamp, UpdateId, Version};
use newleaf_launcher::journal::{Record, StepId};
use newleaf_update::Skip;
use newleaf_update::view::{Progress, Report, SignerView};
use serde::{Deserialize, Serialize};

/// `POST /api/v1/plan`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Core or the app.
    pub target: Target,
    /// Exactly this version; the newest that fits where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// `POST /api/v1/update`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRequest {
    /// The plan to carry out, exactly so.
    pub plan: PlanId,
    /// The word on wider permissions.
    #[serde(default)]
    pub consent: ConsentWord,
    /// The word on a pause that an app's visitors are told of.
    #[serde(default)]
    pub pause: ConsentWord,
    /// The word on apps that the new core leaves behind: they are suspended, their data is kept.
    #[serde(default)]
    pub suspend: ConsentWord,
}

/// `POST /api/v1/skip`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipRequest {
    /// Core or the app.
    pub target: Target,
    /// Exactly this version; the one that is offered now where none is named, or every one that was
    /// refused where they are to be offered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// `refuse`, or `offer` to take that back.
    pub skip: Skip,
}

/// `POST /api/v1/rollback`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// Core or the app.
    pub target: Target,
    /// The word on what would be lost.
    #[serde(default)]
    pub consent: ConsentWord,
    /// The `mark` of the offer that was read: where going back does something else by now, nothing
    /// is begun. Without it, the yes is to whatever is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Digest>,
}

/// `POST /api/v1/apps/<ns>/<app>/remove`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveRequest {
    /// Whether the app's data stays on disk.
    pub keep_data: bool,
}

/// `POST /api/v1/trust/accept`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// Whose signer.
    pub namespace: Namespace,
    /// The signer that was agreed to, as `GET /api/v1/trust` offered it; another one is refused.
    pub signer: SignerView,
}

/// `POST /api/v1/channel`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRequest {
    /// Core or an installed app.
    pub target: Target,
    /// What it is to follow.
    pub channel: Channel,
    /// The word on a channel that is not for everyone.
    #[serde(default)]
    pub consent: ConsentWord,
}

/// An explicit yes, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentWord {
    /// Yes.
    Given,
    /// Nothing was said.
    #[default]
    NotGiven,
}

/// An update was started (202).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Which.
    pub id: UpdateId,
    /// Where its report is.
    pub link: String,
    /// Where its events are.
    pub events: String,
}

impl Started {
    /// The answer for the update `id`.
    pub fn new(id: UpdateId) -> Self {
        let link = format!("/api/v1/updates/{id}");
        Self { events: format!("{link}/events"), link, id }
    }
}

/// A sign-in link was made (201).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLink {
    /// The address to open, once.
    pub url: String,
    /// Until when.
    pub expires: Timestamp,
}

/// One event of `GET /api/v1/updates/<id>/events`. A record's `seq` is its event's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum UpdateEvent {
    /// A record of the journal.
    Record(Box<Record>),
    /// How far a step is. Has no id: a viewer that comes back gets the newest.
    Progress {
        /// The step.
        step: StepId,
        /// How far.
        progress: Progress,
    },
    /// The update is over; nothing follows.
    Ended(Box<Report>),
}

impl UpdateEvent {
    /// The event's name in the stream.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Progress { .. } => "progress",
            Self::Ended(_) => "ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use newleaf_launcher::journal::Entry;

    use super::*;

    #[test]
    fn a_record_reads_back_from_its_event() {
        let record = Record {
            seq: 41,
            at: Timestamp::parse("2026-11-21T02:30:00Z").unwrap(),
            update: Some(UpdateId::parse("1763692200-0123abcd-17").unwrap()),
            entry: Entry::Started { step: StepId::Fetch },
        };
        let event = UpdateEvent::Record(Box::new(record));
        let json = serde_json::to_string(&event).unwrap();
        insta::assert_snapshot!(json, @r#"{"event":"record","seq":41,"at":"2026-11-21T02:30:00Z","update":"1763692200-0123abcd-17","kind":"started","step":"fetch"}"#);
        assert_eq!(serde_json::from_str::<UpdateEvent>(&json).unwrap(), event);
    }

    #[test]
    fn silence_is_no_consent() {
        let plan = "0".repeat(64);
        let request: UpdateRequest =
            serde_json::from_str(&format!(r#"{{"plan":"{plan}"}}"#)).unwrap();
        assert_eq!(request.consent, ConsentWord::NotGiven);
        assert!(
            serde_json::from_str::<UpdateRequest>(&format!(
                r#"{{"plan":"{plan}","consent":true}}"#
            ))
            .is_err()
        );
    }
}
