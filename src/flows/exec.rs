//! Starting a command with fresh tokens in its environment, and nothing of ours left in between.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::live::{self, Live, Mask};
use super::session::{self, Freshness};
use super::{App, worker};
use crate::audit::{Event, Kind};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::model::{Login, LoginKey, Malformed, Name, ServerArg};
use crate::platform;

/// The variable that is used when nobody named one.
pub const DEFAULT_VARIABLE: &str = "MCP_ACCESS_TOKEN";
/// The longest `NAME=value` that a system takes: Linux allows 128 KiB with the final zero byte.
const LONGEST_ENTRY: usize = 128 * 1024 - 1;
/// Beginnings of names that loaders, package managers and version control go by.
const CHOOSING_FAMILIES: [&str; 9] =
    ["LD_", "DYLD_", "MCPAUTH_", "GIT_", "NPM_CONFIG_", "BASH_FUNC_", "_RLD", "COR_", "CORECLR_"];
/// Names that make the system, a shell, an interpreter or a common tool run something, load something, or look for
/// programs and settings elsewhere: an issuer chooses what a token says, and it can say a path.
const CHOOSING: [&str; 13] = [
    // The system.
    "PATH HOME TMPDIR TMP TEMP GCONV_PATH GLIBC_TUNABLES MALLOC_CONF LOCPATH NLSPATH RES_OPTIONS HOSTALIASES",
    "COMSPEC PATHEXT SYSTEMROOT SYSTEMDRIVE WINDIR APPDATA LOCALAPPDATA PROGRAMDATA USERPROFILE PSMODULEPATH",
    "XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_DATA_DIRS XDG_RUNTIME_DIR",
    // Shells.
    "SHELL IFS ENV BASH_ENV PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4 BASHOPTS SHELLOPTS CDPATH INPUTRC HISTFILE",
    "ZDOTDIR FPATH FCEDIT FIGNORE",
    // What others open.
    "EDITOR VISUAL PAGER BROWSER MANPAGER SYSTEMD_PAGER SYSTEMD_EDITOR SUDO_EDITOR KUBE_EDITOR LESS LESSOPEN",
    "LESSCLOSE LESSEDIT LESSKEY LESSKEYIN SSH_ASKPASS SUDO_ASKPASS SSH_AUTH_SOCK RSYNC_RSH CVS_RSH MAKEFLAGS MAKEFILES",
    // Node, Python, Perl, Ruby, PHP, Lua, Tcl, R.
    "NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE NODE_EXTRA_CA_CERTS PYTHONSTARTUP PYTHONPATH PYTHONHOME",
    "PYTHONBREAKPOINT PYTHONINSPECT PYTHONUSERBASE PYTHONPLATLIBDIR PYTHONWARNINGS PYTHONEXECUTABLE PYTHONPYCACHEPREFIX",
    "PERL5OPT PERL5LIB PERLLIB PERL5DB PERL5SHELL PERLIO RUBYOPT RUBYLIB RUBYSHELL BUNDLE_GEMFILE GEM_HOME GEM_PATH PHPRC",
    "PHP_INI_SCAN_DIR LUA_PATH LUA_CPATH LUA_INIT TCLLIBPATH R_PROFILE R_PROFILE_USER R_ENVIRON R_ENVIRON_USER",
    // The JVM, .NET, Erlang, Go, Rust, and what builds with them.
    "_JAVA_OPTIONS JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS JAVA_OPTS JAVA_HOME CLASSPATH MAVEN_OPTS GRADLE_OPTS SBT_OPTS \
     DOTNET_STARTUP_HOOKS DOTNET_ADDITIONAL_DEPS DOTNET_ROOT ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS ELIXIR_ERL_OPTIONS GOFLAGS \
     GOTOOLCHAIN RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTFLAGS RUSTDOC CARGO_HOME RUSTUP_HOME RUSTUP_TOOLCHAIN",
    // Settings that name programs, and modules of what nearly every program is linked with.
    "KUBECONFIG AWS_CONFIG_FILE DOCKER_CONFIG OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES GTK_MODULES GTK_PATH \
     GIO_EXTRA_MODULES QT_PLUGIN_PATH VIMINIT EXINIT GVIMINIT MYVIMRC",
];
/// What a child keeps with `--clean-env`.
const CLEAN: [&str; 6] = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];
/// What a child on Windows cannot do without.
const CLEAN_WINDOWS: [&str; 6] = ["SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "PATHEXT"];

/// One variable to be set: `VAR=SERVER[:FIELD]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    variable: Variable,
    server: ServerArg,
    field: Option<String>,
}

