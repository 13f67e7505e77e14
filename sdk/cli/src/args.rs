//! What can be typed. Only forms: nothing is opened or looked up here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use newleaf_domain::{Channel, PackageName};

/// Makes, checks and publishes Newleaf apps.
#[derive(Debug, Parser)]
#[command(name = "newleaf-sdk", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new app that builds and runs.
    New(New),
    /// Make the key that signs your releases.
    Keygen(Keygen),
    /// Say what is wrong with an app's folder or package.
    Check(Check),
    /// Compile an app and put its package together.
    Build(Build),
    /// Sign a release and send it to a registry.
    Publish(Publish),
    /// Write the contract as WIT, for the tools of other languages.
    Wit(Wit),
}

/// The command by which `check` starts this program as its own child, to compile a component within
/// limits: `compile INPUT OUTPUT`. Nobody else types it.
pub(crate) const COMPILE: &str = "compile";

/// Input and output of [`COMPILE`], where that is what `arguments` ask for.
pub(crate) fn to_compile(arguments: impl Iterator<Item = OsString>) -> Option<(PathBuf, PathBuf)> {
    let words: Vec<_> = arguments.skip(1).collect();
    let [command, input, output] = words.as_slice() else { return None };
    (command == COMPILE).then(|| (input.into(), output.into()))
}

#[derive(Debug, ClapArgs)]
pub(crate) struct New {
    /// The app's name, NAMESPACE/APP, such as acme/notes.
    pub(crate) name: PackageName,
    /// Where to make it; a folder called like the app where not given.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// The folder of the newleaf-sdk crate to build against.
    #[arg(long, value_name = "FOLDER", conflicts_with = "sdk_git", env = "NEWLEAF_SDK_PATH")]
    pub(crate) sdk_path: Option<PathBuf>,
    /// The git repository of the newleaf-sdk crate to build against.
    #[arg(long, value_name = "URL")]
    pub(crate) sdk_git: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Keygen {
    /// Where to write the key; your configuration folder's newleaf/author.key where not given. Its
    /// public half goes beside it: author.pub.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    /// An app's folder, or a package.
    #[arg(default_value = ".", value_name = "FOLDER | PACKAGE.zip")]
    pub(crate) what: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Build {
    /// The app's folder.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Where to write the package; newleaf/APP-VERSION.zip in cargo's target folder where not
    /// given.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// A component that another tool made: it is packed, and cargo is not asked. The package is
    /// APP-VERSION.zip in the app's folder then, where --out names none.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Wit {
    /// The folder to write to; its world, app.wit, is written once and kept from then on.
    #[arg(long, value_name = "FOLDER", default_value = "wit")]
    pub(crate) into: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Publish {
    /// An app's folder, which is built first, or a finished package.
    #[arg(default_value = ".", value_name = "FOLDER | PACKAGE.zip")]
    pub(crate) what: PathBuf,
    /// The registry's address.
    #[arg(long, value_name = "URL", env = "NEWLEAF_REGISTRY")]
    pub(crate) registry: String,
    /// The file that holds the registry's token.
    #[arg(long, value_name = "FILE", env = "NEWLEAF_TOKEN_FILE")]
    pub(crate) token_file: PathBuf,
    /// Your key; your configuration folder's newleaf/author.key where not given.
    #[arg(long, value_name = "FILE", env = "NEWLEAF_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// How finished the release is: stable, beta or nightly.
    #[arg(long, default_value = "stable")]
    pub(crate) channel: Channel,
    /// Percent of hosts that are offered it.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) rollout: u8,
}

#[cfg(test)]
#[path = "../../../tests/src/hints.rs"]
mod hints;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_that_people_are_told_to_type_is_understood() {
        hints::all_can_be_typed("newleaf-sdk", 15, &|words| {
            Args::try_parse_from(words).map(drop).map_err(|error| error.kind())
        });
    }
}
