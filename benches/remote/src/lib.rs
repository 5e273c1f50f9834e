//! What the server, the floors and the driver of the benchmark share.

pub mod address;
pub mod message;
pub mod pipes;
pub mod pool;

/// What may go wrong in a benchmark ends it.
pub type Outcome<Value = ()> = Result<Value, Box<dyn std::error::Error>>;

/// Runs a future as every program here does: on one thread.
pub fn run<Value>(work: impl Future<Output = Outcome<Value>>) -> Outcome<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// Nanoseconds of the clock that all processes of a machine share.
pub fn now() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("the clock is there");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}
