//! `mcpauth audit`: the events for a person, for a program, and as they come.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use mcpauth::sandbox::SandboxOptions;
use serde_json::Value;

use crate::lines;
use crate::support::World;

#[test]
fn a_person_sees_a_line_for_each_event() {
    let world = World::new();
    let ran = world.run(&["audit"]);
    assert_eq!(
        (ran.succeeded().stdout.as_str(), ran.stderr.as_str()),
        ("", "nothing was written down yet\n")
    );

    world.login(&["--account", "work"]).succeeded();
    world.run(&["exec", "--account", "work", "--", "true"]).succeeded();
    world.run(&["token", "box", "--account", "work", "--no-refresh"]).succeeded();
    let ran = world.run(&["audit"]);
    let shown: Vec<&str> = ran.succeeded().stdout.lines().collect();
    assert_eq!(shown.len(), 5);
    for (line, words) in shown.iter().zip([
        ["login_started", "mcpauth login"],
        ["client_registered", "mcpauth login"],
        ["login_completed", "mcpauth login"],
        ["handed_out", "mcpauth exec > true"],
        ["handed_out", "mcpauth token"],
    ]) {
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
        assert!(line.contains("box/work") && line.ends_with("  ok"), "{line}");
    }
}

#[test]
fn a_choice_is_made_by_server_account_and_number() {
    let world = World::signed_in(SandboxOptions::default());
    let other = World::new();
    world.login_as(world.command(&["login", &other.url(), "--name", "other", "--no-browser"])).succeeded();
    world.login(&["--account", "work"]).succeeded();
    world.token(&[]);
    let count = |args: &[&str]| {
        let ran = world.run(&[&["audit"], args].concat());
        ran.succeeded().stdout.lines().count()
    };
    assert_eq!(count(&[]), 9);
    assert_eq!(count(&["--server", "other"]), 3);
    assert_eq!(count(&["--server", &other.url()]), 3);
    assert_eq!(count(&["--server", "BOX"]), 6);
    assert_eq!(count(&["--server", "box", "--account", "work"]), 2);
    assert_eq!(count(&["--limit", "2"]), 2);
    assert_eq!(count(&["--limit", "0"]), 0);
    assert_eq!(world.run(&["audit", "--account", "nobody"]).stderr, "nothing of that was written down yet\n");
    // The log remembers longer than the profiles.
    world.run(&["logout", "other"]).succeeded();
    world.run(&["server", "remove", "other"]).succeeded();
    assert_eq!(count(&["--server", "other"]), 4);
    world.run(&["audit", "--server", &other.url()]).failed(3);
}

#[test]
fn a_program_gets_the_lines_as_they_stand() {
    let world = World::signed_in(SandboxOptions::default());
    world.token(&[]);
    let ran = world.run(&["audit", "--json", "--limit", "3"]);
    let told: Vec<Value> =
        ran.succeeded().stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told, lines(&world)[1..]);
}

/// `audit --follow`, with what it says.
pub(crate) struct Follower {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Follower {
    pub(crate) fn start(world: &World, flags: &[&str]) -> Self {
        let mut command = world.command(&[&["audit", "--follow", "--json"], flags].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub(crate) fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// Ends as with Ctrl-C; what it had not said yet.
    pub(crate) fn end(mut self) -> Vec<String> {
        #[cfg(unix)]
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::INT,
        )
        .unwrap();
        #[cfg(not(unix))]
        self.child.kill().unwrap();
        let rest = self.lines.map(Result::unwrap).collect();
        let status = self.child.wait().unwrap();
        assert!(cfg!(not(unix)) || status.success(), "{status}");
        rest
    }
}

#[test]
fn whoever_follows_sees_each_event_once() {
    let world = World::signed_in(SandboxOptions::default());
    let mut follower = Follower::start(&world, &["--limit", "1"]);
    assert_eq!(follower.next()["event"], "login_completed");
    for number in 4..10 {
        world.token(&[]);
        assert_eq!(follower.next()["seq"], number);
    }
    assert_eq!(follower.end(), Vec::<String>::new());
}

#[test]
fn one_can_follow_before_anything_happened() {
    let world = World::new();
    let mut follower = Follower::start(&world, &[]);
    world.login(&[]).succeeded();
    for event in ["login_started", "client_registered", "login_completed"] {
        assert_eq!(follower.next()["event"], event);
    }
    follower.end();
}

#[test]
fn nobody_is_left_following_where_nobody_reads() {
    let world = World::signed_in(SandboxOptions::default());
    let mut follower = Follower::start(&world, &[]);
    follower.next();
    drop(follower.lines);
    world.token(&[]);
    assert!(follower.child.wait().unwrap().success());
}

#[test]
fn status_says_who_used_a_login_last() {
    let world = World::signed_in(SandboxOptions::default());
    assert!(!world.run(&["status"]).stdout.contains("    used "));
    world.run(&["exec", "--", "true"]).succeeded();
    world.login(&["--account", "work"]).succeeded();
    let given = lines(&world)[3].clone();
    let status = world.run(&["status"]);
    let told = format!("    used     {} by true\n", given["time"].as_str().unwrap());
    assert_eq!(status.stdout.matches(&told).count(), 1, "{status:?}");
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["logins"][0]["last_used"]["by"], "true");
    assert!(status["logins"][0]["last_used"]["at"].is_i64());
    assert_eq!(status["logins"][1]["last_used"], Value::Null);
}
