//! The command line: reads what was typed, finds the way to the host, prints what came of it.

mod arguments;
mod command;
mod door;
mod exit;
pub(crate) mod owner;
mod self_test;
mod show;
mod standing;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use newleaf_domain::failure::{UsageMistake, asks_for_json};

use self::arguments::{Arguments, Command, Common, Own};
use self::command::Context;
use self::door::Door;
use self::exit::Exit;
pub(crate) use self::self_test::OLDEST_READER;
use self::show::{Form, Screen};
use crate::Product;
use crate::route::{Kind, Problem};

/// Runs what was typed. The exit code is one of the documented seven. What was done and could not
/// be printed is a failure: whoever reads the output would take a part for the whole.
pub(crate) fn run(product: &'static Product) -> ExitCode {
    let code = run_typed(product);
    match show::refused() {
        Some(error) if code == ExitCode::SUCCESS => {
            let problem = Problem::new(Kind::Failed, format!("print what came of it: {error}"))
                .state("the command itself is done")
                .done("what was printed before the error stands")
                .todo("make room where standard output goes, then look again: newleaf status");
            Screen::new(Form::Text, product.program).problem(&problem);
            Exit::Failed.into()
        }
        Some(_) | None => code,
    }
}

fn run_typed(product: &'static Product) -> ExitCode {
    let program = product.program;
    let command = Arguments::command().name(program).version(product.version);
    let matches = command.try_get_matches();
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => return refused(program, &error, form_of_words()),
    };
    if arguments.self_test {
        return self_test::run(product).into();
    }
    let form = if arguments.common.json { Form::Json } else { Form::Text };
    let screen = Screen::new(form, program);
    let Some(command) = arguments.command else {
        return refused(
            program,
            &Arguments::command()
                .error(clap::error::ErrorKind::MissingSubcommand, "a command is missing"),
            form_of_words(),
        );
    };
    if let Ok(dir) = dir_of(&arguments.common) {
        show::commands_name(&dir);
    }
    match dispatch(product, screen, &arguments.common, command) {
        Ok(code) => code,
        Err(problem) => {
            let problem = standing::told(problem, arguments.common.dir.as_deref());
            screen.problem(&problem);
            Exit::of(problem.kind.exit()).into()
        }
    }
}

/// The names of all commands, the internal ones too.
pub(crate) fn command_names() -> Vec<String> {
    Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The form that a command line asks for which was not understood.
fn form_of_words() -> Form {
    if asks_for_json(std::env::args_os()) { Form::Json } else { Form::Text }
}

/// Prints clap's own words: help and version on stdout (0), mistakes on stderr (2), or as the
/// document of a problem where JSON is asked for.
fn refused(program: &'static str, error: &clap::Error, form: Form) -> ExitCode {
    if form == Form::Json && error.use_stderr() {
        let mistake = UsageMistake::read(&error.render().to_string());
        let problem = Problem::new(Kind::Malformed, mistake.failed)
            .state(UsageMistake::STATE)
            .done(UsageMistake::DONE)
            .todo(mistake.todo);
        Screen::new(form, program).problem(&problem);
        return Exit::Usage.into();
    }
    let printed = error.print();
    if !error.use_stderr() {
        show::note(printed.and_then(|()| std::io::Write::flush(&mut std::io::stdout())));
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn dispatch(
    product: &'static Product,
    screen: Screen,
    common: &Common,
    command: Command,
) -> Result<ExitCode, Problem> {
    match command {
        Command::Own(command) => by_itself(product, screen, common, command),
        Command::Asked(asked) => {
            let dir = dir_of(common)?;
            let exit = runtime()?.block_on(async {
                if asked.updates_core()
                    && let Some(told) = Door::mend(product, &dir).await?
                {
                    screen.say(&told);
                }
                let door = Door::open(product, &dir, asked.purpose()).await?;
                let ended = command::run(Context { door: &door, screen }, asked).await;
                ended.map_err(|problem| door.tell(problem))
            })?;
            Ok(exit.into())
        }
    }
}

fn by_itself(
    product: &'static Product,
    screen: Screen,
    common: &Common,
    command: Own,
) -> Result<ExitCode, Problem> {
    Ok(match command {
        Own::Init(arguments) => {
            command::init::run(product, screen, &dir_of(common)?, &arguments)?.into()
        }
        Own::Serve(arguments) => command::serve::run(product, &dir_of(common)?, arguments)?,
        Own::Snapshot(asked) => {
            command::snapshot::run(product, screen, &dir_of(common)?, asked)?.into()
        }
        Own::RecoveryLink => command::recovery_link::run(screen, &dir_of(common)?)?.into(),
        Own::SupportBundle { out } => {
            command::support_bundle::run(product, screen, &dir_of(common)?, out)?.into()
        }
        Own::Completions { shell } => {
            let mut script = Vec::new();
            let command = &mut Arguments::command();
            clap_complete::generate(shell, command, product.program, &mut script);
            show::raw(&script);
            Exit::Done.into()
        }
        Own::Worker(worker) if worker.expand => {
            crate::worker::run_expand(product, &dir_of(common)?)
        }
        Own::Worker(worker) if worker.prewarm => {
            crate::worker::run_prewarm(product, &dir_of(common)?)
        }
        Own::Worker(_) => crate::worker::run_worker(product, &dir_of(common)?),
        Own::Adopt => crate::manual::run(product, &dir_of(common)?),
        Own::Compile { input, output } => newleaf_plugin_host::compile_main(&input, &output),
        Own::Probe { socket, within } => {
            crate::probe::run_probe(&socket, std::time::Duration::from_millis(within))
        }
        Own::Recovery => crate::recovery::run_recovery(product, &dir_of(common)?),
    })
}

fn dir_of(common: &Common) -> Result<PathBuf, Problem> {
    let Some(dir) = &common.dir else {
        return Err(Problem::new(Kind::Malformed, "find the host: its folder is not named")
            .todo("name it by --dir FOLDER, or set NEWLEAF_DIR"));
    };
    std::path::absolute(dir).map_err(|error| {
        Problem::new(Kind::Malformed, format!("read the folder {}: {error}", dir.display()))
    })
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Kind::Failed, format!("start the runtime: {error}")))
}
