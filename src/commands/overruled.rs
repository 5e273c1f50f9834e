//! A flag wins over the variable of another flag that it rules out: `--force-refresh` over `MCPAUTH_NO_REFRESH`.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, Id};

/// Parses again without the variables that contradict what was typed; the refusal stands where it was about
/// something else.
pub(super) fn parse(refusal: clap::Error, args: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let typed = match refusal.kind() {
        ErrorKind::ArgumentConflict => super::Cli::command().try_get_matches_from(args).ok(),
        _ => None,
    };
    match typed {
        Some(typed) => silence(super::command(), &typed).try_get_matches_from(args),
        None => Err(refusal),
    }
}

/// The command, and those below it that were called, without the variables of what a typed argument rules out.
fn silence(command: clap::Command, typed: &ArgMatches) -> clap::Command {
    let is_typed =
        |arg: &clap::Arg| typed.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let pairs = command
        .get_arguments()
        .flat_map(|arg| command.get_arg_conflicts_with(arg).into_iter().map(move |other| (arg, other)));
    let losers = pairs.filter_map(|(one, other)| match (is_typed(one), is_typed(other)) {
        (true, false) => Some(other.get_id().clone()),
        (false, true) => Some(one.get_id().clone()),
        _ => None,
    });
    let losers: Vec<Id> = losers.collect();
    let silent =
        command.mut_args(|arg| if losers.contains(arg.get_id()) { arg.env(None::<&str>) } else { arg });
    match typed.subcommand() {
        Some((name, below)) => silent.mut_subcommand(name, |command| silence(command, below)),
        None => silent,
    }
}
