import { clientSuite, nodeTransport } from '../../client/index.ts';
import { type Asker, proveWorker } from '../../client/receipts/prove-worker.ts';
import { fromHex, toHex } from '../../wire/bytes.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { chainLines, heading, jsonLine, workerLines } from '../report.ts';
import { workersJson, workersText } from '../worker/render.ts';
import { surveyWorkers } from '../worker/survey.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { Command, CommandContext } from './context.ts';
import { type FamilyCommands, familyOf } from './family.ts';
import { readPolicy } from './policy-file.ts';

/** What its commands have in common; each has a text of its own. */
export const workerUsage = `proofmark worker COMMAND ...
  The workers behind a host, each asked for evidence of its own; and a simulated one to put behind a host.`;

const workerRunUsage = `proofmark worker run --release DIR --state DIR [--configuration FILE.cbor] [--tier process|vm] [--json]
             [--tee aws-nitro | --tee amd-sev-snp [--product milan|genoa|turin]]
  A simulated worker for a host that you start yourself: prints the socket, a policy that accepts just this worker, and the
  host's command line. Without --configuration one is written that serves the release's publisher for nothing. The
  evidence is signed by a root of this machine: nobody vouches for it. Runs until it is told to stop; the worker's keys
  and log end with it. With --json one line once it runs.`;

export const workerCommands: FamilyCommands = {
  list: {
    usage: `proofmark worker list URL --policy FILE [--json]
  Each worker that a host names: proven or not and why, hardware, image, configuration, models, and until when. Exits 0
  where all are proven, 30 where one is not.`,
    load: async () => list,
  },
  show: {
    usage: `proofmark worker show URL [LOG] --policy FILE [--json]
  One worker in full, with the certificates that vouch for it.`,
    load: async () => show,
  },
  run: {
    usage: workerRunUsage,
    // It needs what a machine that runs workers has installed.
    load: async () => (await import('./worker-run.ts')).workerRun,
  },
};

export const worker: Command = familyOf('worker', workerCommands);

const TIMEOUT_MS = 30_000;

async function list(context: CommandContext): Promise<number> {
  const parsed = parse(context);
  const [url, ...rest] = parsed.positionals;
  if (url === undefined || rest.length > 0) throw new UsageError('name one host URL');
  return listOf(context, await askerOf(context, parsed, url), parsed);
}

export async function listOf(context: CommandContext, asker: Asker, { values }: Parsed): Promise<number> {
  const found = await surveyWorkers(asker);
  const { style, now } = context;
  context.write(values['json'] === true ? workersJson(found) : workersText(found, style, now()));
  const areProven = found.length > 0 && found.every(({ proof }) => proof.kind === 'proven');
  return areProven ? exitCode.accepted : exitCode.refused;
}

async function show(context: CommandContext): Promise<number> {
  const parsed = parse(context);
  const [url, log, ...rest] = parsed.positionals;
  if (url === undefined || rest.length > 0) throw new UsageError('name one host URL and at most one log');
  if (log !== undefined && !/^[0-9a-f]{64}$/.test(log)) throw new UsageError('a log is 64 lower-case hex digits');
  const asker = await askerOf(context, parsed, url);
  const { worker: proven } = await proveWorker(asker, log === undefined ? undefined : fromHex(log, 32));
  if (parsed.values['json'] === true) {
    const facts = { log: toHex(proven.log), level: proven.level, tee: proven.tee, image: toHex(proven.imageId) };
    const until = new Date(proven.acceptedUntil).toISOString();
    const configuration = toHex(proven.identity.config);
    context.write(jsonLine(JSON.stringify({ ...facts, configuration, acceptedUntil: until })));
    return exitCode.accepted;
  }
  context.write(heading('Worker', context.style) + workerLines(proven, context.style));
  context.write(heading('Evidence chain', context.style) + chainLines(proven));
  return exitCode.accepted;
}

function parse(context: CommandContext): Parsed {
  return parseArguments(context.args, { policy: { type: 'string' }, json: { type: 'boolean' } });
}

async function askerOf(context: CommandContext, parsed: Parsed, url: string): Promise<Asker> {
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const host = nodeTransport({ url, timeoutMs: TIMEOUT_MS });
  return { host, policy, suite: clientSuite, now: context.now };
}
