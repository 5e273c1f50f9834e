//! One issuer hangs; nobody else has to know.

use std::process::{Child, Stdio};

use mcpauth::sandbox::{Endpoint, Fault, Sandbox, SandboxOptions};

use crate::Outcome;
use crate::settings::Size;
use crate::support::{Ran, World, call, finish};

/// As many logins, at as many issuers, are refreshed by as many processes at once, and the first issuer never answers.
pub(crate) fn play(size: &Size) -> Outcome {
    let logins = size.rounds(100, 100) as usize;
    let world = size.world(SandboxOptions::default());
    let others = (1..logins)
        .map(|_| Sandbox::start(SandboxOptions { auto_consent: true, ..SandboxOptions::default() }).unwrap());
    let others: Vec<Sandbox> = others.collect();
    let issuers: Vec<&Sandbox> = std::iter::once(&world.sandbox).chain(&others).collect();
    for (number, issuer) in issuers.iter().enumerate() {
        sign_in(&world, issuer, number);
    }
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Token }));

    let mut hanging = start(&world, 0);
    let children: Vec<Child> = (1..logins).map(|number| start(&world, number)).collect();
    let children = children.into_iter().zip(&issuers[1..]);
    let unaffected = children.map(|(child, issuer)| is_renewed(&finish(child, String::new()), issuer));
    let unaffected: Result<Vec<()>, String> = unaffected.collect();
    let still_waits = hanging.try_wait().unwrap().is_none();
    let ran = finish(hanging, String::new());
    unaffected?;
    if !still_waits {
        return Err(format!(
            "the one at the hanging issuer did not wait as long as the others took: {ran:?}"
        ));
    }
    if ran.exit != 6 {
        return Err(format!("the one at the hanging issuer: {ran:?}"));
    }
    world.sandbox.change(|options| options.faults.clear());
    let again = world.run(&["token", "box0"]);
    let (status, books) = (call(&world.url(), again.stdout.trim_end()), world.sandbox.books());
    if (again.exit, status, books.families[0].alive) != (0, 200, true) {
        return Err(format!("once the issuer answers again: {again:?}, the server answers {status}"));
    }
    Ok(format!(
        "{logins} logins, one issuer hanging: {} unaffected, all done while it hung; that one exit 6, its login kept",
        logins - 1
    ))
}

/// Whether a command has renewed its login, once, and given the token.
fn is_renewed(ran: &Ran, issuer: &Sandbox) -> Result<(), String> {
    let (books, status) = (issuer.books(), call(&issuer.mcp_url(), ran.stdout.trim_end()));
    if (ran.exit, status, books.refreshes, books.families[0].alive) != (0, 200, 1, true) {
        return Err(format!("at an issuer in good health: {ran:?}, the server answers {status}"));
    }
    Ok(())
}

/// Signs in under a name with this number, with a token that has ended.
fn sign_in(world: &World, issuer: &Sandbox, number: usize) {
    let ended = Fault::Lifetime(0.into());
    issuer.change(|options| options.faults.push(ended));
    let (url, name) = (issuer.mcp_url(), format!("box{number}"));
    let args = ["login", &url, "--name", &name, "--no-browser", "--store", "file"];
    world.login_as(world.command(&args)).succeeded();
    issuer.change(|options| options.faults.clear());
}

fn start(world: &World, number: usize) -> Child {
    let name = format!("box{number}");
    world.command(&["token", &name]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
