#!/usr/bin/env -S -uNODE_OPTIONS -uNODE_EXTRA_CA_CERTS SRWO=${NODE_OPTIONS} SRWC=${NODE_EXTRA_CA_CERTS} node --v8-pool-size=1
'use strict';
/**
 * The first line keeps what the unit says to the app's Node from ours: an agent to be loaded, a debugger's port, a size
 * of the heap; and certificates, which Node 20 reads whether it needs them or not, for longer than the rest of its boot
 * takes. And a wrapper has nothing for four threads of V8's to do; 0 would be as many as there are processors, less
 * one.
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
