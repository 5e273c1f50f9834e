//! However a bridge ends, it ends soon, and tells the server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::signed_in;
use crate::support::World;
use crate::support::steps::eventually;
use crate::support::talk::Talk;

/// MCP 66.
/// B-04.
#[test]
fn the_end_of_input_is_the_end_also_in_the_middle_of_a_line() {
    for last in ["", r#"{"jsonrpc":"2.0","id":7,"meth"#] {
        let (world, mut talk) = signed_in(SandboxOptions::default());
        talk.write_raw(last.as_bytes());
        let (exit, errors, said) = talk.end();
        assert_eq!((exit, errors.as_str(), said.len()), (0, "", 1));
        assert_eq!(world.sandbox.books().sessions_closed, 1);
    }
}

/// B-04.
#[test]
fn what_was_asked_before_the_end_is_answered_but_not_waited_for_long() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    let held = talk.begin("tools/call", &json!({ "name": "hold", "arguments": {} }));
    let asked = talk.begin("tools/call", &json!({ "name": "slow", "arguments": { "milliseconds": 300 } }));
    assert!(world.sandbox.until(|books| books.in_flight >= 2));
    let (exit, _, said) = talk.end();
    assert_eq!(exit, 0);
    assert!(said.iter().any(|line| line.contains(&format!("\"id\":{asked},"))), "{said:?}");
    assert!(!said.iter().any(|line| line.contains(&format!("\"id\":{held},"))), "{said:?}");
}

/// B-04: how long that takes at most is settled beside the code.
#[test]
fn a_server_that_says_nothing_keeps_nobody_from_the_end() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Mcp }));
    talk.begin("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }));
    let ended = Instant::now();
    assert_eq!(talk.end().0, 0);
    // As long as nobody's patience is, on whatever machine.
    assert!(ended.elapsed() < Duration::from_secs(30));
    assert!(world.sandbox.until(|books| books.streams_closed == books.streams_opened));
}

/// B-04: also while more was asked than there is room for, so that nobody reads as far as the end.
#[test]
fn the_end_is_noticed_while_a_request_waits_for_room() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Mcp }));
    let large = json!({ "name": "echo", "arguments": { "text": "x".repeat(1024 * 1024) } });
    // Five fit; the one after the next would find the pipe full, too, and keep the host waiting.
    for _ in 0..6 {
        talk.begin("tools/call", &large);
    }
    assert_eq!(talk.end().0, 0);
}

/// More than is kept for a host at once.
#[test]
fn long_answers_that_came_at_the_end_are_written() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    talk.pause();
    let call = json!({ "name": "large", "arguments": { "bytes": 1_200_000 } });
    let asked: Vec<u64> = (0..8).map(|_| talk.begin("tools/call", &call)).collect();
    assert!(world.sandbox.until(|books| books.tool_calls == 8 && books.in_flight == 0));
    talk.go_on();
    let (exit, _, said) = talk.end();
    let answered = said.iter().filter(|line| line.len() > 1_200_000).count();
    assert_eq!((exit, answered), (0, asked.len()));
}

#[test]
fn signals_end_it_in_good_order() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (world, mut talk) = signed_in(SandboxOptions::default());
        kill(Pid::from_raw(talk.id().try_into().unwrap()), signal).unwrap();
        assert!(talk.next().is_none());
        assert_eq!(talk.end().0, 0, "{signal}");
        assert_eq!(world.sandbox.books().sessions_closed, 1, "{signal}");
    }
}

/// B-13: its input stays open with somebody else, as when a host had other children.
#[test]
fn a_host_that_is_killed_takes_the_bridge_with_it() {
    let world = World::signed_in(SandboxOptions::default());
    let script = r#""$0" bridge box <&3 & echo $!; wait"#;
    let mut command = std::process::Command::new("sh");
    let own = world.command(&[]);
    command.args(["-c", &format!("exec 3<&0; {script}")]).arg(own.get_program()).env_clear();
    command.envs(own.get_envs().map(|(name, value)| (name, value.unwrap())));
    let mut host = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = host.stdin.take().unwrap();
    let mut output = BufReader::new(host.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let bridge = Pid::from_raw(line.trim().parse().unwrap());
    let greeting = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "h", "version": "1" } },
    });
    writeln!(input, "{greeting}").unwrap();
    line.clear();
    output.read_line(&mut line).unwrap();
    host.kill().unwrap();
    host.wait().unwrap();
    eventually(|| kill(bridge, None).is_err());
    drop(input);
    assert_eq!(world.sandbox.books().sessions_closed, 1);
}

/// Of a program that ends at once most hosts say that the connection was closed, and no more.
#[test]
fn a_host_that_names_no_server_is_answered_and_the_exit_code_tells_it_to_scripts() {
    let world = World::signed_in(SandboxOptions::default());
    for (arg, flags) in [("nobody", &[][..]), ("ws://127.0.0.1:1/mcp", &["--translate"])] {
        let mut talk = Talk::start(world.command(&[&["bridge", arg], flags].concat()));
        let told = talk.ask("initialize", &json!({ "protocolVersion": "2025-11-25" }));
        let message = told["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(arg.split(':').next().unwrap()) && message.contains("; "), "{told}");
        let (exit, errors, _) = talk.end();
        assert!(exit == 2 && errors.contains("hint: "), "{exit}: {errors}");
    }
}
