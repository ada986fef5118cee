#!/bin/sh
# Deploys a new version without a refused connection. UNIT@a and UNIT@b share a socket, and one of them serves. Starts
# the other, waits until it is ready, stops the first, and enables the new one in its place:
#
#   swap.sh shop@
#   swap.sh web1/shop@ deploy@web2/shop@
#
# If the new instance fails, it is stopped, the old one continues to serve, and the exit status is 1; the units after it
# stay as they are. A second run of the same user at the same time is refused with exit status 75. After an interrupted
# run: run it again.
#
# For HOST/UNIT@ this script runs on HOST, through ssh(1). $REMOTE_SYSTEMCTL is systemctl there, e.g. 'sudo systemctl'.
# The units: swap.socket and the units that it names, beside this script, or sd-ready-wrap --print-unit --swap.
set -u

usage='usage: swap.sh [--user] [HOST/]UNIT@...   (swap.sh shop@, or web1/shop@ web2/shop@)'

main() {
  manager=--system
  case ${1:-} in
    --user | --system) manager=$1 && shift ;;
    -h | --help) echo "$usage" && exit 0 ;;
  esac
  case ${1:-} in
    '' | -*) refuse "$usage" ;;
  esac
  # check all words before the first start: a shell on another host would parse them again
  for word in "$@"; do check "$word"; done

  total=$#
  number=0
  for word in "$@"; do
    number=$((number + 1))
    case $word in
      */*) elsewhere "${word%%/*}" "${word#*/}" ;;
      *) swap "${word%.service}" ;;
    esac
  done
}

# a closed stderr changes nothing
tell() {
  echo "swap.sh: $1" >&2 || true
}

refuse() {
  echo "$1" >&2 || true
  exit 64
}

# fail WHY [STATUS]
fail() {
  left=$((total - number))
  if [ "$total" = 1 ]; then tell "$1"; else tell "$1; stopped here; $left of $total not swapped"; fi
  exit "${2:-1}"
}

# check [HOST/]UNIT@
check() {
  case $1 in
    /* | -*) refuse "swap.sh: $1: not [HOST/]UNIT@" ;;
  esac
  unit=${1#*/}
  unit=${unit%.service}
  case ${unit%%@*} in
    '' | -* | *[!A-Za-z0-9:_.\\-]*) refuse "swap.sh: $1: $unit is not a unit name" ;;
  esac
  case ${unit#*@} in
    '') ;;
    *) refuse "swap.sh: $1: not a template; write ${unit%%@*}@ for ${unit%%@*}@a and ${unit%%@*}@b" ;;
  esac
}

# elsewhere HOST UNIT@
elsewhere() {
  [ -r "$0" ] || fail "cannot read $0, which has to run on $1"
  code=0
  ssh "$1" "env SWAP_SYSTEMCTL='${REMOTE_SYSTEMCTL:-systemctl}' sh -s -- $manager '$2'" <"$0" || code=$?
  [ "$code" = 0 ] || fail "$1/$2 failed" "$code"
  echo "$1/$2 done ($number of $total)"
}

# ask VERB...: systemctl, which may outlive this shell and so does not get the lock, nor the standard input, which is
# this script if it came through ssh
ask() {
  # shellcheck disable=SC2086 # they may be several words
  ${SWAP_SYSTEMCTL:-systemctl} "$manager" "$@" </dev/null 9<&-
}

# swap UNIT@
swap() {
  lock "$1"
  a=$(rank "$1a") && b=$(rank "$1b") || fail "cannot determine which of $1a and $1b runs"
  if [ "$a" -gt "$b" ]; then old=$1a new=$1b; else old=$1b new=$1a; fi

  # not start: an interrupted run may have left an instance of another version
  code=0
  ask restart -- "$new" && ask --quiet is-active -- "$new" || code=$?
  [ "$code" = 0 ] || give_up
  # returns when the old instance has ended; --quiet: no warning that its socket could start it again, which it does not
  ask --quiet stop -- "$old" || fail "$new serves, but $old does not stop; run swap.sh again"
  enable || fail "$new serves, but $old still starts at boot; run swap.sh again"
  echo "$new ready, $old stopped"
}

# lock UNIT@: one run at a time, while this shell lives
lock() {
  command -v flock >/dev/null || fail 'flock(1) is not installed; it is part of util-linux'
  # a directory in which no other user can take the lock
  if [ "$(id -u)" = 0 ]; then place=/run; else place=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}; fi
  [ -w "$place" ] || fail "cannot create a lock file in $place; set XDG_RUNTIME_DIR, or run as root"
  exec 9>>"$place/$1.swap-lock"
  flock -n 9 || fail "another run is swapping $1" 75
}

# rank UNIT: the instance with the higher rank serves. After an interrupted run both are active: the enabled one stays.
# If the version crashes none is active: it is the enabled one, or the one that systemd restarts.
rank() {
  state=$(exec 9<&-; ask show --property=ActiveState --value -- "$1") || return
  case $state in
    active | reloading | refreshing) rank=4 ;;
    activating) rank=1 ;;
    '') return 1 ;;
    *) rank=0 ;;
  esac
  case $(exec 9<&-; ask is-enabled -- "$1" 2>/dev/null) in
    enabled*) rank=$((rank + 2)) ;;
  esac
  echo "$rank"
}

give_up() {
  if ask --quiet is-active -- "$old"; then old_state="$old still serves"; else old_state="$old does not run"; fi
  # 5: the unit, or one that it needs, does not exist; systemctl has printed its name
  [ "$code" != 4 ] || fail "no permission to start $new; $old_state"
  [ "$code" != 5 ] || fail "$new cannot be started; $old_state"
  ask --no-pager --lines=10 status -- "$new" >&2 || true
  # systemd would restart it again and again, and connections reach it as soon as it listens
  ask --quiet stop -- "$new" || fail "$new did not become ready and does not stop; $old_state"
  fail "$new did not become ready and is stopped; $old_state"
}

# A unit without [Install] cannot be enabled: another unit starts it
enable() {
  case $(exec 9<&-; ask is-enabled -- "$new" 2>/dev/null) in
    static | generated | transient) return 0 ;;
  esac
  # systemd reloads its units once, at the end
  ask --quiet --no-reload enable -- "$new" && ask --quiet disable -- "$old"
}

# at the end: a script that is cut off, e.g. by ssh, does nothing
main "$@"
exit
