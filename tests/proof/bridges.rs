//! Many bridges stand between their hosts and one server when the token ends.

use mcpauth::sandbox::SandboxOptions;

use crate::Outcome;
use crate::settings::Size;
use crate::support::crowd::Crowd;
use crate::support::desk::Desk;

/// How many hosts there are.
const HOSTS: usize = 100;

/// A strict issuer is asked once when they start with a token that has ended, once when it ends while they work, and
/// once when the server stops taking it; no call fails and nobody is asked to sign in.
#[expect(
    clippy::unnecessary_wraps,
    reason = "like every scenario; what goes wrong here panics and is told so"
)]
pub(crate) fn play(size: &Size) -> Outcome {
    let rounds = size.rounds(1, 5);
    for _ in 0..rounds {
        start(size);
        expiry(size);
        refusal(size);
    }
    Ok(format!(
        "{rounds} rounds × {HOSTS} bridges, each three times: 1 refresh each time, 0 failed calls, 0 pages, family alive"
    ))
}

/// A desk at which somebody has signed in with a token that lives so long; the next ones live for an hour.
fn desk(size: &Size, access_lifetime: u64) -> Desk {
    let world = size.world(SandboxOptions { access_lifetime, ..SandboxOptions::default() });
    world.login(&[]).succeeded();
    world.sandbox.change(|options| options.access_lifetime = 3600);
    Desk::of(world)
}

fn start(size: &Size) {
    let mut crowd = Crowd::settled(desk(size, 0), HOSTS);
    crowd.work();
    crowd.cost(1);
    crowd.end();
}

fn expiry(size: &Size) {
    let mut crowd = Crowd::settled(desk(size, 20), HOSTS);
    while crowd.desk.world.sandbox.refreshes().1 == 0 {
        crowd.work();
    }
    crowd.work();
    crowd.cost(1);
    crowd.end();
}

fn refusal(size: &Size) {
    let mut crowd = Crowd::settled(desk(size, 3600), HOSTS);
    for refreshes in 1..=3 {
        crowd.desk.world.sandbox.expire_access_tokens();
        crowd.work();
        crowd.cost(refreshes);
    }
    crowd.end();
}
