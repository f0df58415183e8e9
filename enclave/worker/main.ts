import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { endCodes } from '../../wire/message/telemetry.ts';
import { AttesterError } from './attester.ts';
import { type AttesterChoice, mayBeHardware, openAttester, parseAttesterChoices } from './attester-choice.ts';
import { workerFilter } from './confine/filters.ts';
import { assembleFilter } from './confine/seccomp.ts';
import { type Attestation, runLauncher } from './launcher.ts';
import { runModelChild } from './model/child.ts';
import { openControl } from './model/control.ts';
import { createModelPool } from './model/pool.ts';
import { confineWorker, hardwareRandom, nsmExchange, sevReport } from './native.ts';
import { runtime } from './runtime.ts';
import { startWorker } from './worker.ts';

/**
 * The measured program. One file has three roles, so that one measurement names all of them: `launcher` is started by
 * whatever owns the enclave and starts the other two.
 */
const PARENT_FD = 3;
/** Large models are copied to their process and optimised by the engine before they answer. */
const LOAD_MILLISECONDS = 120_000;

interface WorkerPaths {
  readonly link: string;
  readonly attesters: readonly AttesterChoice[];
  readonly private: string;
}

function workerPaths(args: readonly string[]): WorkerPaths {
  const path = { type: 'string' } as const;
  const options = { link: path, attester: { ...path, multiple: true }, private: path } as const;
  const { values } = parseArgs({ args: [...args], strict: true, options });
  const { link, attester = [], private: privatePath } = values;
  if (link === undefined || privatePath === undefined) throw new TypeError('--link and --private are required');
  return { link, attesters: parseAttesterChoices(attester), private: privatePath };
}

/**
 * A worker's own user needs the device itself. Reports as files it cannot have so: each new one is root's.
 */
function attestationOf({ attesters, link }: WorkerPaths): Attestation {
  if (!mayBeHardware(attesters)) return { kind: 'simulated' };
  const devices = attesters.filter(({ kind }) => kind === 'nsm-device' || kind === 'snp-device');
  const worker = devices.length === attesters.length ? 'own-user' : 'root';
  return { kind: 'device', handedOver: [dirname(link), ...devices.map(({ path }) => path)], worker };
}

async function runWorker(paths: WorkerPaths): Promise<void> {
  // First of all: what is parsed, keyed and answered from here on is out of the reach of more than these calls.
  confineWorker({ filter: assembleFilter(workerFilter(process.pid)) });
  const control = openControl(PARENT_FD, () => process.exit(endCodes.parent_gone));
  await startWorker({
    attester: await openAttester(paths.attesters, { nsmExchange, sevReport, hardwareRandom }),
    linkPath: paths.link,
    createPool: (configuration, onRun) =>
      createModelPool({
        control,
        onRun,
        privateDirectory: paths.private,
        execution: runtime,
        limits: { memoryBytes: configuration.limits.modelMemoryBytes, loadMilliseconds: LOAD_MILLISECONDS },
      }),
    onFatal: fatal,
  });
}

/**
 * Says where a process failed, not what the error said: a message can quote a request, and standard error is the host's
 * to read (DESIGN A4). Positions in this program are public anyway.
 */
function fatal(error: unknown): never {
  const known = error instanceof Error ? error : new Error('unknown');
  const code = 'code' in known && typeof known.code === 'string' ? known.code : known.name;
  const place = (known.stack ?? '').slice(`${known.name}: ${known.message}`.length).match(/[\w.-]+:\d+:\d+/g) ?? [];
  process.stderr.write(`fatal: ${code.slice(0, 64)} at ${place.slice(0, 8).join(' < ')}\n`);
  process.exit(endCodeOf(error));
}

/** The last word that reaches the host from an enclave without a console. */
function endCodeOf(error: unknown): number {
  if (!(error instanceof AttesterError)) return endCodes.internal;
  return error.code === 'attester_invalid' ? endCodes.usage : endCodes.device_failed;
}

process.on('uncaughtException', fatal);
process.on('unhandledRejection', fatal);

const [role, ...args] = process.argv.slice(2);
if (role === 'launcher') {
  const paths = workerPaths(args);
  runLauncher({
    script: process.argv[1] as string,
    workerArguments: args,
    linkPath: paths.link,
    privateDirectory: paths.private,
    confine: join(dirname(process.execPath), 'confine'),
    hidden: [paths.link, ...paths.attesters.map(({ path }) => path)].map((path) => dirname(path)),
    attestation: attestationOf(paths),
  });
} else if (role === 'worker') {
  await runWorker(workerPaths(args));
} else if (role === 'model') {
  const { values } = parseArgs({ args, strict: true, options: { memory: { type: 'string' } } });
  await runModelChild({ fd: PARENT_FD, memoryBytes: Number(values.memory) });
} else {
  process.stderr.write('usage: worker.mjs launcher --link PATH --attester KIND:PATH --private PATH\n');
  process.exit(endCodes.usage);
}
