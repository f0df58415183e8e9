import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { committedLockPath, readLock, requireCheckout } from '../../cli/image/checkout.ts';
import { assembleImage } from '../../enclave/image/assemble.ts';
import { loadParts } from '../../enclave/image/build.ts';
import { initList, initListOf } from '../../enclave/image/init-list.ts';
import { defaultInputStore, missingInputs, readInput } from '../../enclave/image/inputs.ts';
import { lockedFiles } from '../../enclave/image/lock.ts';
import { initListPath } from '../../enclave/image/recipe.ts';
import { emulatorPlaces, findEmulator } from '../../enclave/simulator/vm/emulator.ts';
import { buildWorker } from '../../enclave/worker/build/bundle.ts';
import { utf8 } from '../../wire/bytes.ts';

/** What a machine needs and this one lacks, for the titles of tests that are left out; null where they can run. */
export async function lacksForMachine(): Promise<string | null> {
  try {
    findEmulator(emulatorPlaces);
  } catch {
    return 'QEMU is not installed';
  }
  const lock = await readLock(committedLockPath(requireCheckout(), 'vm'));
  const missing = await missingInputs(defaultInputStore(process.env), lock);
  return missing.length === 0 ? null : 'the inputs of the image are not fetched: proofmark image fetch --flavour vm';
}

/**
 * The image for machines with another program in the launcher's place, and somebody else's NSM client beside it. It
 * differs from the real one in ramdisk 0 alone.
 */
export async function buildProbeImage(folder: string, program: string): Promise<string> {
  const checkout = requireCheckout();
  const workerFolder = join(folder, 'worker');
  await buildWorker({ root: checkout.root, outDir: workerFolder });
  const lock = await readLock(committedLockPath(checkout, 'vm'));
  const store = defaultInputStore(process.env);
  const parts = await loadParts({
    lock,
    variant: 'production',
    store,
    nativeFolder: checkout.nativeFolder,
    workerFolder,
  });
  const probe = '/probe/probe.mjs';
  const boot = [
    ...parts.boot.filter(({ path }) => path !== initListPath),
    { path: initListPath, mode: 0o444, bytes: utf8(initList('vm', { main: ['/bin/node', probe] })) } as const,
    { path: probe, mode: 0o444, bytes: await readFile(program) } as const,
    { path: '/probe/nsm.node', mode: 0o555, bytes: await readFile(independentClient()) } as const,
  ];
  const eif = join(folder, 'probe.eif');
  await writeFile(eif, assembleImage({ ...parts, boot }).eif);
  return eif;
}

/** An image with nothing in it but init, its directives, the kernel, and one program that says something and ends. */
export async function buildListImage(folder: string, directives: readonly string[]): Promise<string> {
  const checkout = requireCheckout();
  const lock = await readLock(committedLockPath(checkout, 'vm'));
  const kernelFile = lockedFiles(lock).find(({ recipe: { use } }) => use.kind === 'kernel');
  if (kernelFile === undefined) throw new Error('the lock names no kernel');
  const [init, confine] = await Promise.all(
    ['init', 'confine'].map((name) => readFile(join(checkout.nativeFolder, name))),
  );
  const image = assembleImage({
    flavour: 'vm',
    variant: 'production',
    kernel: await readInput(defaultInputStore(process.env), kernelFile),
    kernelVersion: '6.1',
    boot: [
      { path: '/init', mode: 0o555, bytes: init as Uint8Array },
      { path: '/bin/confine', mode: 0o555, bytes: confine as Uint8Array },
      { path: initListPath, mode: 0o444, bytes: utf8(initListOf(directives)) },
    ],
    app: [],
    lockSha256: new Uint8Array(32),
  });
  const eif = join(folder, 'list.eif');
  await writeFile(eif, image.eif);
  return eif;
}

/** The native half of an NSM client that others wrote, in Rust over AWS's own crate. */
function independentClient(): string {
  const require = createRequire(import.meta.url);
  const main = require.resolve('aws-nitro-enclaves-nsm-node');
  const name = 'aws-nitro-enclaves-nsm-node-linux-x64-gnu';
  return join(dirname(main), '..', name, 'aws-nitro-enclaves-nsm-node.linux-x64-gnu.node');
}
