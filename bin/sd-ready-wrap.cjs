#!/usr/bin/env node
'use strict';
require('../dist/sd-ready-wrap.cjs');
