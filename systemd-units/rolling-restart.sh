#!/bin/sh
# Restarts units one after another, each only when the one before it is ready again, and stops at the first failure, so
# that a bad version takes down one instance and not all: rolling-restart.sh [--user] UNIT...
#
# No waiting is needed between them: systemctl restart of a Type=notify unit is back when the unit is ready.
set -eu

usage='usage: rolling-restart.sh [--user] UNIT...   (rolling-restart.sh app@3001 app@3002 app@3003)'

manager=--system
case ${1:-} in
  --user | --system) manager=$1 && shift ;;
  -h | --help) echo "$usage" && exit 0 ;;
esac
case ${1:-} in
  '' | -*) echo "$usage" >&2 && exit 64 ;;
esac

total=$#
number=0
for unit in "$@"; do
  number=$((number + 1))
  if ! systemctl "$manager" restart -- "$unit"; then
    echo "rolling-restart.sh: $unit did not become ready; stopped, $((total - number)) of $total not touched" >&2
    systemctl "$manager" --no-pager --lines=10 status -- "$unit" >&2 || true
    exit 1
  fi
  echo "$unit ready ($number of $total)"
done
