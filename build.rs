//! Links the stack unwinder into the program where that is glibc's Linux. As a shared library it would be loaded and
//! relocated at every start, only to print a backtrace that hardly any start needs, and small systems do not have it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=linker");
    let is = |key, value| std::env::var(key).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-search=native={}/linker", env!("CARGO_MANIFEST_DIR"));
    }
}
