import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { simulatorPolicy } from '../../cli/stack/policy.ts';
import { floatTensor } from '../../client/index.ts';
import { processTier } from '../../enclave/simulator/process-tier.ts';
import { roleCommand } from '../../enclave/simulator/role.ts';
import {
  type Supervisor,
  type SupervisorEvent,
  startSupervisor,
  workerSocketPath,
} from '../../enclave/simulator/supervisor.ts';
import { buildWorker } from '../../enclave/worker/build/bundle.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { clientOver, demoCall, type Tap, tap, until, workerProcesses } from '../support/stack.ts';

const ROOT = join(import.meta.dirname, '../..');
const platform = { tee: 'aws-nitro', role: null } as const;
/** Sixteen letters, which are four ordinary numbers as a tensor holds them. */
const CANARY = 'pm-canary-7Qx3Zk';

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

let state: string;
let supervisor: Supervisor;
let files: Awaited<ReturnType<typeof writeDemoFiles>>;
let wire: Tap;
let server: Server;
const events: SupervisorEvent[] = [];
const frames: Buffer[] = [];
let secrets: readonly string[];
let laterAnswer: Uint8Array;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'pm-i-'));
  const app = join(state, 'app');
  await mkdir(app);
  const entry = relative(ROOT, fileURLToPath(new URL('./support/telling-worker.ts', import.meta.url)));
  const built = await buildWorker({ root: ROOT, outDir: app, entry });
  files = await writeDemoFiles(state);
  const port = 20_000 + (process.pid % 20_000);
  const host = roleCommand('../../host/main');
  supervisor = await startSupervisor({
    stateDirectory: state,
    tier: processTier({ node: process.execPath, app: built.files.map(({ path }) => join(app, path)), platform }),
    host: {
      command: host.command,
      args: [
        ...host.args,
        ...['--link', workerSocketPath(state), '--state', join(state, 'host'), '--listen', `127.0.0.1:${port}`],
        ...['--configuration', files.configurationFile, '--release', files.releaseDirectory],
      ],
      env: {},
    },
    onEvent: (event) => events.push(event),
  });
  wire = tap(`http://127.0.0.1:${port}`);
  await ready(port);
  await listenBetween();
  await ready(port);
  await talk();
  secrets = told();
}, 90_000);

afterAll(async () => {
  await supervisor.stop();
  server.close();
  await rm(state, { recursive: true, force: true });
}, 30_000);

async function ready(port: number): Promise<void> {
  await until(
    'the host',
    () =>
      fetch(`http://127.0.0.1:${port}/v2/health/ready`).then(
        ({ ok }) => ok || undefined,
        () => undefined,
      ),
    30_000,
  );
}

/** Takes the place of the worker's socket, and has the host come again: from here on the test sees every frame. */
async function listenBetween(): Promise<void> {
  const path = workerSocketPath(state);
  const behind = join(dirname(path), 'behind.sock');
  renameSync(path, behind);
  const carry = (from: Socket, to: Socket): void => {
    from.on('data', (chunk: Buffer) => {
      frames.push(Buffer.from(chunk));
      to.write(chunk);
    });
    from.on('close', () => to.destroy()).on('error', () => to.destroy());
  };
  server = createServer((host) => {
    const worker = connect(behind);
    carry(host, worker);
    carry(worker, host);
  }).listen(path);
  await once(server, 'listening');
  const before = supervisor.pids().host as number;
  process.kill(before, 'SIGKILL');
  await until('another host', () => (supervisor.pids().host ?? before) !== before || undefined);
}

async function talk(): Promise<void> {
  const { measurement, rootCertificate } = supervisor;
  const policy = parseWorkerPolicy(simulatorPolicy({ platform, measurement, rootCertificate, files, now: Date.now() }));
  const first = clientOver(wire.host, policy);
  const letters = new Uint8Array(512).fill(0);
  letters.set(new TextEncoder().encode(CANARY));
  const call = { ...demoCall({ files }), inputs: [floatTensor('input', [1, 128], new Float32Array(letters.buffer))] };
  await first.infer(call);
  await first.infer(call).catch(() => undefined);
  const second = await clientOver(wire.host, policy).infer(demoCall({ files }));
  laterAnswer = Buffer.concat(second.response.outputs.map(({ data }) => data));
}

const secretsFile = (): string => join(dirname(workerSocketPath(state)), 'secrets');

function told(): readonly string[] {
  return [
    ...new Set(
      readFileSync(secretsFile(), 'latin1')
        .split('\n')
        .filter((line) => line.length >= 32),
    ),
  ];
}

