//! `mcpauth man`: the manual pages.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::json;

use crate::error::{EXIT_CODES, Error};
use crate::flows::App;

/// Print a manual page, or write all of them into a directory
#[derive(clap::Args)]
pub(super) struct ManArgs {
    /// The command whose page is wanted, such as `login` or `server add`
    command: Vec<String>,

    /// Write every page into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

impl ManArgs {
    pub(super) fn run(&self, app: &App) -> Result<(), Error> {
        let pages = pages();
        if let Some(directory) = &self.out {
            let failed = |error: std::io::Error| Error::Usage {
                message: format!("cannot write into {}: {error}", directory.display()),
                hint: "name a directory that exists and is yours".into(),
            };
            let mut writing = pages.iter().map(|(name, page)| std::fs::write(directory.join(name), page));
            writing.try_for_each(std::convert::identity).map_err(failed)?;
            let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
            return app.console.answer_as(&json!({ "pages": names }), String::new);
        }
        let wanted =
            std::iter::once("mcpauth").chain(self.command.iter().map(String::as_str)).collect::<Vec<_>>();
        let wanted = format!("{}.1", wanted.join("-"));
        let page = pages.iter().find(|(name, _)| *name == wanted).ok_or_else(|| Error::Usage {
            message: format!("no command `{}`", self.command.join(" ")),
            hint: "`mcpauth help` lists the commands".into(),
        })?;
        app.console.answer_as(&json!({ "page": page.0, "text": page.1 }), || page.1.clone())
    }
}

/// Every page with the name of its file, as they also stand in the repository under `man/`.
pub fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut root = super::command();
    root.build();
    collect(&root, "mcpauth", &[], &mut pages);
    pages
}

/// A page and those of its subcommands; `above` names the pages that lead here.
fn collect(command: &clap::Command, name: &str, above: &[&str], pages: &mut Vec<(String, String)>) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let mut text = Vec::new();
    // Writing into memory does not fail; a page that came out empty is caught by the test that compares it.
    let _ = render(command, name, &mut text);
    // What clap calls extra is how to start.
    let text = String::from_utf8_lossy(&text).replace(".SH EXTRA", ".SH EXAMPLES");
    pages.push((format!("{name}.1"), text + ENVIRONMENT + &exit_status() + &see_also(above)));
    let above = [above, &[name]].concat();
    for subcommand in command.get_subcommands() {
        collect(subcommand, &format!("{name}-{}", subcommand.get_name()), &above, pages);
    }
}

fn render(command: &clap::Command, name: &str, text: &mut Vec<u8>) -> std::io::Result<()> {
    // A synopsis of every flag would be a page of its own.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let titled = command.clone().name(name.to_owned()).display_name(name.to_owned()).override_usage(usage);
    // `mcpauth help` is a command without a page.
    let titled = titled.mut_subcommands(|subcommand| {
        let hidden = subcommand.is_hide_set() || subcommand.get_name() == "help";
        subcommand.hide(hidden)
    });
    let page = clap_mangen::Man::new(titled).date("").manual("mcpauth manual");
    let page = page.source(concat!("mcpauth ", env!("CARGO_PKG_VERSION")));
    page.render_title(text)?;
    page.render_name_section(text)?;
    page.render_synopsis_section(text)?;
    page.render_description_section(text)?;
    page.render_options_section(text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(text)?;
    }
    if command.get_after_help().is_some() {
        page.render_extra_section(text)?;
    }
    text.flush()
}

/// What every page says of variables.
const ENVIRONMENT: &str = r".SH ENVIRONMENT
Every flag can be given as an environment variable: MCPAUTH_ and the flag's name in capitals, with dashes as
underscores, such as MCPAUTH_MIN_TTL for \-\-min\-ttl. MCPAUTH_SERVER names the server where none is named. A flag wins
over its variable. NO_COLOR takes away the colours, BROWSER names the browser.
.PP
TIME is a number of seconds, or a number with s, m, h or d: 300, 300s, 5m, 2h, 1d.
";

/// The table of exit codes.
fn exit_status() -> String {
    let line = |(code, meaning): &(&str, &str)| format!(".TP\n{code}\n{meaning}\n");
    format!(".SH EXIT STATUS\n{}", EXIT_CODES.iter().map(line).collect::<String>())
}

/// The pages that lead here, nearest first.
fn see_also(above: &[&str]) -> String {
    let pages = above.iter().rev().map(|name| format!("{name}(1)")).collect::<Vec<_>>();
    if pages.is_empty() { String::new() } else { format!(".SH SEE ALSO\n{}\n", pages.join(", ")) }
}
