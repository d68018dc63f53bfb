"""Images for programs of a kind: what they hold besides the default image."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

_LOCKS = files("assistant.sandbox.building")


@dataclass(frozen=True, slots=True)
class Purpose:
    """A kind of programs, by the name that ``sandbox build --for`` takes."""

    name: str
    apt: tuple[str, ...] = ()
    """Debian packages."""
    node: Mapping[str, str] = field(default_factory=dict)
    """npm packages; the lock beside this file, ``NAME.lock.json``, holds all their versions.

    ``npm install --package-lock-only --omit-lockfile-registry-resolved`` writes it anew.
    """
    script: str = ""
    """Run as root when the packages are there, without a network."""

    @property
    def tag(self) -> str:
        return f"assistant-{self.name}:latest"

    @property
    def node_lock(self) -> bytes | None:
        return _LOCKS.joinpath(f"{self.name}.lock.json").read_bytes() if self.node else None

    @property
    def digest(self) -> str:
        """Of all that decides what the image holds."""
        lock = hashlib.sha256(self.node_lock or b"").hexdigest()
        parts = [sorted(self.apt), sorted(self.node.items()), lock, self.script]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


_COMPILED = r"""
mkdir -p /opt/humaneval-x/rust
cd /opt/humaneval-x

# What tests in Go import, compiled once: a container cannot keep it.
export HOME=/tmp GOPATH=/usr/share/gocode GO111MODULE=off GOFLAGS=-vet=off
export GOCACHE=/opt/humaneval-x/go
mkdir -p /tmp/warm
cat >/tmp/warm/one_test.go <<'EOF'
package main

import (
    "bytes"
    "crypto/md5"
    "fmt"
    "math"
    "math/big"
    "math/rand"
    "regexp"
    "sort"
    "strconv"
    "strings"
    "testing"
    "time"
    "unicode"

    "github.com/stretchr/testify/assert"
)

func TestOne(t *testing.T) {
    _ = bytes.NewBuffer
    _, _, _, _ = md5.New, math.Abs, big.NewInt, rand.Int
    _, _, _, _ = regexp.MustCompile, sort.Ints, strconv.Itoa, strings.Join
    _, _, _ = time.Now, unicode.IsUpper, fmt.Sprint
    assert.Equal(t, 1, 1)
}
EOF
(cd /tmp/warm && go test one_test.go)
rm -rf /opt/humaneval-x/go/trim.txt

# The crates that tests in Rust name, as libraries for rustc alone.
mkdir -p /tmp/crates/src /tmp/crates/.cargo
cd /tmp/crates
echo '' >src/lib.rs
cat >Cargo.toml <<'EOF'
[package]
name = "one"
version = "0.0.0"
edition = "2021"
[dependencies]
rand = "*"
regex = "*"
md5 = "*"
[profile.dev]
debug = 0
incremental = false
EOF
cat >.cargo/config.toml <<'EOF'
[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "/usr/share/cargo/registry"
EOF
CARGO_HOME=/tmp/cargo cargo build --offline -q
cp target/debug/deps/*.rlib target/debug/deps/*.so /opt/humaneval-x/rust/ 2>/dev/null || true
for name in rand regex md5; do
    set -- /opt/humaneval-x/rust/lib$name-*.rlib
    [ -e "$1" ]
    mv "$1" "/opt/humaneval-x/rust/lib$name.rlib"
done
rm -rf /tmp/warm /tmp/crates /tmp/cargo /tmp/go-build*
chmod -R a+rX /opt/humaneval-x
"""
"""Compiles for the data set's compilers what each program would compile again."""

PURPOSES = {
    purpose.name: purpose
    for purpose in (
        Purpose(
            "polyglot",
            node={"@babel/plugin-transform-modules-commonjs": "7.29.14", "jest": "29.7.0"},
        ),
        Purpose(
            "humaneval-x",
            apt=(
                *("nodejs", "g++", "libboost-dev", "libssl-dev", "default-jdk-headless"),
                *("golang-go", "golang-github-stretchr-testify-dev"),
                *(
                    "rustc",
                    "cargo",
                    "librust-rand-dev",
                    "librust-regex+default-dev",
                    "librust-md5-dev",
                ),
            ),
            script=_COMPILED,
        ),
    )
}
