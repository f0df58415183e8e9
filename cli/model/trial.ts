import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Confiner, confinedModel, type Separation } from '../../enclave/worker/confine/plan.ts';
import { createChildTable } from '../../enclave/worker/launcher.ts';
import type { ChildExit } from '../../enclave/worker/model/control.ts';
import { createModelPool, type ModelPool } from '../../enclave/worker/model/pool.ts';
import { runtime } from '../../enclave/worker/runtime.ts';
import type { Runtime } from '../../wire/message/execution.ts';
import { CommandError } from '../exit-codes.ts';
import { workerFiles } from '../stack/worker-files.ts';

/** Model processes as a worker has them, of the worker's own program, and confined as far as this machine lets them be. */
export interface Trial {
  readonly pool: ModelPool;
  readonly separation: Separation;
  /** The most memory that a model process has had in use; undefined where none is alive. */
  peakBytes(): number | undefined;
  close(): void;
}

export interface TrialLimits {
  readonly memoryBytes: number;
  readonly loadMilliseconds: number;
  /** As a worker has it where nothing is said. */
  readonly optimisation?: Runtime['optimisation'];
}

const HERE = dirname(fileURLToPath(import.meta.url));
/** What the helper says about a call without arguments: it was reached. */
const HELPER_USAGE = 64;

export async function openTrial(limits: TrialLimits): Promise<Trial> {
  if (process.platform !== 'linux') throw new CommandError('model processes run on Linux');
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-trial-'));
  try {
    const bundle = join(directory, 'worker');
    const script = gather(await workerFiles(bundle), bundle);
    return start(directory, script, limits);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** The program finds its native code beside itself; a package has the two in different places. */
function gather(files: readonly string[], folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const file of files) {
    const place = join(folder, basename(file));
    if (!existsSync(place)) copyFileSync(file, place);
  }
  return join(folder, 'worker.mjs');
}

function start(directory: string, script: string, limits: TrialLimits): Trial {
  const privateDirectory = mkdtempSync(join(directory, 'private-'));
  const listeners = new Map<number, (exit: ChildExit) => void>();
  const confiner = confinerFor([privateDirectory]);
  const children = createChildTable({
    script,
    privateDirectory,
    confiner,
    onExit: (id, exit) => listeners.get(id)?.(exit),
  });
  const pool = createModelPool({
    control: {
      start: children.start,
      kill: children.kill,
      onExit: (id, listener) => void listeners.set(id, listener),
    },
    onRun: () => undefined,
    privateDirectory,
    execution: { ...runtime, optimisation: limits.optimisation ?? runtime.optimisation },
    limits,
  });
  return {
    pool,
    separation: confiner.separation,
    peakBytes: () => {
      const model = modelOf(script);
      return model === undefined ? undefined : highWater(model);
    },
    close: () => {
      children.killAll();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** By a real trial, as the launcher does it: only a process in those namespaces shows that this user may have them. */
function confinerFor(hidden: readonly string[]): Confiner {
  const program = [join(HERE, '..', '..'), join(HERE, '..', '..', '..')]
    .map((root) => join(root, 'enclave', 'native', 'prebuilt', 'linux-x64', 'confine'))
    .find(existsSync);
  if (program === undefined) throw new CommandError('the helper that confines model processes is missing');
  const wanted: Confiner = { program, parent: process.pid, separation: 'user-namespaces', hidden };
  const { status } = spawnSync(program, confinedModel(wanted, 0, [program]), { env: {}, stdio: 'ignore' });
  return status === HELPER_USAGE ? wanted : { ...wanted, separation: 'filter-only' };
}

/** The helper that started it has the same command line behind its own name. */
function modelOf(script: string): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      const [program, ...rest] = commandLine(pid);
      return program === process.execPath && rest.includes(script) && rest.includes('model');
    });
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

function highWater(pid: number): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
  } catch {
    return undefined;
  }
}
