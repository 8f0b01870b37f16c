#!/bin/sh
# Builds the package in the working directory, which has had its `npm ci`, and puts what runs of it into the folder TARGET:
# the program, and of the packages those that it needs and those that are named, in the lockfile's versions.
# Usage: assemble.sh TARGET PACKAGE…
set -eu
target=$1
shift
npm run --silent build
mkdir -p "$target"
cp -R bin dist LICENSE package-lock.json .npmrc "$target"
node infra/docker/only-dependencies.mjs package.json "$@" >"$target/package.json"
cd "$target"
# Not `npm ci`: the lockfile has more than is wanted here. Its versions are kept all the same.
npm install --ignore-scripts --no-audit --no-fund
rm package-lock.json .npmrc
