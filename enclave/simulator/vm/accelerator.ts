import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../child.ts';
import { dyingWithParent } from '../role.ts';
import { openConsole } from './console.ts';
import { type Accelerator, type MachinePlan, machineCommand } from './emulator.ts';

/**
 * A device file says little: KVM may be there and boot no kernel of ours (nested, or in software). So it is tried: the
 * image itself, without its ports, has to reach its first process in time. Emulation is the answer otherwise; it is
 * slow and always works.
 */
const DEVICE = '/dev/kvm';
/** A machine where KVM works needs about one. */
const TRIAL_MS = 5_000;
/** Changes when this machine starts again, perhaps with another kernel. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export interface AcceleratorOptions {
  /** The device, for tests. */
  readonly device?: string;
  /** Keeps the verdict until this machine restarts, since a trial that fails takes its whole time. */
  readonly memory: string;
}

export async function chooseAccelerator(
  plan: Omit<MachinePlan, 'accelerator'>,
  options: AcceleratorOptions,
): Promise<Accelerator> {
  const isUsable = await access(options.device ?? DEVICE, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isUsable) return 'tcg';
  const key = await trialKey(plan);
  const known = await recall(options.memory, key);
  if (known !== undefined) return known;
  const found = (await boots({ ...plan, accelerator: 'kvm' })) ? 'kvm' : 'tcg';
  await mkdir(dirname(options.memory), { recursive: true });
  await writeFile(`${options.memory}.${process.pid}`, `${key} ${found}\n`);
  await rename(`${options.memory}.${process.pid}`, options.memory);
  return found;
}

async function boots(plan: MachinePlan): Promise<boolean> {
  const console = openConsole(() => {});
  const machine = startChild(dyingWithParent(machineCommand(plan, null)), { env: {}, onLine: console.onLine });
  const patience = new AbortController();
  const outcome = await Promise.race([
    console.initStarted.then(() => true),
    machine.exited.then(() => false),
    sleep(TRIAL_MS, false, { signal: patience.signal }).catch(() => false),
  ]);
  patience.abort();
  machine.kill('SIGKILL');
  await machine.exited;
  return outcome;
}

/** What the verdict depends on: this boot of this machine, the emulator, and the kernel that is to run. */
async function trialKey({ program, kernel }: Pick<MachinePlan, 'program' | 'kernel'>): Promise<string> {
  const [bootId, emulator, bytes] = await Promise.all([readFile(BOOT_ID, 'utf8'), stat(program), readFile(kernel)]);
  return createHash('sha256')
    .update(`${bootId.trim()} ${program} ${emulator.size} ${emulator.mtimeMs} `)
    .update(bytes)
    .digest('hex');
}

async function recall(file: string, key: string): Promise<Accelerator | undefined> {
  const text = await readFile(file, 'latin1').catch(() => '');
  const [, found] = new RegExp(`^${key} (kvm|tcg)\n$`).exec(text) ?? [];
  return found === 'kvm' || found === 'tcg' ? found : undefined;
}
