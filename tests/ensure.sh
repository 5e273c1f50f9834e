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
  [[ -x $python ]] || { ensure_packages python3 python3-venv; python3 -m venv "$tools/python"; }
  "$python" -m pip show "$name" 2>/dev/null | grep -qx "Version: $version" ||
    "$python" -m pip install --quiet --disable-pip-version-check "$name==$version"
}

# ensure_rust_target TRIPLE: for the toolchain that `cargo` is.
ensure_rust_target() {
  [[ -d $(rustc --print sysroot)/lib/rustlib/$1/lib ]] || rustup target add "$1"
}