impl FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (variable, source) = text.split_once('=').ok_or("write it as VAR=SERVER or VAR=SERVER:FIELD")?;
        // A URL has colons of its own; a field name has neither digits in front nor slashes.
        let is_field = |field: &str| {
            field.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let (server, field) = match source.rsplit_once(':') {
            Some((server, field)) if is_field(field) => (server, Some(field.to_owned())),
            _ => (source, None),
        };
        let server = server.parse().map_err(|error: Malformed| error.to_string())?;
        Ok(Self { variable: variable.parse()?, server, field })
    }
}

/// The name of an environment variable that may be set: `[A-Z_][A-Z0-9_]*`, and none that makes a loader, a shell
/// or an interpreter run something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable(String);

impl Variable {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("a variable is named in capital letters, digits and underscores".into());
        }
        let chooses = CHOOSING_FAMILIES.iter().any(|prefix| name.starts_with(prefix));
        if chooses || CHOOSING.iter().any(|names| names.split(' ').any(|own| own == name)) {
            return Err(format!("{name} decides what programs run, so no token is put there"));
        }
        Ok(Self(name.to_owned()))
    }
}

/// What is to be started, and with what.
pub struct ExecRequest {
    /// Servers whose token goes into the variable that their profile names.
    pub servers: Vec<ServerArg>,
    /// Variables to be set, with where their values come from.
    pub injections: Vec<Injection>,
    /// The account at each server.
    pub account: Name,
    /// How fresh the tokens have to be at the start.
    pub freshness: Freshness,
    /// `Some` if the child is to see nothing of our environment but the basics and these variables.
    pub clean: Option<Vec<String>>,
    /// How it gets tokens while it runs.
    pub live: Live,
    /// What is to be left out of what it writes to its standard error, if anything.
    pub mask: Option<Arc<Mask>>,
    /// The command and its arguments.
    pub command: Vec<OsString>,
}

/// Starts the command. On Unix this process becomes the command, unless the command is to get tokens while it runs or a
/// refresh goes on that this process has to wait for; where it does not, it gives the command's exit code.
pub fn exec(app: App, request: ExecRequest) -> Result<u8, Error> {
    let Some(name) = request.command.first() else {
        return Err(Error::Usage { message: "no command given".into(), hint: "write it after `--`".into() });
    };
    // Before any token is fetched: a mistyped command must not cost a refresh.
    let program = find(name)?;
    if request.live.is_wanted() || request.mask.is_some() {
        return live::exec(app, request, program);
    }
    let values = values(&app, &request)?;
    let mut command = command(&app, &request, &program, &values.entries)?;
    if worker::goes_on() && platform::SUPERVISES {
        return live::stay_with(app, &request, command);
    }
    platform::run_as_child(&mut command).map_err(|error| cannot_start(&request, &error))
}

/// What stands in the way of a program that was found.
pub(super) fn cannot_start(request: &ExecRequest, error: &io::Error) -> Error {
    not_runnable(
        request.command.first().map_or(OsStr::new(""), OsString::as_os_str),
        &error.to_string(),
        false,
    )
}

