//! What can be typed: every command, its targets and its flags, as clap reads them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use newleaf_domain::{Channel, JobName, Namespace, PackageName, PlanId, Target, Version};
use newleaf_launcher::offline::{Purpose, WORKERS_WITHIN};

use crate::config::RepositoryUrl;

/// Runs a product that keeps itself and its apps up to date.
#[derive(Debug, Parser)]
#[command(name = "newleaf", arg_required_else_help = true, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Exits 0 where this program runs on this machine: linked libraries, CPU features.
    // Not exclusive: NEWLEAF_DIR may be set in the environment that the check inherits.
    #[arg(long, hide = true)]
    pub(crate) self_test: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  the command line is not understood, or names an app that is not here
  3  blocked by a prerequisite, or a yes is missing
  4  refused by trust
  5  failed and rolled back
  6  busy with another update";

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The host's folder.
    #[arg(long, global = true, env = "NEWLEAF_DIR", hide_env_values = true, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// Print JSON instead of text: one document, or one event a line while an update runs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands, by what they need.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Own(Own),
    #[command(flatten)]
    Asked(Asked),
}

/// Commands that ask no host: they make one, are one, or are a part of one.
#[derive(Debug, Subcommand)]
pub(crate) enum Own {
    /// Make the folder of a new host.
    Init(Init),
    /// Run the host until it is told to stop.
    Serve(Serve),
    /// List snapshots of the product's data, take one, and put one back after a disaster.
    #[command(subcommand, display_order = 98)]
    Snapshot(Snapshot),
    /// Print a link that opens the recovery page, once.
    #[command(display_order = 96)]
    RecoveryLink,
    /// Write an archive for whoever helps you, with nothing secret in it.
    #[command(display_order = 97)]
    SupportBundle {
        /// Where to; a new file in this folder where nothing is said.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the completions of a shell.
    #[command(display_order = 99)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// A version's own process, started by the launcher.
    #[command(hide = true)]
    Worker(Worker),
    /// Looks at this program, which a person put in place of another.
    #[command(hide = true)]
    Adopt,
    /// Compiles one component, as a limited child.
    #[command(hide = true)]
    Compile {
        /// The component.
        input: PathBuf,
        /// Where its compiled code goes.
        output: PathBuf,
    },
    /// Asks a worker's private socket for its health.
    #[command(hide = true)]
    Probe {
        /// The socket.
        #[arg(long)]
        socket: PathBuf,
        /// Milliseconds it may take.
        #[arg(long)]
        within: u64,
    },
    /// Serves the page that says why nothing else does.
    #[command(hide = true)]
    Recovery,
}

/// Commands that ask a host, or take its place where none runs.
#[derive(Debug, Subcommand)]
pub(crate) enum Asked {
    /// Say what runs, and what could be updated.
    Status,
    /// Look for new releases now.
    Check,
    /// Measure whether an update could run, without running one.
    Preflight(Targets),
    /// Show what an update would do.
    Plan(PlanArguments),
    /// Try a version of core or of an app on a copy of the data, without updating.
    Rehearse(Rehearse),
    /// Update core or apps; without a target, list what could be updated.
    Update(Update),
    /// Refuse a version: it is not offered any more, what comes after it is.
    Skip(SkipArguments),
    /// Go back to the version before.
    Rollback(Rollback),
    /// List, install and remove apps.
    #[command(subcommand)]
    Apps(Apps),
    /// Say who signs for the installed apps, and accept another signer.
    #[command(subcommand)]
    Trust(Trust),
    /// Say which channel core and each app follow, or let one follow another.
    Channel(ChannelArguments),
    /// List the updates of this host, or of one target, newest first.
    History {
        /// `core` or `<namespace>/<app>`; all where none is named.
        #[arg(value_name = "TARGET")]
        target: Option<Target>,
    },
    /// Make a link that signs one person in to the portal, once.
    SignInLink,
}

impl Asked {
    /// Whether core is named to be updated, and not only looked at.
    pub(crate) fn updates_core(&self) -> bool {
        let Self::Update(Update { dry_run: false, list: false, all, targets, .. }) = self else {
            return false;
        };
        *all || targets.contains(&Target::Core)
    }

