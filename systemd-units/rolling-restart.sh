#!/bin/sh
# Restarts units one after another, on this host or others, each only when the one before is ready again. Stops at the
# first failure, so that a bad version takes down one instance and not all:
#
#   rolling-restart.sh app@3001 app@3002 app@3003
#   rolling-restart.sh web1/app web2/app deploy@web3/app
#
# HOST/UNIT is restarted through ssh(1). $REMOTE_SYSTEMCTL is the command there, e.g. 'sudo systemctl'.
# No wait is needed in between: systemctl restart of a Type=notify unit returns when the unit is ready.
set -eu

usage='usage: rolling-restart.sh [--user] [HOST/]UNIT...   (rolling-restart.sh app@3001 app@3002, or web1/app web2/app)'

# also if stderr is closed
refuse() {
  echo "$1" >&2 || true
  exit 64
}

manager=--system
case ${1:-} in
  --user | --system) manager=$1 && shift ;;
  -h | --help) echo "$usage" && exit 0 ;;
esac
case ${1:-} in
  '' | -*) refuse "$usage" ;;
esac

# check all words before the first restart: a shell on another host would parse them again
for word in "$@"; do
  unit=${word#*/}
  case $word in
    /* | -*) refuse "rolling-restart.sh: $word: not [HOST/]UNIT" ;;
  esac
  case $unit in
    '' | -* | *[!A-Za-z0-9:_.@\\-]*) refuse "rolling-restart.sh: $word: $unit is not a unit name" ;;
  esac
done

# on HOST/UNIT or UNIT: systemctl VERB...
ask() {
  word=$1 unit=${1#*/} && shift
  case $word in
    */*) ssh -n "${word%%/*}" "${REMOTE_SYSTEMCTL:-systemctl} $manager $* -- '$unit'" ;;
    *) systemctl "$manager" "$@" -- "$unit" ;;
  esac
}

total=$#
number=0
for word in "$@"; do
  number=$((number + 1))
  code=0
  ask "$word" restart || code=$?
  if [ "$code" != 0 ]; then
    # systemctl or ssh has printed the reason of the first three
    if [ "$code" = 4 ]; then
      what='was not restarted: systemd refused it'
    elif [ "$code" = 5 ]; then
      what='cannot be started'
    elif ! ask "$word" show --property=ActiveState >/dev/null 2>&1; then
      what='was not restarted: systemd cannot be reached'
    else
      what='did not become ready'
    fi
    echo "rolling-restart.sh: $word $what; stopped here; $((total - number)) of $total not restarted" >&2 || true
    [ "$what" != 'did not become ready' ] || ask "$word" --no-pager --lines=10 status >&2 || true
    exit 1
  fi
  echo "$word ready ($number of $total)"
done
