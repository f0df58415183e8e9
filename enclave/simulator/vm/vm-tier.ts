import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../child.ts';
import { SimulatorError } from '../errors.ts';
import { openPlatformRoot } from '../platform.ts';
import { dyingWithParent } from '../role.ts';
import { liveAndDieTogether, startSigner } from '../signer.ts';
import type { Enclave, Ground, PreparedEnclave, Tier } from '../tier.ts';
import { chooseAccelerator } from './accelerator.ts';
import { openConsole } from './console.ts';
import { emulatorPlaces, findEmulator, type MachinePlan, machineCommand } from './emulator.ts';
import { layOutMachine, requireUnchangedMachine } from './machine-image.ts';
import { openPortLink, type PortLink } from './port-link.ts';

/**
 * The worker in a machine of its own, which QEMU emulates: its kernel, its /dev/nsm and no network. The file that is
 * booted is the one that was measured, and the device's registers and key are in the signer, outside. Whoever owns this
 * machine can read the other's memory: what is simulated is the shape, not the protection.
 */
export interface VmTierOptions {
  /** The image, read once. */
  readonly eif: string;
  /** Measured into PCR3, as AWS measures the role of the parent machine; null leaves the register empty. */
  readonly role: string | null;
  /** `try` takes KVM where a trial with it succeeds, and remembers the verdict in this folder. */
  readonly acceleration: 'none' | { readonly try: string };
}

/** Two as AWS gives at least; more do not make an emulated machine faster. */
const PROCESSORS = 2;
/** A quiet machine needs eight seconds. */
const READY_MS = 180_000;
/** For a console's last lines to arrive once the machine is gone. */
const SILENCE_MS = 1_000;
/** After standard input, output and error. */
const LINK_DESCRIPTOR = 3;

export function vmTier(options: VmTierOptions): Tier {
  return { prepare: (ground) => prepare(options, ground) };
}

async function prepare(options: VmTierOptions, ground: Ground): Promise<PreparedEnclave> {
  const { state, run, link, onEvent } = ground;
  const platform = { tee: 'aws-nitro', role: options.role } as const;
  const program = findEmulator(emulatorPlaces);
  const rootCertificate = await openPlatformRoot(platform, { state, now: Date.now() });
  const image = await layOutMachine(options.eif, join(run, 'machine'));
  const { kernel, ramdisk, commandLine, memoryMib, measurement } = image;
  const machine = { program, kernel, ramdisk, commandLine, memoryMib, processors: PROCESSORS };
  const accelerator =
    options.acceleration === 'none'
      ? 'tcg'
      : await chooseAccelerator(machine, { memory: join(options.acceleration.try, 'accelerator') });
  const plan: MachinePlan = { ...machine, accelerator };
  const attester = join(run, 'attester');

  let isFirst = true;
  async function boot(signal: AbortSignal): Promise<Enclave> {
    if (!isFirst) await requireUnchangedMachine(image);
    isFirst = false;
    // Nothing of an earlier boot may be met by this one.
    for (const folder of [link, attester]) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { mode: 0o700 });
    }
    const socket = join(attester, 'attester.sock');
    const signer = await startSigner({ state, platform, rootCertificate, measurement, onEvent }, socket);
    const console = openConsole((line) => onEvent({ kind: 'output', role: 'worker', line }));
    const command = machineCommand(plan, { link: LINK_DESCRIPTOR, nsmSocket: socket });
    const worker = startChild(dyingWithParent(command), { env: {}, onLine: console.onLine, stream: 'one' });
    onEvent({ kind: 'started', role: 'worker', pid: worker.pid ?? null });
    const enclave = liveAndDieTogether({ signer, worker }, onEvent);
    const port = openPortLink({ port: worker.stream as Duplex, onEnd: enclave.kill });
    const over = enclave.ended.then(async () => {
      await Promise.race([worker.fellSilent, sleep(SILENCE_MS)]);
      port.close();
      return console.lastWords();
    });
    const first = await beginning({ over, port, signal });
    if (first === 'listening') {
      void over.then((words) => onEvent({ kind: 'output', role: 'worker', line: `machine ended: ${words}` }));
      await port.listen(join(link, 'worker.sock'));
      return enclave;
    }
    enclave.kill();
    const words = await over;
    if (first instanceof SimulatorError && first.code === 'machine_protocol') throw first;
    throw new SimulatorError('machine_failed', `${typeof first === 'string' ? first : 'it ended early'}: ${words}`);
  }

  return { measurement, rootCertificate, isolation: { kind: 'machine', accelerator }, boot };
}

interface Beginning {
  readonly over: Promise<string>;
  readonly port: PortLink;
  readonly signal: AbortSignal;
}

/** How a boot goes on: its worker listens, or why it never will. */
async function beginning({ over, port, signal }: Beginning): Promise<'listening' | string | SimulatorError> {
  const decided = new AbortController();
  const late = sleep(READY_MS, `its worker did not listen within ${READY_MS / 1_000} seconds`, {
    signal: AbortSignal.any([signal, decided.signal]),
  });
  return Promise.race([
    port.workerListens.then(
      () => 'listening' as const,
      (error: SimulatorError) => error,
    ),
    over.then(() => 'it ended before its worker listened'),
    late.catch(() => 'it was stopped while it started'),
  ]).finally(() => decided.abort());
}
