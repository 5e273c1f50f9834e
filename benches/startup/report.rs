//! Who is measured beside whom, and what is printed.

#![expect(clippy::print_stdout, reason = "the report is the answer")]

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcpauth::sandbox::SandboxOptions;

use crate::rounds::{self, Contender, Series};
use crate::support::{World, finish};

type Outcome<Value = ()> = Result<Value, Box<dyn Error>>;

/// Rounds, unless the command line has a number.
const ROUNDS: usize = 500;
/// Rounds with a keychain, which is not made for thousands of short visitors.
const KEYCHAIN_ROUNDS: usize = 100;
/// Set by `benches/run`: there is a keychain that nobody else uses.
const PRIVATE_KEYRING: &str = "MCPAUTH_PRIVATE_KEYRING";
const MIB: f64 = 1024.0 * 1024.0;

/// One way to link the program, with the floor linked the same way.
struct Build {
    name: &'static str,
    /// What cargo made.
    made: PathBuf,
    /// Where it is put to be measured.
    program: PathBuf,
    /// The bare program.
    floor: PathBuf,
}

/// A goal: `own` costs at most `limit` times what `beside` costs. Without a limit it is only told.
struct Goal {
    own: usize,
    beside: usize,
    limit: Option<f64>,
}

/// This process prepares and prints; a fresh and small one measures, because a start costs more, and a child seems to
/// take more memory, where the parent is large.
pub(crate) fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["measure", rounds, record] => measure(rounds.parse()?, Path::new(record)),
        ["measure-keychain", rounds] => measure_keychain(rounds.parse()?),
        ["peak", title, program, args @ ..] => {
            println!("{:<44}{:>10.1}", title, Contender::new(title, Path::new(program), args).peak()?);
            Ok(())
        }
        _ => report(args.iter().find_map(|arg| arg.parse().ok())),
    }
}

fn report(rounds: Option<usize>) -> Outcome {
    let world = World::new();
    world.login(&[]).succeeded();
    let record = world.records().pop().ok_or("the login left no record")?;
    for build in builds() {
        install(&build)?;
    }
    let own = |args: &[&str]| own_process(&world, args);

    let rounds = rounds.unwrap_or(ROUNDS);
    own(&["measure", &rounds.to_string(), text(&record)?])?;
    if std::env::var_os(PRIVATE_KEYRING).is_some() {
        let world = World::new();
        let url = world.url();
        let args = ["login", &url, "--name", "box", "--no-browser", "--store", "keychain"];
        let mut login = world.command(&args);
        login.envs(bus());
        world.login_as(login).succeeded();
        own_process(&world, &["measure-keychain", &rounds.min(KEYCHAIN_ROUNDS).to_string()])?;
    }

    println!("\n{:<44}{:>10}", "", "peak MiB");
    for Build { name, program, floor, .. } in builds() {
        own(&["peak", &format!("token ({name}), goal < 6"), text(&program)?, "token", "box"])?;
        own(&["peak", &format!("  bare program ({name})"), text(&floor)?, text(&record)?])?;
    }
    println!("\n{:<44}{:>10}", "", "MiB");
    for Build { name, program, .. } in builds() {
        #[expect(clippy::cast_precision_loss, reason = "a program is far smaller than 2⁵² bytes")]
        let size = fs::metadata(&program)?.len() as f64 / MIB;
        println!("{:<44}{size:>10.1}", format!("program ({name}), goal < 12"));
    }
    crowd()
}

/// The builds that are there: the one that cargo made for this run, and the static one if `tests/cross musl` did.
fn builds() -> Vec<Build> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let build = |name, made: PathBuf| {
        let [program, floor] = ["mcpauth", "floor"].map(|kind| place.join(format!("{kind}-{name}")));
        Build { name, made, program, floor }
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let musl = package.join("target/cross/x86_64-unknown-linux-musl/release/mcpauth");
    let musl = musl.exists().then(|| build("musl", musl));
    std::iter::once(build("glibc", env!("CARGO_BIN_EXE_mcpauth").into())).chain(musl).collect()
}

/// Copies the program, as an installation does: what a linker has just written lies in memory in small pieces, and
/// starting that costs a sixth of a millisecond more. Does the same with the floor.
fn install(build: &Build) -> Outcome {
    fs::copy(&build.made, &build.program)?;
    let linked = build.floor.with_extension("linked");
    compile_floor(build.name, &linked)?;
    fs::copy(linked, &build.floor)?;
    Ok(())
}

/// The floor with the profile that the program was built with.
fn compile_floor(build: &str, to: &Path) -> Outcome {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor/bare.rs");
    let mut compiler = Command::new("rustc");
    compiler.args(["--edition=2024", "-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1", "-Cpanic=abort"]);
    compiler.args(["-Cstrip=symbols", "-o"]).arg(to).arg(source);
    if build == "musl" {
        compiler.arg("--target=x86_64-unknown-linux-musl");
    }
    if compiler.status()?.success() { Ok(()) } else { Err("the floor does not compile".into()) }
}