/// The command with these variables, ready to be started.
pub(super) fn command<Value: AsRef<str>>(
    app: &App,
    request: &ExecRequest,
    program: &Path,
    variables: &[(String, Value)],
) -> Result<Command, Error> {
    let mut command = Command::new(program);
    if let Some((name, arguments)) = request.command.split_first() {
        set_name(&mut command, name);
        command.args(arguments);
    }
    set_environment(&mut command, request.clean.as_deref());
    if app.found_session_bus {
        command.env_remove("DBUS_SESSION_BUS_ADDRESS");
    }
    for (variable, value) in variables {
        if variable.len() + 1 + value.as_ref().len() > LONGEST_ENTRY {
            return Err(Error::Usage {
                message: format!("the value for {variable} is too long for an environment variable"),
                hint: "let the command ask for it with `mcpauth token` instead".into(),
            });
        }
        command.env(variable, value.as_ref());
    }
    Ok(command)
}

/// One variable to be set, with its server looked up.
pub(super) struct Planned<'a> {
    pub(super) variable: String,
    pub(super) key: LoginKey,
    /// What of the login was asked for by name.
    pub(super) field: Option<&'a str>,
}

/// What is to be set, checked as a whole before the first token is fetched: a mistyped name must not cost a refresh.
pub(super) fn plan<'a>(app: &App, request: &'a ExecRequest) -> Result<Vec<Planned<'a>>, Error> {
    let mut planned: Vec<Planned<'a>> = Vec::new();
    let default = request.servers.is_empty() && request.injections.is_empty();
    let plain = request.servers.iter().map(Some).chain(default.then_some(None));
    let plain = plain.map(|server| (server, None, None));
    let named = request.injections.iter().map(|i| (Some(&i.server), Some(&i.variable), i.field.as_deref()));
    for (server, variable, field) in plain.chain(named) {
        let profile = app.profile(server)?;
        let variable = variable.map(|variable| variable.0.clone()).or(profile.env);
        let variable = variable.unwrap_or_else(|| DEFAULT_VARIABLE.into());
        if planned.iter().any(|other| other.variable == variable) {
            return Err(taken_twice(&variable));
        }
        let key = LoginKey { server: profile.name, account: request.account.clone() };
        planned.push(Planned { variable, key, field });
    }
    Ok(planned)
}

pub(super) fn taken_twice(variable: &str) -> Error {
    Error::Usage {
        message: format!("two values for the variable {variable}"),
        hint: "name a variable for each server with -e VAR=SERVER".into(),
    }
}

/// Variables with their values, and how long they are good.
pub(super) struct Values {
    pub(super) entries: Vec<(String, Zeroizing<String>)>,
    /// When the first token among them is to be renewed, and when it ends, as far as anybody here can tell.
    pub(super) until: Option<(UnixTime, UnixTime)>,
}

/// Every variable with its value.
pub(super) fn values(app: &App, request: &ExecRequest) -> Result<Values, Error> {
    values_of(app, request, &plan(app, request)?)
}

/// The values of what is planned. One login is loaded, and if need be refreshed, once. That the command gets them is
/// written down before it does.
pub(super) fn values_of(app: &App, request: &ExecRequest, planned: &[Planned]) -> Result<Values, Error> {
    let mut logins: Vec<Login> = Vec::new();
    let (mut entries, mut given) = (Vec::new(), BTreeSet::new());
    for Planned { variable, key, field, .. } in planned {
        let at = logins.iter().position(|login| login.key() == *key).unwrap_or(logins.len());
        if at == logins.len() {
            logins.push(session::fresh_login(app, key, &request.freshness)?);
        }
        let field = field.unwrap_or("token");
        let value = session::field(&logins[at], field)?;
        if let Some(mask) = request.mask.as_ref().filter(|_| !session::is_public(field)) {
            mask.learn(&value);
        }
        entries.push((variable.clone(), value));
        given.extend((!session::is_public(field)).then_some(at));
    }
    let given: Vec<&Login> = given.into_iter().map(|at| &logins[at]).collect();
    for login in &given {
        note(app, request, login);
    }
    let ends = given.iter().map(|login| &login.tokens.facts);
    let until = ends.filter_map(|facts| request.freshness.met_until(facts).zip(facts.expires_at)).min();
    Ok(Values { entries, until })
}

