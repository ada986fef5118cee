#!/bin/sh
':' //; # For /bin/sh, up to exec. To Node each of these lines is a string and a comment, and the program is below.
':' //; { SRWE=$(exec base64); } 2>/dev/null </proc/self/environ || SRWE=
':' //; case ${#SRWE} in 0 | ??????*) unset SRWE ;; *) export SRWE="$$ $SRWE" ;; esac
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
 * Loads the bundle with V8's code cache, which saves compiling it before the app can start. The build makes the cache;
 * V8 refuses it where the Node or its flags differ, and then compiles as ever
 * (https://nodejs.org/api/vm.html#scriptcachedatarejected). What is needed only once the app runs is a part of its own.
 */
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '..', 'dist');
const requireFromHere = createRequire(__filename);
const requirePart = (id) => (id.startsWith('./') ? load(join(dist, id)) : requireFromHere(id));

/** Every part loaded so far, by its file: what the build makes the caches of. */
const scripts = new Map();

load(join(dist, 'main.cjs'));

function load(filename) {
  const script = new Script(
    `(function (module, exports, require, __filename, __dirname) {${readFileSync(filename, 'utf8')}\n})`,
    { filename, cachedData: codeCache(filename) },
  );
  scripts.set(filename, script);
  const module = { exports: {} };
  script.runInThisContext()(module, module.exports, requirePart, filename, dirname(filename));
  return module.exports;
}

function codeCache(filename) {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

module.exports = scripts;
