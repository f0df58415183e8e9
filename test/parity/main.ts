import { parseArgs } from 'node:util';
import { ROUND } from './cases.ts';
import { reportOn } from './report.ts';
import { replay, runParity } from './run.ts';

/**
 * npx tsx test/parity/main.ts --count 20000 --shard 1/4 --folder .proofmark/parity
 * npx tsx test/parity/main.ts --case nitro:1234
 */
const { values } = parseArgs({
  options: {
    case: { type: 'string' },
    count: { type: 'string', default: '20000' },
    shard: { type: 'string', default: '1/1' },
    folder: { type: 'string', default: '.proofmark/parity' },
  },
});

if (values.case === undefined) {
  const [, shard = '', shards = ''] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(values.shard) ?? [];
  const count = Number(values.count);
  if (shard === '' || Number(shard) > Number(shards)) throw new RangeError('--shard 1/4 is the first of four');
  if (!Number.isSafeInteger(count) || count < 1) throw new RangeError('--count 20000');
  const say = (line: string): void => console.log(line);
  const outcomes = await runParity({ count, shard: Number(shard), shards: Number(shards), folder: values.folder, say });
  // Neighbours go to different shards, so that a shard of several rounds has every kind; a short one need not.
  const { lines, faults } = reportOn(outcomes, { everyKind: outcomes.length >= 3 * ROUND });
  for (const line of [...lines, ...faults]) console.log(line);
  process.exitCode = faults.length === 0 ? 0 : 1;
} else {
  const outcome = await replay(values.case);
  console.log(JSON.stringify(outcome, null, 2));
  process.exitCode = outcome.disagreements.length === 0 ? 0 : 1;
}
