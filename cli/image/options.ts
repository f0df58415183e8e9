import { defaultInputStore, type InputStore, keepInput } from '../../enclave/image/inputs.ts';
import { type ImageLock, lockedFiles, requireFlavour } from '../../enclave/image/lock.ts';
import { type Flavour, flavours, takesGivenKernel, type Variant } from '../../enclave/image/recipe.ts';
import { type Parsed, textOption } from '../commands/arguments.ts';
import { UsageError } from '../exit-codes.ts';
import { committedLockPath, readLock, requireCheckout } from './checkout.ts';

export function flavourOption(parsed: Parsed): Flavour | undefined {
  const text = textOption(parsed, 'flavour');
  if (text === undefined) return undefined;
  const flavour = flavours.find((name) => name === text);
  if (flavour === undefined) throw new UsageError(`--flavour is one of ${flavours.join(', ')}`);
  return flavour;
}

export function variantOption(parsed: Parsed): Variant {
  return parsed.values['debug'] === true ? 'debug' : 'production';
}

export function storeOption(parsed: Parsed): InputStore {
  const folder = textOption(parsed, 'store');
  return folder === undefined ? defaultInputStore(process.env) : { folder };
}

/** `--lock FILE`, or the lock that the repository has for `--flavour`. Given both, they must agree. */
export async function lockOption(parsed: Parsed): Promise<ImageLock> {
  const flavour = flavourOption(parsed);
  const path = textOption(parsed, 'lock');
  if (path !== undefined) {
    const lock = await readLock(path);
    if (flavour !== undefined) requireFlavour(lock, flavour);
    return lock;
  }
  if (flavour === undefined) throw new UsageError('--lock FILE or --flavour is required');
  if (takesGivenKernel(flavour)) {
    throw new UsageError(`--lock FILE is required: a ${flavour} image has a kernel of your choice, see \`image lock\``);
  }
  return readLock(committedLockPath(requireCheckout(), flavour));
}

/** A kernel of one's own may be named again with `--kernel`: no mirror has it. The lock decides whether it is the one. */
export async function keepGivenKernel(parsed: Parsed, lock: ImageLock, store: InputStore): Promise<void> {
  const given = [
    ['kernel', textOption(parsed, 'kernel')],
    ['kernel-configuration', textOption(parsed, 'kernel-config')],
  ] as const;
  for (const [name, path] of given) {
    if (path === undefined) continue;
    const file = takesGivenKernel(lock.flavour)
      ? lockedFiles(lock).find(({ recipe }) => recipe.name === name)
      : undefined;
    if (file === undefined) throw new UsageError(`the lock takes no ${name} of your own`);
    await keepInput(store, file, path);
  }
}

export function requiredOption(parsed: Parsed, name: string): string {
  const text = textOption(parsed, name);
  if (text === undefined) throw new UsageError(`--${name} is required`);
  return text;
}

export function onePositional({ positionals }: Parsed, what: string): string {
  const [only, ...rest] = positionals;
  if (only === undefined || rest.length > 0) throw new UsageError(`name one ${what}`);
  return only;
}

export function noPositionals({ positionals }: Parsed): void {
  if (positionals.length > 0) throw new UsageError(`what is ${JSON.stringify(positionals[0])}?`);
}
