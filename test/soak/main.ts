import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runSoak } from './soak.ts';
import { describeSoak, judgeSoak } from './verdict.ts';

/** `make soak MINUTES=n`: the report goes to .proofmark/soak.json, what it says to standard output. */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const minutes = Number(values.minutes);
if (!(minutes >= 1)) throw new Error('--minutes is at least 1');
const report = await runSoak({ minutes, onProgress: (line) => console.log(line) });
const claims = judgeSoak(report, 'quiet');
const file = join(import.meta.dirname, '../../.proofmark/soak.json');
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify({ ...report, claims }, null, 2)}\n`);
process.stdout.write(describeSoak(report, claims));
process.exitCode = claims.every(({ holds }) => holds) ? 0 : 1;
