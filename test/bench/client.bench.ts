import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { clientSuite, createClient, floatTensor, type HostTransport, nodeTransport } from '../../client/index.ts';
import { fetchTransport } from '../../client/web.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import type { Report } from './report.ts';

const CALLS = 400;
/** Until the engine has compiled what every call runs. */
const WARM_UP = 1_500;
const ROUNDS = 5;
const TIMEOUT_MS = 10_000;

interface Served {
  readonly url: string;
  readonly rules: JsonValue;
  readonly now: number;
  readonly model: string;
}

/** Processor time of one small sealed call, all checks made, after the session is open; the host runs elsewhere. */
export async function run(report: Report): Promise<void> {
  const child = spawn(
    process.execPath,
    ['--import', createRequire(import.meta.url).resolve('tsx'), join(import.meta.dirname, 'client/host.ts')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const served = await firstLine(child);
    const { url } = served;
    report.add('client.call_us', await callMicroseconds(served, nodeTransport({ url, timeoutMs: TIMEOUT_MS })));
    report.add('client.call_fetch_us', await callMicroseconds(served, fetchTransport({ url, timeoutMs: TIMEOUT_MS })));
  } finally {
    child.kill();
    await once(child, 'exit');
  }
}

async function firstLine(child: ChildProcess): Promise<Served> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  for await (const line of lines) return JSON.parse(line) as Served;
  throw new TypeError('the host said nothing');
}

/** The median of some rounds: a collection of garbage in one of them is not the next caller's cost. */
async function callMicroseconds({ rules, now, model }: Served, host: HostTransport): Promise<number> {
  const policy = parseWorkerPolicy(rules);
  const client = createClient({ host, policy, suite: clientSuite, now: () => now });
  const inputs = [floatTensor('x', [1, 2], Float32Array.of(1, 2))];
  const call = { modelId: fromHex(model, 32), inputs, outputs: 'all', format: 'binary' } as const;
  const rounds: number[] = [];
  for (let i = 0; i < WARM_UP; i++) await client.infer(call);
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS; i++) await client.infer(call);
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / CALLS);
  }
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
}
