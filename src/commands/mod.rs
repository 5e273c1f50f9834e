//! The command line: one page per command.

mod all;
mod args;
mod audit;
mod bridge;
mod call;
mod client;
mod completions;
mod demo;
mod demo_server;
mod discover;
mod doctor;
mod exec;
mod grants;
mod headers;
mod list;
mod login;
mod logout;
mod man;
mod mcp;
mod overruled;
mod profile;
mod proxy;
mod refresh;
mod refusal;
mod sandbox;
mod server;
mod status;
mod store;
mod token;
mod worker;

use std::ffi::OsString;

use clap::builder::{FalseyValueParser, TypedValueParser as _};
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
    Bridge(bridge::BridgeArgs),
    Proxy(proxy::ProxyArgs),
    Call(call::CallArgs),
    Status(status::StatusArgs),
    List(list::ListArgs),
    Refresh(refresh::RefreshArgs),
    Server(server::ServerArgs),
    Store(store::StoreArgs),
    Discover(discover::DiscoverArgs),
    Doctor(doctor::DoctorArgs),
    Audit(audit::AuditArgs),
    Mcp(mcp::McpArgs),
    Sandbox(sandbox::SandboxArgs),
    Demo(demo::DemoArgs),
    #[command(name = crate::flows::demo::SERVER_COMMAND, hide = true)]
    DemoServer,
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs a command line and gives its exit code.
pub fn run(args: &[OsString], ports: Ports) -> u8 {
    let hidden = args.get(1).and_then(|first| worker::run(first.to_str()?, &ports));
    if let Some(exit_code) = hidden {
        return exit_code;
    }
    let overruled = |refusal| Cli::from_arg_matches(&overruled::parse(refusal, args)?);
    let cli = match parse(args).or_else(overruled) {
        Ok(cli) => cli,
        Err(refusal) => return refuse(&refusal, args, &ports),
    };
    let console = Console::new(ports.terminal.clone(), cli.global.tone());
    // Whoever looks for trouble must not end where the first of it is.
    let leniently = matches!(cli.command, Command::Doctor(_));
    let app = cli.global.app(ports, cli.command.name(), leniently);
    let outcome = app.and_then(|app| cli.command.run(app));
    outcome.unwrap_or_else(|error| {
        console.error(&error);
        error.exit_code()
    })
}

/// Refuses to work with more rights than whoever started this program has: its variables and files would decide what is
/// done with them.
pub fn refuse_borrowed_rights(ports: &Ports) -> u8 {
    let tone = Tone { colorless: args::colorless(), ..Tone::default() };
    Console::new(ports.terminal.clone(), tone).error(&Error::BorrowedRights);
    Error::BorrowedRights.exit_code()
}

impl Command {
    /// Its name, for the log of what happens.
    fn name(&self) -> &'static str {
        match self {
            Self::Login(_) => "login",
            Self::Logout(_) => "logout",
            Self::Token(_) => "token",
            Self::Headers(_) => "headers",
            Self::Exec(_) => "exec",
            Self::Bridge(_) => "bridge",
            Self::Proxy(_) => "proxy",
            Self::Call(_) => "call",
            Self::Status(_) => "status",
            Self::Refresh(_) => "refresh",
            Self::Server(_) => "server",
            Self::Discover(_) => "discover",
            Self::Mcp(_) => "mcp",
            // The others change no login and hand out nothing.
            _ => "mcpauth",
        }
    }

    fn run(self, app: App) -> Result<u8, Error> {
        let done = match self {
            Self::Exec(args) => return args.run(app),
            Self::Doctor(args) => return args.run(&app),
            Self::Login(args) => args.run(app),
            Self::Logout(args) => args.run(&app),
            Self::Token(args) => args.run(&app),
            Self::Headers(args) => args.run(app),
            Self::Bridge(args) => args.run(app),
            Self::Proxy(args) => args.run(app),
            Self::Call(args) => args.run(app),
            Self::Status(args) => args.run(&app),
            Self::List(_) => list::run(&app),
            Self::Refresh(args) => args.run(&app),
            Self::Server(args) => args.run(app),
            Self::Store(args) => args.run(app),
            Self::Discover(args) => args.run(&app),
            Self::Audit(args) => args.run(&app),
            Self::Mcp(args) => args.run(app),
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

/// What programs start many times an hour is parsed without building all the other commands: that tree costs more
/// than reading a token. Whatever is not plain sailing there is parsed again in full, for the better message.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let alone = match args.get(1).and_then(|first| first.to_str()) {
        Some("token") => alone(args, Command::Token),
        Some("headers") => alone(args, Command::Headers),
        Some("exec") => alone(args, Command::Exec),
        Some("--version" | "-V") => {
            let bare = clap::Command::new("mcpauth").version(env!("CARGO_PKG_VERSION"));
            return bare.try_get_matches_from(&args[..2]).and_then(|matches| Cli::from_arg_matches(&matches));
        }
        _ => None,
    };
    let in_full = || Cli::from_arg_matches(&command().try_get_matches_from(args)?);
    alone.map_or_else(in_full, Ok)
}

