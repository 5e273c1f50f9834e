//! `mcpauth completions`: the completion script of a shell.

use clap_complete::Shell;
use serde_json::json;

use crate::error::Error;
use crate::flows::App;

/// Print the completion script for a shell
#[derive(clap::Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self, app: &App) -> Result<(), Error> {
        let script = script(self.shell);
        let answer = json!({ "shell": self.shell.to_string(), "script": script });
        app.console.answer_as(&answer, || script)
    }
}

/// The script, as it also stands in the repository under `completions/`.
pub fn script(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut shown(), "mcpauth", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The command line without what is hidden: the scripts would offer that, too.
fn shown() -> clap::Command {
    let whole = super::command();
    let shown = whole.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()).cloned();
    let empty = clap::Command::new("mcpauth").version(env!("CARGO_PKG_VERSION"));
    <super::GlobalArgs as clap::Args>::augment_args(empty).subcommands(shown)
}