/// Writes down that the command gets the token of a login.
pub(super) fn note(app: &App, request: &ExecRequest, login: &Login) {
    if let Some(mask) = &request.mask {
        mask.learn(login.tokens.access_token.expose());
    }
    let program = request.command.first().map(|name| Path::new(name).file_name().unwrap_or(name));
    let program = program.unwrap_or_default().to_string_lossy();
    app.audit(&Event::new(Kind::HandedOut, &login.key()).about(&login.tokens.facts).to(&*program));
}

/// The program that a name means, as a shell would find it.
fn find(name: &OsStr) -> Result<PathBuf, Error> {
    which::which(name).map_err(|_| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let by_path = PathBuf::from(name);
        let there = if by_path.components().count() > 1 {
            by_path.exists()
        } else {
            std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
        };
        if there {
            not_runnable(name, "it is not executable", false)
        } else {
            not_runnable(name, "there is no such command", true)
        }
    })
}

fn not_runnable(name: &OsStr, why: &str, missing: bool) -> Error {
    Error::NotRunnable { command: name.to_owned(), why: why.to_owned(), missing }
}

/// The child sees the name that was typed, not the path that it was found at.
pub(super) fn set_name(command: &mut Command, name: &OsStr) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(command, name);
    #[cfg(not(unix))]
    let _ = (command, name);
}

/// Everything but what is ours, or nothing but the basics.
fn set_environment(command: &mut Command, clean: Option<&[String]>) {
    if let Some(allowed) = clean {
        command.env_clear();
        let basics = CLEAN.iter().chain(if cfg!(windows) { &CLEAN_WINDOWS[..] } else { &[] });
        for name in basics.copied().chain(allowed.iter().map(String::as_str)) {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
    }
    remove_ours(command);
}

/// Takes out our own settings: some are secrets, and none is meant for the command.
pub(super) fn remove_ours(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MCPAUTH_") {
            command.env_remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injection_names_variable_server_and_field() {
        for (text, server, field) in [
            ("A=linear", "linear", None),
            ("A=linear:header", "linear", Some("header")),
            ("A=https://s.example/mcp", "https://s.example/mcp", None),
            ("A=https://s.example:8443", "https://s.example:8443", None),
            ("A=https://s.example:8443/mcp:expires_at", "https://s.example:8443/mcp", Some("expires_at")),
            ("A=http://localhost", "http://localhost", None),
        ] {
            let injection: Injection = text.parse().unwrap();
            assert_eq!(injection.server.to_string(), server, "{text}");
            assert_eq!(injection.field.as_deref(), field, "{text}");
        }
        for wrong in ["A", "=x", "A=", "A=a b", "A=linear:he-ader", "1A=x"] {
            assert!(wrong.parse::<Injection>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_token_goes_where_programs_are_chosen() {
        for name in [
            "LD_PRELOAD",
            "LD_AUDIT",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "BASH_ENV",
            "NODE_OPTIONS",
            "PYTHONSTARTUP",
            "GIT_SSH_COMMAND",
            "ZDOTDIR",
            "PYTHONBREAKPOINT",
            "LESSOPEN",
            "SSH_ASKPASS",
            "_JAVA_OPTIONS",
            "JAVA_TOOL_OPTIONS",
            "RUSTC_WRAPPER",
            "MYVIMRC",
            "PERL5OPT",
            "RUBYOPT",
            "CORECLR_PROFILER_PATH",
            "MCPAUTH_STORE",
            "A=B",
            "",
            "lower",
            "A\0",
            "Ä",
        ] {
            assert!(name.parse::<Variable>().is_err(), "{name}");
        }
        for name in
            ["GITHUB_TOKEN", "_X", "A1", "NODE_AUTH_TOKEN", "CARGO_REGISTRY_TOKEN", "LESS_TOKEN", "JAVA"]
        {
            assert!(name.parse::<Variable>().is_ok(), "{name}");
        }
    }
}