/// Parses the arguments of one command, which stands first, as if there were no other.
fn alone<Args: clap::Args>(args: &[OsString], command: fn(Args) -> Command) -> Option<Cli> {
    let matches = flat::<Args>().try_get_matches_from(args.get(1..)?).ok()?;
    let global = GlobalArgs::from_arg_matches(&matches).ok()?;
    Some(Cli { global, command: command(Args::from_arg_matches(&matches).ok()?) })
}

/// One command with the flags of every command, and no subcommands.
fn flat<Args: clap::Args>() -> clap::Command {
    let bare = clap::Command::new("mcpauth").disable_help_flag(true);
    with_environment_twins(Args::augment_args(<GlobalArgs as clap::Args>::augment_args(bare)))
}

/// Gives every flag the environment variable `MCPAUTH_` + its name, so that none is forgotten.
fn with_environment_twins(command: clap::Command) -> clap::Command {
    let twin = |arg: clap::Arg| match arg.get_long() {
        // `--server` has its twin where a server is chosen: `App::profile`.
        Some("help" | "version" | "server") | None => arg,
        Some(long) => {
            // `--header` means one thing where a token is printed and another where a server is settled.
            let long =
                if long == "header" && arg.get_action().takes_values() { "server-header" } else { long };
            let variable = format!("MCPAUTH_{}", long.to_ascii_uppercase().replace('-', "_"));
            let arg = if matches!(arg.get_action(), ArgAction::SetTrue) {
                arg.value_parser(FalseyValueParser::new())
            } else {
                arg
            };
            if says_nothing(&variable, &arg) { arg } else { arg.env(variable).hide_env(true) }
        }
    };
    command.mut_args(twin).mut_subcommands(with_environment_twins)
}

/// Whether a variable is set and still leaves its flag alone: an empty one, or `0` or `false` for a flag without a
/// value. It must not count as given, because a flag that is given rules out others.
fn says_nothing(variable: &str, arg: &clap::Arg) -> bool {
    let Some(value) = std::env::var_os(variable) else { return false };
    let off = || {
        let read = FalseyValueParser::new().parse_ref(&clap::Command::new(""), None, &value);
        matches!(arg.get_action(), ArgAction::SetTrue) && !read.unwrap_or(true)
    };
    value.is_empty() || off()
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
    use clap::parser::ValueSource;

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
        check(&flat::<token::TokenArgs>());
    }

    #[test]
    fn a_command_that_is_parsed_alone_means_what_it_means_in_the_whole() {
        for line in [
            "token x --min-ttl 5m --json -vv",
            "token --account other --config dir --no-refresh --header",
            "headers --placeholder --store file",
            "exec -s a -e B=c -- cmd --flag -- x",
            "exec --clean-env --allow-env A -q -- cmd",
            "exec --token-file --socket -s a -- cmd",
        ] {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let whole = command().try_get_matches_from([&["mcpauth".into()], &args[..]].concat()).unwrap();
            let (name, whole) = whole.subcommand().unwrap();
            let flat = match name {
                "token" => flat::<token::TokenArgs>(),
                "headers" => flat::<headers::HeadersArgs>(),
                _ => flat::<exec::ExecArgs>(),
            };
            let flat = flat.try_get_matches_from(&args).unwrap();
            let command = command();
            let own = command.find_subcommand(name).unwrap().get_arguments();
            for id in own.chain(command.get_arguments()).map(|arg| arg.get_id().as_str()) {
                assert_eq!(given(&flat, id), given(whole, id), "{id} of {line}");
            }
        }
    }

    /// What was given for an argument, and where.
    fn given(matches: &clap::ArgMatches, id: &str) -> (Option<ValueSource>, Vec<OsString>) {
        let raw = matches.try_get_raw(id).unwrap();
        (matches.value_source(id), raw.into_iter().flatten().map(ToOwned::to_owned).collect())
    }

    #[test]
    fn the_version_alone_is_the_version_of_the_whole() {
        for flag in ["--version", "-V"] {
            let args = ["mcpauth".into(), flag.into()];
            let whole = command().try_get_matches_from(&args).unwrap_err();
            assert_eq!(parse(&args).err().unwrap().to_string(), whole.to_string());
        }
    }
}