/// Runs a part of this program in a process of its own, in the bare world of an MCP client's child.
fn own_process(world: &World, args: &[&str]) -> Outcome {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args).env_clear().env("HOME", world.home()).env("PATH", "/usr/bin:/bin").envs(bus());
    command.envs([("LOGNAME", "ana"), ("USER", "ana"), ("SHELL", "/bin/sh"), ("TERM", "dumb")]);
    if command.status()?.success() { Ok(()) } else { Err(format!("{} failed", args[0]).into()) }
}

/// The way to the private keyring.
fn bus() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let names = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];
    let private = std::env::var_os(PRIVATE_KEYRING).is_some();
    names.into_iter().filter(move |_| private).filter_map(|name| Some((name, std::env::var_os(name)?)))
}

fn measure(rounds: usize, record: &Path) -> Outcome {
    let truth = || which("true");
    let mut contenders = vec![
        Contender::new("true", &truth()?, &[]),
        Contender::new("env X=1 true", &which("env")?, &["X=1", "true"]),
    ];
    let mut goals = Vec::new();
    for Build { name, program, floor, .. } in builds() {
        let first = contenders.len();
        let own =
            |args: &[&str]| Contender::new(&format!("mcpauth {} ({name})", args.join(" ")), &program, args);
        contenders.extend([
            Contender::new(&format!("bare program ({name})"), &floor, &[text(record)?]),
            own(&["token", "box"]),
            own(&["exec", "--", "true"]),
            own(&["--version"]),
        ]);
        goals.extend([
            Goal { own: first + 1, beside: first, limit: Some(1.3) },
            Goal { own: first + 1, beside: 0, limit: None },
            Goal { own: first + 2, beside: 1, limit: Some(1.25) },
            Goal { own: first + 3, beside: 0, limit: Some(1.3) },
            Goal { own: first + 3, beside: first, limit: None },
        ]);
    }
    println!("\n{rounds} rounds; × is the median of the ratios within a round");
    print_table(&contenders, &rounds::run(&contenders, rounds)?, &goals);
    Ok(())
}

fn measure_keychain(rounds: usize) -> Outcome {
    let lookup = ["lookup", "service", "mcpauth", "username", "store-key"];
    let mut contenders = vec![Contender::new("secret-tool lookup", &which("secret-tool")?, &lookup)];
    let own = |build: Build| {
        Contender::new(
            &format!("mcpauth token ({}, keychain)", build.name),
            &build.program,
            &["token", "box"],
        )
    };
    contenders.extend(builds().into_iter().map(own));
    let goals: Vec<_> = (1..contenders.len()).map(|own| Goal { own, beside: 0, limit: Some(1.0) }).collect();
    println!("\n{rounds} rounds with a keychain");
    print_table(&contenders, &rounds::run(&contenders, rounds)?, &goals);
    Ok(())
}

fn print_table(contenders: &[Contender], series: &[Series], goals: &[Goal]) {
    println!("{:<34}{:>10}{:>10}", "median", "wall ms", "CPU ms");
    for (contender, series) in contenders.iter().zip(series) {
        let cost = series.median();
        println!("{:<34}{:>10.2}{:>10.2}", contender.title, cost.wall, cost.cpu);
    }
    println!("\n{:<34}{:>24}{:>8}{:>8}{:>8}", "goal", "beside", "× wall", "× CPU", "at most");
    for &Goal { own, beside, limit } in goals {
        let ratio = series[own].beside(&series[beside]);
        let [own, beside] = [own, beside].map(|index| contenders[index].title.as_str());
        let verdict = match limit {
            Some(limit) if ratio.wall <= limit && ratio.cpu <= limit => format!("{limit:>8.2}  holds"),
            Some(limit) => format!("{limit:>8.2}  missed"),
            None => String::new(),
        };
        println!("{own:<34}{beside:>24}{:>8.2}{:>8.2}{verdict}", ratio.wall, ratio.cpu);
    }
}

/// Fifty processes ask at once for a token that has just ended: how often was the issuer asked?
fn crowd() -> Outcome {
    let world = World::with(SandboxOptions { access_lifetime: 20, ..SandboxOptions::default() });
    world.login(&[]).succeeded();
    // A token is renewed in the second half of its life.
    std::thread::sleep(Duration::from_secs(11));
    let start = || {
        world
            .command(&["token", "box"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(|child| (child, String::new()))
    };
    let crowd = (0..50).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    let mut tokens: Vec<_> =
        crowd.into_iter().map(|(child, seen)| finish(child, seen).succeeded().stdout.clone()).collect();
    let answers = tokens.len();
    tokens.sort();
    tokens.dedup();
    let books = world.sandbox.books();
    println!(
        "\n{answers} processes, one expired token: {} refresh, {answers} answers, {} token, {} reuses",
        books.refresh_attempts,
        tokens.len(),
        books.reuses
    );
    Ok(())
}

fn which(name: impl AsRef<OsStr>) -> Outcome<PathBuf> {
    Ok(which::which(name)?)
}

fn text(path: &Path) -> Outcome<&str> {
    path.to_str().ok_or_else(|| "a path is not UTF-8".into())
}
