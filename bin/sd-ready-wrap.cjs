#!/usr/bin/env node
'use strict';
/**
 * Loads the bundle with V8's code cache, which saves compiling it before the app can start. The build makes the cache;
 * V8 refuses it where the Node or its flags differ, and then compiles as ever
 * (https://nodejs.org/api/vm.html#scriptcachedatarejected).
 */
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, '..', 'dist', 'sd-ready-wrap.cjs');

const script = new Script(`(function (require, __filename, __dirname) {${readFileSync(filename, 'utf8')}\n})`, {
  filename,
  cachedData: codeCache(),
});
script.runInThisContext()(createRequire(filename), filename, dirname(filename));

function codeCache() {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

module.exports = script;