function filesUnder(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    // The program itself and what it is made of hold no secret of this run.
    return entry.isFile() && path !== secretsFile() && !/\.(node|so\.1|so|mjs)$|\/image\//.test(path) ? [path] : [];
  });
}

function processTree(): readonly number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const worker = supervisor.pids().worker as number;
  const all = (['launcher', 'worker', 'model'] as const).flatMap((role) => workerProcesses(worker, role));
  return [...all, ...Object.values(supervisor.pids()).filter((pid) => pid !== null)].filter((pid) =>
    pids.includes(pid),
  );
}

/** Everything that leaves the worker, or that someone beside it can read, by where it was found. */
function everything(): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  found.set('frames of the link', Buffer.concat(frames));
  found.set('logs and standard error', Buffer.from(JSON.stringify(events)));
  wire.seen.forEach(({ path, request, reply }, index) => {
    found.set(`HTTP ${index} ${path}`, Buffer.concat([request ?? new Uint8Array(), reply]));
  });
  found.set('a later answer to someone else', Buffer.from(laterAnswer));
  for (const path of filesUnder(state)) found.set(path, readFileSync(path));
  for (const pid of processTree()) {
    for (const file of ['environ', 'cmdline', 'status', 'maps']) {
      found.set(`/proc/${pid}/${file}`, readFileSync(`/proc/${pid}/${file}`));
    }
  }
  return found;
}

/** As bytes, and in the spellings that text would have. */
function spellings(bytes: Buffer): readonly Buffer[] {
  const hex = bytes.toString('hex');
  return [
    bytes,
    Buffer.from(hex),
    Buffer.from(hex.toUpperCase()),
    Buffer.from(bytes.toString('base64').slice(0, -2)),
    Buffer.from(bytes.toString('base64url').slice(0, -2)),
  ];
}

function placesWith(needles: readonly Buffer[]): readonly string[] {
  return [...everything()]
    .filter(([, bytes]) => needles.some((needle) => bytes.includes(needle)))
    .map(([name]) => name);
}

describe('what was asked', () => {
  it('is in no frame, log, file, later answer, environment or command line', () => {
    const numbers = [...new Float32Array(Uint8Array.from(Buffer.from(CANARY)).buffer)];
    const needles = [...spellings(Buffer.from(CANARY)), ...numbers.map((value) => Buffer.from(String(value)))];
    expect(placesWith(needles)).toEqual([]);
  });

  it('would have been found', () => {
    const places = [...everything().keys()];
    expect(places.length).toBeGreaterThan(20);
    expect(places.some((path) => path.includes('/host/'))).toBe(true);
    expect(Buffer.concat(frames).length).toBeGreaterThan(10_000);
    frames.push(Buffer.from(`x${CANARY}`));
    expect(placesWith(spellings(Buffer.from(CANARY)))).toEqual(['frames of the link']);
    frames.pop();
  });
});

describe('the worker’s secrets', () => {
  it('are several, and are nowhere', () => {
    // Signer and seal key, and a key of each session; the signer's is told before it is reduced.
    expect(secrets.length).toBeGreaterThanOrEqual(4);
    const [wide] = secrets.filter((secret) => secret.length === 96) as [string];
    const signer = ((BigInt(`0x${wide}`) % (P256_ORDER - 1n)) + 1n).toString(16).padStart(64, '0');
    expect(placesWith([signer, ...secrets].flatMap((secret) => spellings(Buffer.from(secret, 'hex'))))).toEqual([]);
  });

  it('can be in no core file', () => {
    for (const role of ['launcher', 'worker', 'model'] as const) {
      for (const pid of workerProcesses(supervisor.pids().worker as number, role)) {
        expect(readFileSync(`/proc/${pid}/limits`, 'latin1')).toMatch(/^Max core file size +0 +0 /m);
        // The kernel gives the files of a process that may not be dumped or read to root of the first namespace.
        expect([role, statSync(`/proc/${pid}/environ`).uid]).toEqual([role, 0]);
      }
    }
  });

  it('are others after a restart', async () => {
    const before = supervisor.pids().worker;
    const [worker] = workerProcesses(before as number, 'worker') as [number];
    server.close();
    process.kill(worker, 'SIGKILL');
    await until('another worker', () => (supervisor.pids().worker ?? before) !== before || undefined, 30_000);
    await until('its secrets', () => (existsSync(secretsFile()) && told().length >= 2) || undefined, 30_000);
    const after = told();
    expect(after.filter((secret) => secrets.includes(secret))).toEqual([]);
  }, 60_000);
});
