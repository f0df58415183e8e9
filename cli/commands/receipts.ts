import { clientSuite, nodeTransport } from '../../client/index.ts';
import { archiveOfLookup } from '../../client/receipts/archive.ts';
import { lookUpReceipts } from '../../client/receipts/lookup.ts';
import { newestHead } from '../../client/receipts/newest-head.ts';
import type { Asker } from '../../client/receipts/prove-worker.ts';
import { fromHex } from '../../wire/bytes.ts';
import { saveAnswersAs } from '../chat/saved-answers.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { headJson, headText, lookupsJson, lookupsText } from '../receipts/render.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { readPolicy } from './policy-file.ts';

const options = {
  policy: { type: 'string' },
  save: { type: 'string' },
  json: { type: 'boolean' },
  head: { type: 'boolean' },
  log: { type: 'string' },
  checkpoint: { type: 'boolean' },
} as const;

export const receiptsUsage = `proofmark receipts URL REQUEST-ID --policy FILE [--json] [--save FILE.proofmark]
  Looks up at a host what a worker signed for a request, and checks it as far as that goes without request and answer: the
  worker's evidence against the policy, the head's signature, and the receipt's place in the log. A request id that was used twice
  has several, which are all shown. Exits 40 where the host has no evidence of a log any more.
proofmark receipts URL --head --policy FILE [--log HEX] [--json | --checkpoint]
  The newest head that the host shows of a worker's log, checked; with --checkpoint as C2SP's tlog-checkpoint text.`;

const TIMEOUT_MS = 30_000;

export async function receipts(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const [url, id, ...rest] = parsed.positionals;
  if (url === undefined || rest.length > 0) throw new UsageError('name one host URL and one request id');
  const wantsHead = parsed.values['head'] === true;
  refuseOthers(parsed, wantsHead);
  if (wantsHead !== (id === undefined)) throw new UsageError('name a request id, or ask for the --head');
  const names = { id: hexOption('a request id', id), log: hexOption('--log', textOption(parsed, 'log')) };
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const host = nodeTransport({ url, timeoutMs: TIMEOUT_MS });
  const asker: Asker = { host, policy, suite: clientSuite, now: context.now };
  return names.id === undefined
    ? showHead(context, parsed, asker, names.log)
    : showReceipts(context, parsed, asker, names.id);
}

function refuseOthers(parsed: Parsed, wantsHead: boolean): void {
  const strange = wantsHead ? ['save'] : ['log', 'checkpoint'];
  const given = strange.find((name) => parsed.values[name] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given} is ${wantsHead ? 'for a request id' : 'for the --head'}`);
  if (parsed.values['checkpoint'] === true && parsed.values['json'] === true) {
    throw new UsageError('--json or --checkpoint, not both');
  }
}

function hexOption(what: string, text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/.test(text)) throw new UsageError(`${what} is 64 lower-case hex digits`);
  return fromHex(text, 32);
}

async function showReceipts(context: CommandContext, parsed: Parsed, asker: Asker, id: Uint8Array): Promise<number> {
  const lookups = await lookUpReceipts(asker, id);
  context.write(parsed.values['json'] === true ? lookupsJson(lookups) : lookupsText(lookups, context.style));
  const save = textOption(parsed, 'save');
  const saved = save === undefined ? undefined : saveAnswersAs(save, lookups.found.length > 1 ? 'several' : 'one');
  for (const lookup of lookups.found) {
    if (saved === undefined) continue;
    if (lookup.verdict === 'undetermined') context.warn('not saved: an archive needs the evidence\n');
    else await saved.save(await archiveOfLookup(asker, lookup));
  }
  return lookups.found.every(({ verdict }) => verdict === 'origin-only') ? exitCode.accepted : exitCode.undetermined;
}

async function showHead(
  context: CommandContext,
  parsed: Parsed,
  asker: Asker,
  log: Uint8Array | undefined,
): Promise<number> {
  const head = await newestHead(asker, log);
  if (parsed.values['checkpoint'] === true) context.write(head.checkpoint);
  else context.write(parsed.values['json'] === true ? headJson(head) : headText(head));
  return exitCode.accepted;
}
