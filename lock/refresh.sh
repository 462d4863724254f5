#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resolves pyproject.toml and lock/*.in into hashed lock files (`make lock`).
#
# One resolution of everything comes first and constrains the rest, so that the files can be
# installed into one environment in any order. A version must have been public for seven days:
# malicious uploads are usually found and withdrawn within that time.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.venv/lib/lock-tools
[ -x "$tools/bin/uv" ] || { "${PYTHON:-python3}" -m venv "$tools" && "$tools/bin/pip" install --quiet uv; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cutoff=${LOCK_CUTOFF:-$(date -u -d '7 days ago' +%Y-%m-%dT00:00:00Z)}

compile() { # OUTPUT ARGUMENTS...
    local output=$1
    shift
    "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --exclude-newer "$cutoff" \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$scratch/out" "$@"
    mv "$scratch/out" "$output"
}

hashed() { # NAME ARGUMENTS...
    local output=lock/$1.txt
    shift
    compile "$output" --generate-hashes --constraint "$scratch/all.txt" "$@"
    echo "$output: $(grep -c '==' "$output") packages"
}

compile "$scratch/all.txt" pyproject.toml --extra local --extra prove --extra cloud --extra redis --extra otel --extra dev
# The engine's own package is built from lock/engine.txt, so core holds only what it imports.
hashed core pyproject.toml --extra local --extra prove --no-emit-package llama-cpp-python
hashed cloud pyproject.toml --extra cloud
hashed dev pyproject.toml --extra redis --extra dev
hashed build lock/build.in
hashed engine --no-deps lock/engine.in
