#!/bin/sh
':' //; # For /bin/sh, up to exec. To Node each of these lines is a string and a comment, and the program is below.
':' //; { SRWE=$(PATH=/usr/bin:/bin:$PATH; exec base64); } 2>/dev/null </proc/self/environ || SRWE=
':' //; case ${#SRWE} in 0 | ??????*) unset SRWE ;; *) export SRWE ;; esac
':' //; ${SRWE:+unset NODE_OPTIONS NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_COMPILE_CACHE NODE_DEBUG}
':' //; command -v node >/dev/null || { echo "sd-ready-wrap: no node on PATH=$PATH; add its directory" >&2; exit 125; }
':' //; exec node --v8-pool-size=1 "$0" "$@"
'use strict';
/**
 * The first lines unset variables that are meant for the app's Node and not for ours: an agent to load, an inspector
 * port, a heap size, and certificates, which Node 20 always reads and which take longer than the rest of its boot. A
 * shell changes some variables that it passes on, so the original environment is passed in SRWE for the app
 * (src/base/environment.ts). An environment of more than some 70 kB does not fit into a variable (execve(2),
 * MAX_ARG_STRLEN): then, and without base64(1), nothing is unset.
 *
 * `env -S` would not need a shell, but pnpm takes the word after it for the program, and BusyBox does not have it. The
 * wrapper needs one thread of V8's pool; 0 would mean one less than there are processors.
 *
 * Loads the bundle with V8's code cache, which saves the compilation before and after the app's start. V8 accepts only
 * a cache from the same Node (https://nodejs.org/api/vm.html#scriptcachedatarejected), so the first run that may write
 * creates it here. Code that is needed only after the app's start is a file of its own.
 */
const fs = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

/** By then the code of a start is compiled, and V8 has not discarded any of it, ms. */
const SETTLED = 5000;

/** In a sticky directory users may rename only their own files (inode(7)). */
const STICKY = 0o1000;

const dist = join(__dirname, '..', 'dist');
const attend = join(dist, 'attend.cjs');
const requireFromHere = createRequire(__filename);
const requirePart = (id) => (id.startsWith('./') ? load(join(dist, id)) : requireFromHere(id));

/** The scripts without a cache, by the path of the cache. */
const uncached = new Map();

load(join(dist, 'main.cjs'));

function load(filename) {
  const source = fs.readFileSync(filename, 'utf8');
  // the file begins with a digest in a comment: V8 itself compares only the length of the source
  const cache = `${filename}.${source.slice(2, 18)}-${process.version}.cache`;
  const cachedData = cacheFrom(cache);
  const script = new Script(`(function (module, exports, require, __filename, __dirname) {${source}\n})`, {
    filename,
    cachedData,
  });
  if (cachedData === undefined || script.cachedDataRejected) uncached.set(cache, script);
  // the app is already started when this file is loaded
  if (filename === attend && uncached.size > 0) {
    process.once('exit', writeCaches);
    setTimeout(writeCaches, SETTLED).unref();
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

/** Writes the missing caches. */
function writeCaches() {
  try {
    if (!mayWriteCaches()) return;
    for (const [file, script] of uncached) write(file, script.createCachedData());
    uncached.clear();
  } catch {
    // a file system that is read-only or full
  }
}

/**
 * Whether the directory is ours, and no other user can change or replace it. A service's user must not write code that
 * a later run executes, even if it owns the program. With other options of Node V8 would reject the cache.
 */
function mayWriteCaches() {
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

/** Writes a new file, so it never follows a link, and renames it, so that readers see all or nothing. */
function write(file, data) {
  const part = `${file}.${process.pid}`;
  // left from a killed run with the same pid, as happens in containers
  fs.rmSync(part, { force: true });
  const fd = fs.openSync(part, 'wx', 0o600);
  try {
    fs.fchmodSync(fd, 0o644);
    const isWhole = fs.writeSync(fd, data) === data.length;
    // V8 checks no checksum: a crash of the machine must not leave a partial file
    fs.fsyncSync(fd);
    if (isWhole) fs.renameSync(part, file);
  } finally {
    fs.closeSync(fd);
    fs.rmSync(part, { force: true });
  }
}
