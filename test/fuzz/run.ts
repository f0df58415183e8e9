import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toHex } from '../../wire/bytes.ts';
import { bundleTarget, PARSERS } from './driver/bundle.ts';
import { type Campaign, runCampaign } from './driver/campaign.ts';
import { addCrash, corpusFolder, measureBundle, minimise, readCorpus, writeCorpus } from './driver/corpus.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets.ts';

const root = process.cwd();
const { values } = parseArgs({
  options: {
    /** For all targets together, while their fuzzers run; loading each takes a second or two more. */
    seconds: { type: 'string', default: '60' },
    target: { type: 'string', multiple: true, default: Object.keys(targets) },
    /** Adds what was found to the committed corpus. */
    keep: { type: 'boolean', default: false },
  },
});

const chosen = values.target.map((name): readonly [string, FuzzTarget] => {
  const target = targets[name];
  if (target === undefined) throw new Error(`no target ${name}; there are ${Object.keys(targets).join(', ')}`);
  return [name, target];
});
/** jsfuzz says every three seconds how far it is; a shorter run could not be told from one that did nothing. */
const MINIMUM = 4;
const lanes = Math.min(availableParallelism(), chosen.length);
const seconds = Math.max(MINIMUM, (Number(values.seconds) * lanes) / chosen.length);
if (!Number.isFinite(seconds)) throw new Error(`--seconds wants a number, not ${values.seconds}`);
const scratch = mkdtempSync(join(tmpdir(), 'proofmark-fuzz-'));

let failures = 0;
let executions = 0;

async function attack(name: string, { seeds }: FuzzTarget): Promise<void> {
  const folder = corpusFolder(root, name);
  const kept = readCorpus(folder);
  const own = join(scratch, name.replaceAll('/', '-'));
  const bundle = await bundleTarget(name, { root, guiding: PARSERS });
  const campaign = await runCampaign({ bundle, inputs: [...seeds, ...kept.values()], seconds, scratch: own });
  executions += campaign.executions;
  const news = await keepNews();
  console.log(
    `${campaign.end.kind === 'time-up' ? 'ok  ' : 'FAIL'} ${name.padEnd(24)} ${`${campaign.executions}`.padStart(8)} inputs, ${`${campaign.coverage}`.padStart(5)} points, ${news}`,
  );
  if (campaign.end.kind === 'time-up') return;
  failures++;
  explain(campaign, folder);

  async function keepNews(): Promise<string> {
    if (campaign.end.kind !== 'time-up') return 'nothing kept';
    const file = join(own, 'measured.cjs');
    writeFileSync(file, bundle);
    const corpus = await minimise(measureBundle(file), { seeds, kept, found: [...campaign.found.values()] });
    if (values.keep) writeCorpus(folder, corpus);
    return `${corpus.size} in the corpus, ${[...corpus.keys()].filter((key) => !kept.has(key)).length} new`;
  }
}

function explain({ end, output }: Campaign, folder: string): void {
  console.log(output.split('\n').slice(-40).join('\n'));
  if (end.kind !== 'crash') return;
  console.log(`input (hex): ${toHex(end.input)}`);
  console.log(`kept as ${addCrash(folder, end.input)}: test/fuzz/replay.test.ts fails until this is mended`);
}

const queue = [...chosen];
async function runLane(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await attack(...next);
}

try {
  await Promise.all(Array.from({ length: lanes }, runLane));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(
  `fuzz ${failures === 0 ? 'passed' : 'failed'}: ${chosen.length} targets, ${executions} inputs, ${failures} failures`,
);
process.exitCode = failures === 0 ? 0 : 1;
