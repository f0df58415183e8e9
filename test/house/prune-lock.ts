import { readFileSync, writeFileSync } from 'node:fs';
import { isLocked } from './rules/package.ts';

interface LockFile {
  readonly packages: Readonly<Record<string, { optionalDependencies?: Record<string, string> }>>;
}

// A registry that lacks an optional package for some other platform makes npm write its name without an entry, and
// `npm ci` then refuses the file. Run this after every `npm install`; `make check` fails when it was forgotten.
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as LockFile;
for (const [path, entry] of Object.entries(lock.packages)) {
  const wanted = entry.optionalDependencies;
  if (path === '' || wanted === undefined) continue;
  const kept = Object.entries(wanted).filter(([name]) => isLocked(path, name, lock.packages));
  if (kept.length === 0) delete entry.optionalDependencies;
  else entry.optionalDependencies = Object.fromEntries(kept);
}
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
