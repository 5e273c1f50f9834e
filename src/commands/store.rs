//! `mcpauth store`: where logins rest, and how to take them elsewhere.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueEnum as _};
use serde_json::json;

use crate::error::Error;
use crate::flows::App;
use crate::flows::moving::{self, Moved};
use crate::flows::store::{self, KeyReport, StoreReport};
use crate::platform;
use crate::store::StoreKind;
use crate::wording::count;

/// Show where logins rest, move them to another store, change the passphrase
#[derive(clap::Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show what keeps the logins, where they lie and whether the key answers
    Show,
    /// Take every login over into another store: copy, verify, then remove
    ///
    /// Nothing is lost if this is interrupted: every login still works, and the same command goes on.
    Move(MoveArgs),
    /// Change the passphrase of the store
    Passphrase(PassphraseArgs),
}

#[derive(clap::Args)]
struct MoveArgs {
    /// The store to move to: keychain, passphrase, or file for plain files
    #[arg(value_name = "STORE", value_parser = destination())]
    to: StoreKind,

    /// Remove the key from the keychain, too; other directories of mcpauth (--config) share it
    #[arg(long)]
    remove_key: bool,
}

#[derive(clap::Args)]
struct PassphraseArgs {
    /// Read the new passphrase from this file descriptor
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

impl StoreArgs {
    pub(super) fn run(self, mut app: App) -> Result<(), Error> {
        match self.action {
            Action::Show => {
                let report = store::report(&app)?;
                app.console.answer_as(&report, || describe(&report))
            }
            Action::Move(args) => {
                find_keychain(&mut app, args.to);
                let moved = moving::move_store(&mut app, args.to, args.remove_key)?;
                tell(&app, &moved);
                app.console.answer_as(&moved, String::new)
            }
            Action::Passphrase(args) => {
                store::change_passphrase(&mut app, args.new_passphrase_fd)?;
                app.console.success("the passphrase is changed");
                if !app.config.settings().passphrase_command.is_empty() {
                    app.console
                        .warn("passphrase_command in config.toml has to print the new one from now on");
                }
                app.console.answer_as(&json!({ "changed": true }), String::new)
            }
        }
    }
}

/// The stores that something can be moved to.
fn destination() -> impl TypedValueParser<Value = StoreKind> {
    let kept = StoreKind::value_variants().iter().filter(|kind| **kind != StoreKind::Memory);
    PossibleValuesParser::new(kept.filter_map(StoreKind::to_possible_value))
        .try_map(|word| StoreKind::from_str(&word, false))
}

/// Finds the session bus for a keychain that was not settled so far.
fn find_keychain(app: &mut App, to: StoreKind) {
    if to == StoreKind::Keychain && !app.found_session_bus {
        // No other thread runs yet.
        app.found_session_bus = platform::find_session_bus(app.config.settings().session_bus.as_deref());
    }
}

fn tell(app: &App, moved: &Moved) {
    let Moved { from, to, logins, clients, key_left_in } = moved;
    let console = &app.console;
    if from.is_none() {
        console.success(&format!("logins are in the {to} store already"));
    } else {
        console.success(&format!(
            "moved {} and {} to the {to} store",
            count(*logins, "login"),
            count(*clients, "client")
        ));
        console.say(&format!("  {}", to.description()));
    }
    if let Some(keychain) = key_left_in {
        console.say(&format!(
            "  the key stays in the {keychain}, for other directories of mcpauth that it may seal; \
             `mcpauth store move {to} --remove-key` removes it"
        ));
    }
}

fn describe(report: &StoreReport) -> String {
    let StoreReport { store, moving_to, left_to_move, data, logins, clients, .. } = report;
    let mut lines = vec![
        format!("{store}  {}", store.description()),
        format!("  files     {}", data.display()),
        format!("  stored    {}, {}", count(*logins, "login"), count(*clients, "client")),
    ];
    if !report.is_settled {
        lines.push("  settled   not yet: the first login takes the keychain if one answers".into());
    }
    lines.extend(report.keys.iter().map(|key| format!("  key       {}", answering(key))));
    let versions = report.record_versions.iter();
    lines.extend(
        versions.map(|(version, records)| {
            format!("  format    version {version}, {}", count(*records, "record"))
        }),
    );
    lines.extend(report.unreadable.iter().map(|why| format!("  trouble   {why}")));
    if let Some(to) = moving_to {
        lines.push(format!("  moving    to the {to} store, {left_to_move} still to go"));
        lines.push(format!("  type      mcpauth store move {to}"));
    }
    lines.join("\n")
}

fn answering(key: &KeyReport) -> String {
    match (key.answers, &key.why) {
        (Some(true), _) => format!("{}: answers", key.source),
        (_, Some(why)) => format!("{}: {why}", key.source),
        _ => format!("{}: asked for when a login is opened", key.source),
    }
}
