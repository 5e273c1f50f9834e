//! The doctor in the place of an MCP client's child.

use crate::support::World;
use crate::visit_of;

/// A home whose settings only a variable leads to.
fn led_by_a_variable() -> World {
    let world = World::new();
    let settled = world.home().join("settled");
    let mut command = world.command(&["server", "add", &world.url(), "--name", "box"]);
    command.env("MCPAUTH_CONFIG", settled);
    crate::steps::run(command).succeeded();
    world
}

#[test]
fn a_client_that_drops_the_variable_does_not_find_what_it_names() {
    let world = led_by_a_variable();
    let seen_by = |flags: &[&str]| {
        let mut command = world.command(&[&["doctor"], flags].concat());
        command
            .env("MCPAUTH_CONFIG", world.home().join("settled"))
            .env("HTTPS_PROXY", "http://proxy.example:1");
        let visit = visit_of(&world, command);
        let proxy = visit.findings.iter().any(|finding| finding.what == "proxy");
        let servers = visit.findings.iter().find(|finding| finding.what == "configuration").unwrap();
        (servers.seen.rsplit_once(", ").unwrap().1.to_owned(), proxy)
    };
    let told = |servers: &str, proxy: bool| (servers.to_owned(), proxy);
    assert_eq!(seen_by(&[]), told("1 server", true));
    for client in ["claude-code", "vscode", "zed", "goose"] {
        assert_eq!(seen_by(&["--as", client]), told("1 server", true), "{client}");
    }
    for client in ["claude-desktop", "codex", "cursor", "windsurf"] {
        assert_eq!(seen_by(&["--as", client]), told("0 servers", false), "{client}");
    }
    // Its name sounds like a secret to this one, and the proxy's does not.
    assert_eq!(seen_by(&["--as=gemini"]), told("0 servers", true));
}

#[test]
fn what_the_client_leaves_is_said() {
    let world = World::new();
    let ran = world.run(&["doctor", "--as", "codex"]);
    let said = "which sees only HOME, LOGNAME, PATH, SHELL, TERM and USER";
    assert!(ran.succeeded().stderr.contains(said), "{ran:?}");
    let mut by_variable = world.command(&["doctor"]);
    by_variable.env("MCPAUTH_AS", "claude-code");
    let ran = crate::steps::run(by_variable);
    assert!(ran.succeeded().stderr.contains("which sees every variable"), "{ran:?}");
}
