#!/usr/bin/env node
// What forge takes for a native `solc`: the pinned compiler from the package registry, which runs wherever Node does.
import { readFileSync } from 'node:fs';
import solc from 'solc';

if (process.argv.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes('--standard-json')) {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')));
} else {
  console.error(`not offered: ${process.argv.slice(2).join(' ')}`);
  process.exitCode = 1;
}
