import { writeFile } from 'node:fs/promises';
import { type FetchEvent, fetchInputs } from '../../enclave/image/fetch.ts';
import { renderImageLock } from '../../enclave/image/lock.ts';
import { takesGivenKernel } from '../../enclave/image/recipe.ts';
import { relock } from '../../enclave/image/relock.ts';
import { parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { jsonLine, rowLines } from '../report.ts';
import { requireCheckout } from './checkout.ts';
import { flavourOption, keepGivenKernel, lockOption, noPositionals, requiredOption, storeOption } from './options.ts';

const lockOptions = {
  flavour: { type: 'string' },
  out: { type: 'string' },
  kernel: { type: 'string' },
  'kernel-config': { type: 'string' },
  store: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Writes a new lock from what the mirrors offer now, which is how a lock is repaired that outlived its packages. */
export async function imageLock(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, lockOptions);
  noPositionals(parsed);
  const flavour = flavourOption(parsed);
  if (flavour === undefined) throw new UsageError('--flavour is required');
  const out = requiredOption(parsed, 'out');
  const [kernel, configuration] = [textOption(parsed, 'kernel'), textOption(parsed, 'kernel-config')];
  if (takesGivenKernel(flavour) !== (kernel !== undefined) || (kernel === undefined && configuration !== undefined)) {
    throw new UsageError(
      'nitro and snp images take --kernel FILE [--kernel-config FILE]; a vm image takes its kernel from Debian',
    );
  }
  const lock = await relock(storeOption(parsed), {
    flavour,
    kernel: kernel === undefined ? null : { kernel, configuration: configuration ?? null },
    report: ({ package: name, version, files }) => {
      if (parsed.values['json'] !== true) context.write(rowLines([[name, `${version}, ${files.length} file(s)`]]));
    },
  });
  await writeFile(out, renderImageLock(lock)).catch((error: Error) => {
    throw new CommandError(`cannot write ${out}: ${error.message}`);
  });
  const artefacts = lock.artefacts.map(({ package: name, version }) => ({ package: name, version }));
  if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify({ lock: out, flavour, artefacts })));
  return exitCode.accepted;
}

const fetchOptions = {
  flavour: { type: 'string' },
  lock: { type: 'string' },
  from: { type: 'string' },
  kernel: { type: 'string' },
  'kernel-config': { type: 'string' },
  store: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const HOW: Readonly<Record<FetchEvent['how'], string>> = {
  'in-store': 'is in the store',
  installed: 'taken from node_modules',
  downloaded: 'downloaded',
  unpacked: 'unpacked',
  copied: 'copied',
};

export async function imageFetch(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, fetchOptions);
  noPositionals(parsed);
  const lock = await lockOption(parsed);
  const store = storeOption(parsed);
  const from = textOption(parsed, 'from');
  await keepGivenKernel(parsed, lock, store);
  const events: FetchEvent[] = [];
  await fetchInputs(lock, store, {
    source: from === undefined ? { kind: 'mirrors' } : { kind: 'folder', folder: from },
    nodeModules: import.meta.url.endsWith('.ts') ? requireCheckout().nodeModules : null,
    report: (event) => {
      events.push(event);
      if (parsed.values['json'] === true) return;
      context.write(rowLines([[event.package, `${event.version} ${HOW[event.how]}`]]));
    },
  });
  if (parsed.values['json'] === true) {
    context.write(jsonLine(JSON.stringify({ store: store.folder, artefacts: events })));
  }
  return exitCode.accepted;
}
