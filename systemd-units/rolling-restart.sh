#!/bin/sh
# Restarts units one after another, on this host or on others, each only when the one before it is ready again, and
# stops at the first failure, so that a bad version takes down one instance and not all:
#
#   rolling-restart.sh app@3001 app@3002 app@3003
#   rolling-restart.sh web1/app web2/app deploy@web3/app
#
# HOST/UNIT is asked for by ssh(1). $REMOTE_SYSTEMCTL is what runs there: 'sudo systemctl', say.
# No waiting is needed between them: systemctl restart of a Type=notify unit is back when the unit is ready.
set -eu

usage='usage: rolling-restart.sh [--user] [HOST/]UNIT...   (rolling-restart.sh app@3001 app@3002, or web1/app web2/app)'

# whether or not anybody reads why
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

# the words are checked before anything is restarted: a shell on another host would read them again
for word in "$@"; do
  unit=${word#*/}
  case $word in
    /* | -*) refuse "rolling-restart.sh: $word: not [HOST/]UNIT" ;;
  esac
  case $unit in
    '' | -* | *[!A-Za-z0-9:_.@\\-]*) refuse "rolling-restart.sh: $word: $unit is no name of a unit" ;;
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
    # 5: a unit that is not there, its own or one that it needs, which systemctl has named
    what='did not become ready'
    [ "$code" != 5 ] || what='cannot be started'
    echo "rolling-restart.sh: $word $what; stopped, $((total - number)) of $total not touched" >&2 || true
    [ "$code" = 5 ] || ask "$word" --no-pager --lines=10 status >&2 || true
    exit 1
  fi
  echo "$word ready ($number of $total)"
done
