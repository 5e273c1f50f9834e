//! Keeping secrets in memory to ourselves, on Linux, macOS and the BSDs. The contracts stand in the module above.

#[cfg(target_os = "linux")]
pub fn protect_memory() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // No core file, no debugger, no /proc/PID/mem; ends with the next exec. Cannot fail for this value.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(not(target_os = "linux"))]
static CORE_LIMIT: std::sync::OnceLock<rustix::process::Rlimit> = std::sync::OnceLock::new();

#[cfg(not(target_os = "linux"))]
pub fn protect_memory() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = CORE_LIMIT.get_or_init(|| getrlimit(Resource::Core));
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: before.maximum });
}

/// Gives a program that we start or become the limit that we were started with.
#[cfg(target_os = "linux")]
pub(super) fn restore_core_limit() {}

#[cfg(not(target_os = "linux"))]
pub(super) fn restore_core_limit() {
    if let Some(before) = CORE_LIMIT.get() {
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, before.clone());
    }
}

#[cfg(target_os = "linux")]
pub fn has_borrowed_rights() -> bool {
    #[expect(unsafe_code, reason = "no face of this call is stable")]
    // SAFETY: reads a word that the kernel put into this process at its start.
    let is_secure = unsafe { nix::libc::getauxval(nix::libc::AT_SECURE) };
    is_secure != 0
}

#[cfg(not(target_os = "linux"))]
pub fn has_borrowed_rights() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}
