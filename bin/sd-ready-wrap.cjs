#!/bin/sh
':' //; # For /bin/sh, up to exec. To Node each of these lines is a string and a comment, and the program is below.
':' //; { SRWE=$(PATH=/usr/bin:/bin:$PATH; exec base64); } 2>/dev/null </proc/self/environ || SRWE=
':' //; case ${#SRWE} in 0 | ??????*) unset SRWE ;; *) export SRWE ;; esac
':' //; ${SRWE:+unset NODE_OPTIONS NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_COMPILE_CACHE NODE_DEBUG}
':' //; command -v node >/dev/null || { echo "sd-ready-wrap: no node on PATH=$PATH; add its directory" >&2; exit 125; }
':' //; exec node --v8-pool-size=1 "$0" "$@"
'use strict';
/**
 * The first lines keep what is meant for the app's Node from ours: an agent to be loaded, a debugger's port, a size of
 * the heap; and certificates, which Node 20 reads whether it needs them or not, for longer than the rest of its boot
 * takes. A shell changes some of what it passes on, so it hands over the environment as it was, for the app
 * (src/base/environment.ts). A large one, of some 70 kB, has no room in a variable (execve(2), MAX_ARG_STRLEN): then,
 * and if there is no base64(1), our Node obeys what the app's does.
 *
 * `env -S` would do without a shell, but pnpm takes the word behind it for the program, and BusyBox has none. Of V8's
 * threads a wrapper needs one; 0 would be as many as there are processors, less one.
 *
 * Loads the bundle with V8's code cache, which saves a third of a boot of Node before the app is started, and as much
 * behind it. V8 takes only what the same Node has made (https://nodejs.org/api/vm.html#scriptcachedatarejected), so it
 * is made here, by the first run that may. What is needed only once the app runs is a part of its own.
 */
const fs = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

/** By then all of a start has been compiled, and nothing of it is thrown away again, ms. */
const SETTLED = 5000;

/** In such a directory each may rename what is its own (inode(7)). */
const STICKY = 0o1000;

const dist = join(__dirname, '..', 'dist');
const attend = join(dist, 'attend.cjs');
const requireFromHere = createRequire(__filename);
const requirePart = (id) => (id.startsWith('./') ? load(join(dist, id)) : requireFromHere(id));

/** The scripts without a cache, by the file where it is to be. */
const uncached = new Map();

load(join(dist, 'main.cjs'));

function load(filename) {
  const source = fs.readFileSync(filename, 'utf8');
  // it begins with a digest, in a comment: V8 itself compares no more than the length
  const cache = `${filename}.${source.slice(2, 18)}-${process.version}.cache`;
  const cachedData = cacheFrom(cache);
  const script = new Script(`(function (module, exports, require, __filename, __dirname) {${source}\n})`, {
    filename,
    cachedData,
  });
  if (cachedData === undefined || script.cachedDataRejected) uncached.set(cache, script);
  // an app is started then
  if (filename === attend && uncached.size > 0) {
    process.once('exit', keep);
    setTimeout(keep, SETTLED).unref();
  }
  const module = { exports: {} };
  script.runInThisContext()(module, module.exports, requirePart, filename, dirname(filename));
  return module.exports;
}

function cacheFrom(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Makes the caches that are missing. */
function keep() {
  try {
    if (!mayKeep()) return;
    for (const [file, script] of uncached) write(file, script.createCachedData());
    uncached.clear();
  } catch {
    // a file system that is read-only or full
  }
}

/**
 * Whether the directory is ours, and no other user can change or replace it. A service's user is not to write what a
 * later run executes, even if the program is its own. Nor is what other options of Node have made: V8 would refuse it.
 */
function mayKeep() {
  const own = process.geteuid();
  if (process.env.NODE_OPTIONS || process.execArgv.some((option) => option !== '--v8-pool-size=1')) return false;
  if (own !== 0 && process.env.INVOCATION_ID !== undefined) return false;
  const isSafe = (directory) => {
    const { uid, mode } = fs.lstatSync(directory);
    const isClosed = (mode & 0o022) === 0 || (directory !== dist && (mode & STICKY) !== 0);
    return isClosed && (uid === own || (uid === 0 && directory !== dist));
  };
  const isSafeUpFrom = (directory) =>
    isSafe(directory) && (directory === dirname(directory) || isSafeUpFrom(dirname(directory)));
  return isSafeUpFrom(dist);
}

/** Under a name that is new, so never by a link, and all of it at once. */
function write(file, data) {
  const part = `${file}.${process.pid}`;
  // of a run that was killed, and had the same pid in its container
  fs.rmSync(part, { force: true });
  const fd = fs.openSync(part, 'wx', 0o600);
  try {
    fs.fchmodSync(fd, 0o644);
    const isWhole = fs.writeSync(fd, data) === data.length;
    // V8 has no checksum: a crash of the machine must not leave half of it
    fs.fsyncSync(fd);
    if (isWhole) fs.renameSync(part, file);
  } finally {
    fs.closeSync(fd);
    fs.rmSync(part, { force: true });
  }
}
