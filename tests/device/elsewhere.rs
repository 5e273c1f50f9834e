//! What a login says on a machine that the person's browser is not on.

use mcpauth::sandbox::SandboxOptions;

use crate::options;
use crate::support::steps::{self, callback_port, parameters};
use crate::support::{Ran, World, finish, follow};

const HERE: (&str, &str) = ("SSH_CONNECTION", "198.51.100.9 50022 192.0.2.7 2222");

/// Signs in with further variables and flags: what was said, and the address that was printed.
fn login_where(world: &World, variables: &[(&str, &str)], flags: &[&str]) -> (Ran, String) {
    let url = world.url();
    let mut command = world.command(&[&["login", &url, "--name", "box", "--store", "file"], flags].concat());
    command.envs(variables.iter().copied());
    let (child, seen, address) = world.start_login(command);
    let address = address.unwrap_or_else(|| panic!("{seen}"));
    follow(&address);
    (finish(child, seen), address)
}

#[test]
fn over_ssh_the_tunnel_is_ready_to_be_typed() {
    let world = World::new();
    let (login, address) = login_where(&world, &[HERE], &[]);
    let port = callback_port(&address);
    let line = format!("`ssh -L {port}:127.0.0.1:{port} -p 2222 ana@192.0.2.7`");
    assert!(login.succeeded().stderr.contains(&line), "{line}: {login:?}");
    // Before the address, since it has to be there when the browser comes back.
    assert!(login.stderr.find(&line) < login.stderr.find(&address), "{login:?}");
    assert!(!login.stderr.contains("--device"), "{login:?}");
}

#[test]
fn what_was_chosen_for_the_listener_is_what_the_tunnel_leads_to() {
    let world = World::new();
    let usual = ("SSH_CONNECTION", "198.51.100.9 50022 2001:db8::7 22");
    for (flag, host) in [("localhost", "localhost"), ("[::1]", "[::1]")] {
        let (login, address) = login_where(&world, &[usual], &["--callback-host", flag]);
        let port = callback_port(&address);
        let tunnel = mcpauth::wording::quoted(&format!("{port}:{host}:{port}"));
        assert!(
            login.succeeded().stderr.contains(&format!("`ssh -L {tunnel} ana@2001:db8::7`")),
            "{login:?}"
        );
    }
}

#[test]
fn where_devices_may_sign_in_the_command_for_that_is_named() {
    for variables in [HERE, ("container", "podman")] {
        let world = World::with(options());
        let (login, _) = login_where(&world, &[variables], &["--account", "work"]);
        let (_, rest) = login.succeeded().stderr.split_once("start again by a code: `").unwrap();
        let line = rest.split('`').next().unwrap();
        steps::run(world.typed(&format!("{line} --store file"))).succeeded();
        assert_eq!(world.sandbox.books().device_polls, 1);
    }
}

#[test]
fn whoever_has_a_way_of_their_own_is_told_nothing() {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..options() });
    let browser = ("BROWSER", "true");
    for (variables, flags) in [(&[HERE, browser][..], &[][..]), (&[HERE], &["--quiet"])] {
        let (login, _) = login_where(&world, variables, flags);
        assert!(!login.succeeded().stderr.contains("another machine"), "{login:?}");
    }
    let url = world.url();
    let forwarded = ["--redirect-url", "https://forward.example/cb", "--timeout", "1"];
    let mut command =
        world.command(&[&["login", &url, "--name", "box", "--store", "file"], &forwarded[..]].concat());
    command.envs([HERE]);
    let (child, seen, address) = world.start_login(command);
    assert_eq!(parameters(&address.unwrap())["redirect_uri"], "https://forward.example/cb");
    let late = finish(child, seen);
    assert!(!late.failed_with(4, "nobody finished").stderr.contains("another machine"), "{late:?}");
}
