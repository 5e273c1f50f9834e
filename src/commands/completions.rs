//! `mcpauth completions`: the completion script of a shell.

use clap_complete::Shell;

use crate::flows::App;

/// Print the completion script for a shell
#[derive(clap::Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self, app: &App) {
        app.console.answer(script(self.shell).trim_end());
    }
}

/// The script, as it also stands in the repository under `completions/`.
pub fn script(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "mcpauth", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
