//! `mcpauth man`: the manual pages.

use std::io::Write as _;
use std::path::PathBuf;

use crate::error::Error;
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
            return pages.iter().try_for_each(|(name, page)| std::fs::write(directory.join(name), page)).map_err(failed);
        }
        let wanted = std::iter::once("mcpauth").chain(self.command.iter().map(String::as_str)).collect::<Vec<_>>();
        let wanted = format!("{}.1", wanted.join("-"));
        let page = pages.iter().find(|(name, _)| *name == wanted).ok_or_else(|| Error::Usage {
            message: format!("no command `{}`", self.command.join(" ")),
            hint: "`mcpauth help` lists the commands".into(),
        })?;
        app.console.answer(page.1.trim_end());
        Ok(())
    }
}

/// Every page with the name of its file, as they also stand in the repository under `man/`.
pub fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut root = super::command();
    root.build();
    collect(&root, "mcpauth", &mut pages);
    pages
}

fn collect(command: &clap::Command, name: &str, pages: &mut Vec<(String, String)>) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let titled = command.clone().name(name.to_owned()).display_name(name.to_owned());
    let mut page = Vec::new();
    // Writing into memory does not fail; a page that came out empty is caught by the test that compares it.
    let _ = clap_mangen::Man::new(titled).date("").render(&mut page);
    let _ = page.write_all(EPILOGUE.as_bytes());
    pages.push((format!("{name}.1"), String::from_utf8_lossy(&page).into_owned()));
    for subcommand in command.get_subcommands() {
        collect(subcommand, &format!("{name}-{}", subcommand.get_name()), pages);
    }
}

/// What every page ends with.
const EPILOGUE: &str = r".SH ENVIRONMENT
Every flag can be given as an environment variable: MCPAUTH_ and the flag's name in capitals, with dashes as
underscores, such as MCPAUTH_MIN_TTL for \-\-min\-ttl. MCPAUTH_SERVER names the server where none is named. A flag wins
over its variable. NO_COLOR takes away the colours, BROWSER names the browser.
.SH EXIT STATUS
0 done; 1 unforeseen; 2 usage or configuration; 3 login needed; 4 login not completed; 5 refused for safety; 6 temporary,
the login is kept; 7 credential store; 8 the peer broke the protocol; for exec 126 not executable, 127 not found,
otherwise the command's own.
";
