//! MCP clients, as parents of a command of ours: which variables their children see.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use clap::ValueEnum;
use url::Url;

use crate::platform;

/// An MCP client that starts programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Claude Desktop
    ClaudeDesktop,
    /// Claude Code
    ClaudeCode,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    #[value(name = "vscode")]
    VsCode,
    /// Codex
    Codex,
    /// Gemini CLI
    Gemini,
    /// Zed
    Zed,
    /// Windsurf
    Windsurf,
    /// Goose
    Goose,
}

/// What is left of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Everything,
    SixVariables,
    WhatSoundsHarmless,
}

/// What the SDKs of the protocol hand to a child.
const SIX: [&str; 6] = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];
/// Words that make a variable sound like a secret.
const SECRET_WORDS: [&str; 5] = ["TOKEN", "SECRET", "KEY", "AUTH", "CERT"];

impl Client {
    /// Claude Code, Codex, Gemini and the SDKs were measured; of the others the strictest is assumed unless their
    /// documentation says that the environment is passed on.
    fn keeps(self) -> Keeps {
        match self {
            Self::ClaudeCode | Self::VsCode | Self::Zed | Self::Goose => Keeps::Everything,
            Self::ClaudeDesktop | Self::Cursor | Self::Codex | Self::Windsurf => Keeps::SixVariables,
            Self::Gemini => Keeps::WhatSoundsHarmless,
        }
    }

    /// What its children see, in words.
    pub fn in_words(self) -> &'static str {
        match self.keeps() {
            Keeps::Everything => "every variable",
            Keeps::SixVariables => "only HOME, LOGNAME, PATH, SHELL, TERM and USER",
            Keeps::WhatSoundsHarmless => "no variable that sounds like a secret",
        }
    }
}

impl Keeps {
    fn keeps(self, name: &OsStr, value: &OsStr) -> bool {
        let name = name.to_string_lossy().to_ascii_uppercase();
        match self {
            Self::Everything => true,
            Self::SixVariables => SIX.contains(&name.as_str()),
            Self::WhatSoundsHarmless => {
                !SECRET_WORDS.iter().any(|word| name.contains(word)) && !holds_password(value)
            }
        }
    }
}

/// Whether a value is an address with a password in it.
fn holds_password(value: &OsStr) -> bool {
    value.to_str().and_then(|text| Url::parse(text).ok()).is_some_and(|url| url.password().is_some())
}

/// This command line again, as a child of that client would be started: `arguments` without `--as`.
pub fn as_child_of(client: Client, program: OsString, arguments: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(program);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if argument == "--as" {
            arguments.next();
        } else if !argument.to_string_lossy().starts_with("--as=") {
            command.arg(argument);
        }
    }
    let keeps = client.keeps();
    command.env_clear().envs(std::env::vars_os().filter(|(name, value)| keeps.keeps(name, value)));
    // It has said what it had to say.
    command.env_remove("MCPAUTH_AS");
    command
}

/// Runs the command instead of this process, or waits for it where that cannot be.
pub fn become_child(command: &mut Command) -> std::io::Result<u8> {
    platform::run_as_child(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_keeps_what_it_keeps() {
        let kept =
            |client: Client, name: &str, value: &str| client.keeps().keeps(name.as_ref(), value.as_ref());
        for (name, value, everything, six, harmless) in [
            ("HOME", "/home/ana", true, true, true),
            ("XDG_DATA_HOME", "/data", true, false, true),
            ("MCPAUTH_STORE", "file", true, false, false),
            ("ssl_cert_file", "/ca.pem", true, false, false),
            ("HTTPS_PROXY", "http://proxy:3128", true, false, true),
            ("HTTPS_PROXY", "http://ana:hush@proxy:3128", true, false, false),
        ] {
            assert_eq!(kept(Client::ClaudeCode, name, value), everything, "{name}");
            assert_eq!(kept(Client::Codex, name, value), six, "{name}");
            assert_eq!(kept(Client::Gemini, name, value), harmless, "{name}");
        }
    }

    #[test]
    fn the_command_line_is_the_same_but_for_the_client() {
        for line in ["doctor --as codex --json", "doctor --json --as=codex", "doctor --json"] {
            let arguments = line.split(' ').map(OsString::from);
            let command = as_child_of(Client::Codex, "mcpauth".into(), arguments);
            assert_eq!(command.get_args().collect::<Vec<_>>(), ["doctor", "--json"]);
        }
    }
}
