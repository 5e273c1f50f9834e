//! Every process of a user dies at once, as when the power fails: nobody is left to take the issuer's answer.

use mcpauth::model::{LoginKey, Name};
use mcpauth::places::Places;
use mcpauth::store::{JournalState, NoKey, Store, StoreKind};

use crate::Outcome;
use crate::kills::{Hunt, Weapon, busy};
use crate::processes::{kill_all, own_program};
use crate::settings::Size;
use crate::stage::Stage;

fn stage(size: &Size, grace: u64) -> Stage {
    let mut world = size.world(busy(size, grace));
    own_program(&mut world);
    let stage = Stage { world };
    stage.sign_in();
    stage
}

fn everybody(stage: &Stage) -> Weapon {
    let program = stage.world.program.clone();
    Weapon { prepare: |_| (), kill: Box::new(move |_| kill_all(&program)) }
}

/// An issuer that still knows a spent token for ten seconds gets every login through.
pub(crate) fn with_grace(size: &Size) -> Outcome {
    let stage = stage(size, 10);
    let mut hunt = Hunt::new(size, &stage, everybody(&stage));
    let outcome = hunt.nobody_loses(size.rounds(100, 1000));
    let repeated = stage.books().grace_replays;
    outcome.map(|figures| format!("{figures}; 10 s of grace gave {repeated} answers again"))
}

/// With a strict issuer a login can only be lost while the answer is on the wire; then that is said, and the next login
/// is like any other. The store can be read in every round.
pub(crate) fn strict(size: &Size) -> Outcome {
    let rounds = size.rounds(100, 1000);
    let stage = stage(size, 0);
    let mut hunt = Hunt::new(size, &stage, everybody(&stage));
    let (mut lost, mut wrong, mut first) = (0, 0, None);
    for round in 1..=rounds {
        let played = hunt.kill_one().and_then(|()| after_the_kill(&stage));
        lost += u32::from(matches!(played, Ok(Found::Lost)));
        if let Err(why) = &played {
            wrong += 1;
            first.get_or_insert_with(|| format!("first in round {round}: {why}"));
        }
        if !matches!(played, Ok(Found::Whole)) {
            stage.sign_in();
        }
    }
    let figures = format!(
        "{rounds} rounds, no grace: 0 stores unreadable, {lost} logins lost, each with its answer on the wire; {}",
        hunt.moments
    );
    first
        .map_or(Ok(figures.clone()), |first| Err(format!("{wrong} rounds went wrong of: {figures}; {first}")))
}

/// What is left of a login.
enum Found {
    Whole,
    /// Its answer was on the wire, and it says so.
    Lost,
}

fn after_the_kill(stage: &Stage) -> Result<Found, String> {
    is_readable(stage)?;
    let in_doubt = is_in_doubt(stage)?;
    let reuses = stage.books().reuses;
    let Err(why) = stage.check() else { return Ok(Found::Whole) };
    if !in_doubt {
        return Err(format!("lost although no answer was outstanding: {why}"));
    }
    if stage.books().reuses == reuses {
        return Err(format!("lost although the issuer had rotated nothing: {why}"));
    }
    // The issuer's word is a final one, and is told as such.
    let words = ["exit 3:", "the answer to an earlier refresh was lost", "hint: run `mcpauth login box`"];
    if !words.iter().all(|word| why.contains(word)) {
        return Err(format!("lost without saying so: {why}"));
    }
    is_readable(stage)?;
    Ok(Found::Lost)
}

/// Whether the commands that only look can look.
fn is_readable(stage: &Stage) -> Result<(), String> {
    for (args, exits) in [(["list", "--json"], &[0][..]), (["status", "--json"], &[0, 3])] {
        let ran = stage.world.run(&args);
        if !exits.contains(&ran.exit) || ran.stderr.contains("damaged") || ran.stderr.contains("panicked") {
            return Err(format!("the store cannot be read: {ran:?}"));
        }
    }
    Ok(())
}

/// Whether a refresh token may have been spent without an answer being here.
fn is_in_doubt(stage: &Stage) -> Result<bool, String> {
    let home = stage.world.home().as_os_str();
    let environment = |name: &str| (name == "HOME").then(|| home.to_owned());
    let places = Places::find(&environment, None).unwrap();
    let store = Store::new(&places, StoreKind::File, Box::new(NoKey));
    let key = LoginKey { server: "box".parse().unwrap(), account: Name::default() };
    let journal = store.journal_state(&key);
    let journal = journal.map_err(|error| format!("the journal cannot be read: {error}"))?;
    Ok(matches!(journal, JournalState::InDoubt(_)))
}