    /// What the folder is taken for where no host runs. A command that changes neither what runs
    /// nor any app's data leaves everything as a crash may have left it, so that one can look first.
    pub(crate) const fn purpose(&self) -> Purpose {
        match self {
            Self::Status
            | Self::Check
            | Self::Preflight(_)
            | Self::Plan(_)
            | Self::Update(Update { dry_run: true, .. } | Update { list: true, .. })
            | Self::Channel(ChannelArguments { channel: None, .. })
            | Self::Apps(Apps::List | Apps::Info { .. } | Apps::Install { dry_run: true, .. })
            | Self::Trust(Trust::Show)
            | Self::History { .. }
            | Self::SignInLink => Purpose::Look,
            Self::Channel(_)
            | Self::Update(_)
            | Self::Rehearse(_)
            | Self::Rollback(_)
            | Self::Skip(_)
            | Self::Apps(_)
            | Self::Trust(_) => Purpose::Change { workers_within: WORKERS_WITHIN },
        }
    }
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where signed releases come from: `https://…`, `http://…` or `file:///…`.
    #[arg(long, value_name = "URL", required_unless_present = "adopt")]
    pub(crate) repository: Option<RepositoryUrl>,
    /// The repository's root role, got from someone you trust; needed where the product has none.
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// Make a new state for a host that lost its own: settings, trust and data stay, apps are
    /// installed again on the data they left.
    #[arg(long, conflicts_with_all = ["repository", "root"])]
    pub(crate) adopt: bool,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where the product is served, instead of what newleaf.toml says; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Where the portal is served, instead of what newleaf.toml says; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin_listen: Vec<SocketAddr>,
}

/// Any number of targets.
#[derive(Debug, Args)]
pub(crate) struct Targets {
    /// `core` or `<namespace>/<app>`; all that is installed where none is named.
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Target>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Exactly this version; the newest that fits where none is named.
    #[arg(long)]
    pub(crate) version: Option<Version>,
}

/// Arguments of `update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// `core` or `<namespace>/<app>`.
    #[arg(value_name = "TARGET", conflicts_with_all = ["all", "plan"])]
    pub(crate) targets: Vec<Target>,
    /// Every installed app, then core.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) all: bool,
    /// Exactly this version; takes one target.
    #[arg(long, conflicts_with_all = ["all", "plan"])]
    pub(crate) version: Option<Version>,
    /// Carry out this plan, made before by `plan` or the portal.
    #[arg(long, value_name = "ID")]
    pub(crate) plan: Option<PlanId>,
    /// Show the plan and its prerequisites, and stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// List every version there is, with its notes and whether it can be installed, and stop.
    #[arg(long, conflicts_with_all = ["all", "plan", "version", "dry_run"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) suspend: Suspend,
    #[command(flatten)]
    pub(crate) accept: Accept,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// Consent to suspended apps, given on the command line.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Suspend {
    /// Go on although apps do not run on the new core: they are suspended, their data is kept.
    #[arg(long)]
    suspend_apps: bool,
}

impl Suspend {
    /// What the flag says.
    pub(crate) const fn consent(self) -> Spoken {
        if self.suspend_apps { Spoken::Yes } else { Spoken::Nothing }
    }
}

/// Consent to what an app may do, given on the command line.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Accept {
    /// Say yes beforehand to all that an app asks to do, be it more than today; `--yes` does not.
    #[arg(long)]
    accept_permissions: bool,
}

impl Accept {
    /// What the flag says.
    pub(crate) const fn consent(self) -> Spoken {
        if self.accept_permissions { Spoken::Yes } else { Spoken::Nothing }
    }
}

/// Arguments of `skip`.
#[derive(Debug, Args)]
pub(crate) struct SkipArguments {
    /// `core` or `<namespace>/<app>`.
    #[arg(value_name = "TARGET")]
    pub(crate) target: Target,
    /// Exactly this version; the one that is offered now where none is named.
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// Take it back: the version, or every one where none is named, is offered again.
    #[arg(long)]
    pub(crate) undo: bool,
}

/// Arguments of `channel`.
#[derive(Debug, Args)]
pub(crate) struct ChannelArguments {
    /// `core` or `<namespace>/<app>`; all that is installed where none is named.
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<Target>,
    /// `stable`, `beta` or `nightly`; says what is followed where none is named.
    #[arg(value_name = "CHANNEL")]
    pub(crate) channel: Option<Channel>,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// Consent given on the command line.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Yes {
    /// Say yes beforehand: to what an app asks for at its installation, to what would be lost, to a
    /// pause that visitors are told of, to another signer, to a channel that is not for everyone.
    #[arg(long)]
    yes: bool,
}

impl Yes {
    /// What the flag says.
    pub(crate) const fn consent(self) -> Spoken {
        if self.yes { Spoken::Yes } else { Spoken::Nothing }
    }
}

