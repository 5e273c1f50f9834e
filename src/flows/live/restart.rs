//! A command that is started anew before its tokens end, because it can do nothing else.

use std::time::Duration;

use super::Scene;
use super::supervisor::{Guard, Happening, Supervisor};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::flows::exec::{self, Values};

/// The longest sleep, in seconds: a machine that slept wakes up late, and a clock may be set.
const LOOK: i64 = 20;
/// The shortest time between two starts, in seconds.
const REST: i64 = 1;
/// How long to wait after new tokens could not be had.
const TRY_AGAIN: Duration = Duration::from_secs(20);

pub(super) async fn run(scene: &Scene) -> Result<u8, Error> {
    let mut supervisor = Supervisor::new(&scene.app, Some(Guard::start(&scene.app)?))?;
    let mut values = match supervisor.attend(scene.in_background(values)).await {
        Happening::Other(values) => values?,
        Happening::Ended(code) => return Ok(code),
    };
    loop {
        let command = exec::command(&scene.app, &scene.request, &scene.program, &values.entries)?;
        supervisor.start(&scene.request, command)?;
        let due = due(&values, scene.app.now());
        match supervisor.attend(renewed(scene, &values, due)).await {
            Happening::Other(renewed) => values = renewed,
            Happening::Ended(code) => return Ok(code),
        }
        // Only now, when what it needs is there.
        if let Some(code) = supervisor.stop().await {
            return Ok(code);
        }
    }
}

fn values(scene: &Scene) -> Result<Values, Error> {
    exec::values(&scene.app, &scene.request)
}

/// When a command that starts now is to get new tokens: before they end as usual, and not before half of the time that
/// they have left. Who asks for more than a token can live must not have the command started over and over.
fn due(values: &Values, now: UnixTime) -> Option<UnixTime> {
    values.until.map(|(until, end)| until.max(now.plus((end.since(now) / 2).max(REST))))
}

/// Other values than these, once it is time for them.
async fn renewed(scene: &Scene, given: &Values, due: Option<UnixTime>) -> Values {
    let Some(due) = due else { return std::future::pending().await };
    loop {
        let left = due.since(scene.app.now());
        if left > 0 {
            let seconds = u64::try_from(left.min(LOOK)).unwrap_or(1);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            continue;
        }
        match scene.in_background(values).await {
            Ok(values) if values.entries != given.entries => return values,
            Ok(_) => {}
            Err(error) => {
                scene.app.console.warn(&format!("{error}; the command keeps the token that it has"));
            }
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}
