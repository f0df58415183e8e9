#!/usr/bin/env node
import { wantsColours } from './colours.ts';
import { run } from './run.ts';

process.exitCode = await run({
  args: process.argv.slice(2),
  style: { colours: wantsColours(process.env, process.stdout.isTTY ? 'terminal' : 'no-terminal') },
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
  now: () => Date.now(),
  terminal: process.stderr.isTTY ? { columns: process.stderr.columns } : 'none',
});