/// Whether a yes was given beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// It was.
    Yes,
    /// Nothing was said; a person may still be asked.
    Nothing,
}

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// `core` or `<namespace>/<app>`.
    #[arg(value_name = "TARGET")]
    pub(crate) target: Target,
    /// Exactly this version; the newest that fits where none is named.
    #[arg(long)]
    pub(crate) version: Option<Version>,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// `core` or `<namespace>/<app>`.
    #[arg(value_name = "TARGET")]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// The commands below `apps`.
#[derive(Debug, Subcommand)]
pub(crate) enum Apps {
    /// List the installed apps.
    List,
    /// Say all about one installed app.
    Info {
        /// `<namespace>/<app>`
        app: PackageName,
    },
    /// Install an app.
    Install {
        /// `<namespace>/<app>`
        app: PackageName,
        /// Exactly this version; the newest that fits where none is named.
        #[arg(long)]
        version: Option<Version>,
        /// Show the plan and its prerequisites, and stop.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        accept: Accept,
        #[command(flatten)]
        yes: Yes,
    },
    /// Remove an app. Its data is kept, or set aside for some days and then gone: it is asked.
    Remove {
        /// `<namespace>/<app>`
        app: PackageName,
        /// Leave its data on disk, for a later install; `--yes` alone deletes it.
        #[arg(long)]
        keep_data: bool,
        #[command(flatten)]
        yes: Yes,
    },
    /// Put the data back that was set aside when an app was removed, for a later install.
    PutBack {
        /// `<namespace>/<app>`
        app: PackageName,
    },
    /// Serve an app again.
    Enable {
        /// `<namespace>/<app>`
        app: PackageName,
    },
    /// Stop serving an app; its data stays.
    Disable {
        /// `<namespace>/<app>`
        app: PackageName,
    },
    /// Run a job of an app now, and wait for its end; its next run is counted from this one.
    RunJob {
        /// `<namespace>/<app>`
        app: PackageName,
        /// The job, as `apps info` names it.
        #[arg(default_value_t)]
        job: JobName,
    },
}

/// The commands below `trust`.
#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// List whose signatures are trusted, and who is offered in their place.
    Show,
    /// Put the signer that is offered now in the place of the pinned one.
    Accept {
        /// The author's namespace, such as `acme`.
        namespace: Namespace,
        #[command(flatten)]
        yes: Yes,
    },
}

/// The commands below `snapshot`.
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// List the snapshots, newest first.
    List,
    /// Take one now; the host may run.
    Create,
    /// Put one back, with the host stopped; signs everyone out.
    Restore {
        /// Its name, as `list` gives it.
        name: String,
        #[command(flatten)]
        yes: Yes,
    },
}

/// Arguments of the hidden `worker`.
#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// Extend the database for this version and exit.
    #[arg(long)]
    pub(crate) expand: bool,
    /// Compile and link the apps for this version and exit.
    #[arg(long, conflicts_with = "expand")]
    pub(crate) prewarm: bool,
}

#[cfg(test)]
#[path = "../../../../tests/src/hints.rs"]
mod hints;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_self_test_runs_whatever_folder_is_named_beside_it() {
        let arguments = Arguments::try_parse_from(["newleaf", "--self-test", "--dir", "/srv/x"]);
        assert!(arguments.unwrap().self_test);
    }

    #[test]
    fn a_word_that_is_no_target_is_a_usage_error() {
        let error = Arguments::try_parse_from(["newleaf", "update", "../etc"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("core or <namespace>/<app>"), "{error}");
    }

    #[test]
    fn help_lists_what_people_type_and_nothing_internal() {
        use clap::CommandFactory as _;
        let help = Arguments::command().term_width(100).render_help();
        insta::assert_snapshot!(help);
    }

    fn parsed(words: &[&str]) -> Result<(), clap::error::ErrorKind> {
        Arguments::try_parse_from(words).map(drop).map_err(|error| error.kind())
    }

    #[test]
    fn every_command_that_people_are_told_to_type_is_understood() {
        hints::all_can_be_typed("newleaf", 100, &parsed);
    }

    #[test]
    fn a_command_that_does_not_exist_is_found_out_wherever_it_is_told() {
        // In two pieces, so that the test before does not find them here.
        let fits = |what: &str| {
            let line = ["then: newleaf", what].join(" ");
            let told = hints::told(&line, "newleaf");
            told.iter().all(|words| hints::fits("newleaf", words, &parsed))
        };
        for wrong in ["trust forget acme", "update --now", "frob it", "update core --all"] {
            assert!(!fits(wrong), "{wrong}");
        }
        for right in ["trust accept {ns} --yes", "status lists it", "update --plan 8d0e… --yes"] {
            assert!(fits(right), "{right}");
        }
    }
}
