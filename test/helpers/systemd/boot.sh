#!/usr/bin/env bash
# Boots a private systemd in namespaces of its own, and keeps it until standard input ends: boot.sh user|system UID
#
# Standard output: the pid of the process that holds the namespaces; its only child is their pid 1. An open standard
# input keeps it all alive, so a killed test run leaves nothing behind.
#
# Variables:
#   PS_BIND    lines `SOURCE TARGET`: what to bind-mount, TARGET below /run
#   PS_LOG     log level of the manager
# PS_ROOT    the root directory of another Debian, made with debootstrap(8): its systemd is booted in it
#
# The private systemd shares with the host: the network, the files and /tmp. It has its own processes, mounts, cgroup
# tree, /run, host name and IPC. /etc and /proc/sys are read-only for it: a pid 1 writes to both (machine-id(5),
# net.unix.max_dgram_qlen), and the host must not be changed.
set -eu

outside() {
  # A hybrid host has its version 2 tree here, with the version 1 controllers beside it; otherwise all of it is version
  # 2
  local top=/sys/fs/cgroup/unified
  [ -d "$top" ] || top=/sys/fs/cgroup
  group=$top/private-systemd-$$
  mkdir "$group"
  trap 'exit 143' TERM INT HUP
  trap clean EXIT
  # The cgroup first, then the namespace: a cgroup namespace has its root at its first process, cgroup_namespaces(7)
  (
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --pid --fork --kill-child --cgroup --ipc --uts --mount-proc --propagation private \
      bash "$0" inside "$@"
  ) </dev/null >&2 &
  holder=$!
  echo "$holder"
  while read -r _; do :; done
}

clean() {
  if [ -n "${holder:-}" ]; then
    # Kill pid 1, not its parent: unshare then ends when pid 1 can be reaped, which is when the last process of the
    # namespace is gone and reaped, pid_namespaces(7). Kill the parent only if there is no pid 1 yet.
    local init=
    read -r init <"/proc/$holder/task/$holder/children" 2>/dev/null || true
    kill -KILL ${init:-$holder} 2>/dev/null || true
    wait "$holder" 2>/dev/null || true
  fi
  # The kernel takes the dead out of their cgroups a moment later
  local tries=500
  while [ -d "$group" ] && [ $((tries -= 1)) -gt 0 ]; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.01
  done
}

inside() {
  mode=$1 uid=$2
  old=
  if [ -n "${PS_ROOT:-}" ]; then
    mount --bind "$PS_ROOT" "$PS_ROOT"
    for shared in proc sys dev tmp; do mount --rbind "/$shared" "$PS_ROOT/$shared"; done
    mount -t tmpfs tmpfs "$PS_ROOT/mnt"
    mkdir "$PS_ROOT/mnt/old"
    cd "$PS_ROOT"
    pivot_root . mnt/old
    cd /
    old=/mnt/old
  fi
  umount -R /sys/fs/cgroup 2>/dev/null || true
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  for tree in /etc /proc/sys; do
    mount --bind "$tree" "$tree"
    mount -o remount,bind,ro "$tree"
  done
  # The sources may be below what is covered next, so bind mounts under separate names keep them reachable
  holding=$(mktemp -d /tmp/private-systemd.XXXXXX)
  mount -t tmpfs tmpfs "$holding"
  while read -r from to; do
    [ -n "$to" ] || continue
    mkdir -p "$holding/${to%/*}"
    if [ -d "$old$from" ]; then mkdir "$holding/$to"; else : >"$holding/$to"; fi
    mount --bind "$old$from" "$holding/$to"
  done <<<"${PS_BIND:-}"
  mount --no-mtab --move "$holding" /run
  rmdir "$holding"
  if [ -n "$old" ]; then umount --lazy "$old"; fi
  chmod 755 /run
  mkdir -p /run/lock /run/systemd/system

  # Without a journal, a manager's messages about units go to the kernel log: a FIFO in its place catches them
  mkfifo -m 666 /run/kmsg
  : >/run/manager.log
  chmod 644 /run/manager.log
  cat <>/run/kmsg >>/run/manager.log 2>/dev/null &
  if [ -e /dev/kmsg ]; then mount --bind /run/kmsg /dev/kmsg; fi

  case $mode in
    user) units=/run/user/$uid/systemd/user ;;
    system) units=/run/systemd/system ;;
  esac
  mkdir -p "$units"
  # An empty machine: the targets that every unit depends on by default, systemd.special(7), without their units
  for target in default basic sysinit shutdown umount final exit sockets timers paths \
    network network-online multi-user; do
    printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" >"$units/$target.target"
  done
  chmod 755 "$units"
  # Where `systemctl enable` writes, systemd.unit(5): not to the host
  local enabled=/etc/systemd/system
  if [ "$mode" = system ]; then
    mount -t tmpfs -o mode=755 tmpfs "$enabled"
  else
    export XDG_CONFIG_HOME=/run/user/$uid/config
    enabled=$XDG_CONFIG_HOME/systemd/user
    mkdir -p "$enabled"
  fi

  unset NOTIFY_SOCKET DBUS_SESSION_BUS_ADDRESS INVOCATION_ID JOURNAL_STREAM LISTEN_FDS LISTEN_PID \
    WATCHDOG_USEC WATCHDOG_PID
  # container=: pid 1 then leaves hardware, clock and console alone. The unit path: no unit of the host.
  export container=private-systemd SYSTEMD_UNIT_PATH=$enabled:$units SYSTEMD_LOG_RATELIMIT_KMSG=0
  systemd=/lib/systemd/systemd
  [ -x "$systemd" ] || systemd=/usr/lib/systemd/systemd
  manager="$systemd --$mode --log-target=kmsg --log-level=${PS_LOG:-info} --unit=default.target"
  if [ "$mode" = system ]; then
    exec $manager </dev/null >/dev/null 2>&1
  fi

  # A user manager owns a cgroup below the root and none of its processes are in the root itself, as in a real session
  mkdir /sys/fs/cgroup/session
  chown -R "$uid:$uid" /sys/fs/cgroup/session "/run/user/$uid"
  chown "$uid" /sys/fs/cgroup/cgroup.procs
  chmod 700 "/run/user/$uid"
  export XDG_RUNTIME_DIR=/run/user/$uid HOME=/tmp
  (
    echo "$BASHPID" >/sys/fs/cgroup/session/cgroup.procs
    exec setpriv --reuid "$uid" --regid "$uid" --clear-groups $manager </dev/null >/dev/null 2>&1
  ) &
  # pid 1 of the namespaces: reaps what is handed to it until it is killed
  while :; do wait -n || [ $? -ne 127 ] || exit 1; done
}

case ${1:-} in
  user | system) outside "$@" ;;
  inside) shift && inside "$@" ;;
  *) echo 'usage: boot.sh user|system UID' >&2 && exit 64 ;;
esac
