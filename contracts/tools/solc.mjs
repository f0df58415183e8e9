#!/usr/bin/env node
// What forge takes for a native `solc`: the pinned compiler from the package registry, which runs wherever Node does.
import { readFileSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import solc from 'solc';

if (process.argv.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes('--standard-json')) {
  process.stdout.write(compile(JSON.parse(readFileSync(0, 'utf8'))));
} else {
  console.error(`not offered: ${process.argv.slice(2).join(' ')}`);
  process.exitCode = 1;
}

/**
 * forge names a file outside of the project by a relative path where a file of the project imports it, and by its
 * absolute path where another file out there does. A native solc would find the file under either name; this one reads no
 * files, so every file gets the first kind of name, and forge is answered by the names that it gave.
 */
function compile(input) {
  const base = process.argv[process.argv.indexOf('--base-path') + 1];
  const short = (name) => (isAbsolute(name) ? relative(base, name) : name);
  const given = new Map(Object.keys(input.sources).map((name) => [short(name), name]));
  const renamed = (object, name) =>
    object && Object.fromEntries(Object.entries(object).map(([key, value]) => [name(key), value]));
  const selection = renamed(input.settings.outputSelection, short);
  const remappings = input.settings.remappings?.map((line) => {
    const [prefix, target] = line.split('=');
    // Without the slash at its end a remapping would glue the names of two folders together.
    return isAbsolute(target) ? `${prefix}=${relative(base, target)}/` : line;
  });
  const settings = { ...input.settings, outputSelection: selection, remappings };
  const output = JSON.parse(
    solc.compile(JSON.stringify({ ...input, sources: renamed(input.sources, short), settings })),
  );
  const original = (name) => given.get(name) ?? name;
  return JSON.stringify({
    ...output,
    ...(output.sources && { sources: renamed(output.sources, original) }),
    ...(output.contracts && { contracts: renamed(output.contracts, original) }),
  });
}
