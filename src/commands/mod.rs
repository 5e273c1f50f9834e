//! The command line: one page per command.

mod all;
mod args;
mod completions;
mod demo;
mod demo_server;
mod discover;
mod exec;
mod headers;
mod list;
mod login;
mod logout;
mod man;
mod profile;
mod refresh;
mod refusal;
mod sandbox;
mod server;
mod status;
mod token;

use std::ffi::OsString;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use args::GlobalArgs;
pub use completions::script as completion_script;
pub use man::pages as man_pages;

use crate::console::{Console, Tone};
use crate::error::Error;
use crate::flows::{App, Ports};

/// Sign in to MCP servers once; hand every script, client and stdio server a fresh token
#[derive(Parser)]
#[command(name = "mcpauth", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Start here:
  mcpauth demo                                 see all of it work, on this machine only
  mcpauth login https://mcp.example.com/mcp    sign in
  mcpauth token mcp.example.com                one fresh access token
  mcpauth exec -- my-server                    a stdio MCP server with a fresh token

Every flag has a variable, such as MCPAUTH_JSON=1 for --json; `mcpauth man` tells more.";

#[derive(Subcommand)]
enum Command {
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    Token(token::TokenArgs),
    Headers(headers::HeadersArgs),
    Exec(exec::ExecArgs),
    Status(status::StatusArgs),
    List(list::ListArgs),
    Refresh(refresh::RefreshArgs),
    Server(server::ServerArgs),
    Discover(discover::DiscoverArgs),
    Sandbox(sandbox::SandboxArgs),
    Demo(demo::DemoArgs),
    #[command(name = crate::flows::demo::SERVER_COMMAND, hide = true)]
    DemoServer,
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs a command line and gives its exit code.
pub fn run(args: &[OsString], ports: Ports) -> u8 {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(refusal) => return refuse(&refusal, args, &ports),
    };
    let console = Console::new(ports.terminal.clone(), cli.global.tone());
    let outcome = cli.global.app(ports).and_then(|app| cli.command.run(app));
    outcome.unwrap_or_else(|error| {
        console.error(&error);
        error.exit_code()
    })
}

impl Command {
    fn run(self, app: App) -> Result<u8, Error> {
        let done = match self {
            Self::Exec(args) => return args.run(&app),
            Self::Login(args) => args.run(app),
            Self::Logout(args) => args.run(&app),
            Self::Token(args) => args.run(&app),
            Self::Headers(args) => args.run(app),
            Self::Status(args) => args.run(&app),
            Self::List(_) => list::run(&app),
            Self::Refresh(args) => args.run(&app),
            Self::Server(args) => args.run(app),
            Self::Discover(args) => args.run(&app),
            Self::Sandbox(args) => args.run(&app),
            Self::Demo(args) => args.run(&app),
            Self::DemoServer => demo_server::run(&app),
            Self::Completions(args) => args.run(&app),
            Self::Man(args) => args.run(&app),
        };
        done.map(|()| 0)
    }
}

/// The whole command line as clap knows it: for help, completions and man pages.
pub fn command() -> clap::Command {
    with_environment_twins(Cli::command())
}

/// The commands that programs start many times an hour are parsed without building all the others: that tree costs
/// more than reading a token. Whatever is not plain sailing there is parsed again in full, for the better message.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let alone = match args.get(1).and_then(|first| first.to_str()) {
        Some("token") => Some(alone::<token::TokenArgs>("token")),
        Some("headers") => Some(alone::<headers::HeadersArgs>("headers")),
        Some("exec") => Some(alone::<exec::ExecArgs>("exec")),
        _ => None,
    };
    let matches = alone.and_then(|command| with_environment_twins(command).try_get_matches_from(args).ok());
    let matches = matches.map_or_else(|| command().try_get_matches_from(args), Ok)?;
    Cli::from_arg_matches(&matches)
}

fn alone<Args: clap::Args>(name: &'static str) -> clap::Command {
    let subcommand = Args::augment_args(clap::Command::new(name));
    <GlobalArgs as clap::Args>::augment_args(clap::Command::new("mcpauth").version(env!("CARGO_PKG_VERSION")))
        .subcommand(subcommand)
        .subcommand_required(true)
}

/// Gives every flag the environment variable `MCPAUTH_` + its name, so that none is forgotten.
fn with_environment_twins(command: clap::Command) -> clap::Command {
    let twin = |arg: clap::Arg| match arg.get_long() {
        // `--server` has its twin where a server is chosen: `App::profile`.
        Some("help" | "version" | "server") | None => arg,
        Some(long) => {
            let variable = format!("MCPAUTH_{}", long.to_ascii_uppercase().replace('-', "_"));
            let arg = if matches!(arg.get_action(), ArgAction::SetTrue) {
                arg.value_parser(FalseyValueParser::new())
            } else {
                arg
            };
            if arg.get_env().is_some() { arg } else { arg.env(variable) }.hide_env(true)
        }
    };
    command.mut_args(twin).mut_subcommands(with_environment_twins)
}

/// Help and version are answers, and help is given where no command is; everything else is an error in the form that
/// was asked for.
fn refuse(refusal: &clap::Error, args: &[OsString], ports: &Ports) -> u8 {
    let json = refusal::wants_json(args);
    let helps = refusal.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !json;
    if refusal.use_stderr() && !helps {
        let tone = Tone { json, colorless: args::colorless(), ..Tone::default() };
        let error = refusal::in_our_words(refusal, args);
        Console::new(ports.terminal.clone(), tone).error(&error);
        return error.exit_code();
    }
    let text = refusal.render();
    let styled = ports.terminal.shows_talk() && !args::colorless();
    let text = if styled { text.ansi().to_string() } else { text.to_string() };
    let written = if helps { ports.terminal.write_talk(&text) } else { ports.terminal.write_answer(&text) };
    // A reader that is gone, as in `mcpauth help | head`, is no error.
    drop(written);
    u8::try_from(refusal.exit_code()).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_of_every_command_has_its_environment_twin() {
        fn check(command: &clap::Command) {
            for arg in command.get_arguments().filter(|arg| !matches!(arg.get_long(), None | Some("server")))
            {
                assert!(arg.get_env().is_some(), "{} --{}", command.get_name(), arg.get_long().unwrap());
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }

    #[test]
    fn a_command_that_is_parsed_alone_means_what_it_means_in_the_whole() {
        for line in
            ["token x --min-ttl 5m --json", "headers --placeholder", "exec -s a -e B=c -- cmd --flag -- x"]
        {
            let args: Vec<OsString> =
                std::iter::once("mcpauth").chain(line.split(' ')).map(OsString::from).collect();
            let whole = command().try_get_matches_from(&args).unwrap();
            let name = args[1].to_str().unwrap();
            let alone = match name {
                "token" => alone::<token::TokenArgs>("token"),
                "headers" => alone::<headers::HeadersArgs>("headers"),
                _ => alone::<exec::ExecArgs>("exec"),
            };
            let alone = with_environment_twins(alone).try_get_matches_from(&args).unwrap();
            assert_eq!(format!("{:?}", alone.subcommand()), format!("{:?}", whole.subcommand()), "{line}");
        }
    }
}
