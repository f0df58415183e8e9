#!/usr/bin/env node
import { run } from './run.ts';

process.exitCode = await run({
  args: process.argv.slice(2),
  style: { colours: process.stdout.isTTY },
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
  now: () => Date.now(),
  terminal: process.stderr.isTTY ? { columns: process.stderr.columns } : 'none',
});
