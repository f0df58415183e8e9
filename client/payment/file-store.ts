import { readFile } from 'node:fs/promises';
import { fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { array, literal, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { replaceFile } from '../node/replace-file.ts';
import type { PaymentStore, Tab } from './store.ts';

interface StoredTab {
  readonly channel: Uint8Array;
  readonly log: Uint8Array;
  readonly voucher: bigint;
  readonly verified: bigint;
  readonly unknown: bigint;
  readonly top: bigint;
  readonly gaps: readonly (readonly bigint[])[];
}

const amount: Reader<bigint> = (value, path) => {
  const digits = text({ min: 1, max: 39 })(value, path);
  if (!/^(0|[1-9][0-9]*)$/.test(digits)) throw new WireError('field_invalid', 'not an amount', { field: path });
  return BigInt(digits);
};

const id: Reader<Uint8Array> = (value, path) => fromHex(text({ min: 64, max: 64 })(value, path), 32);

const file: Reader<{ readonly version: 1; readonly tabs: readonly StoredTab[] }> = object({
  version: literal(1),
  tabs: array(
    object<StoredTab>({
      channel: id,
      log: id,
      voucher: amount,
      verified: amount,
      unknown: amount,
      top: amount,
      gaps: array(array(amount, { min: 2, max: 2 }), { min: 0, max: limits.paymentTabs }),
    }),
    { min: 0, max: limits.paymentTabs },
  ),
});

/** One file, replaced as a whole: after a crash at any moment it is the old one or the new one. */
export function fileStore(path: string): PaymentStore {
  const tabs = new Map<string, Tab>();
  let saving: Promise<void> = Promise.resolve();

  return {
    async load() {
      for (const tab of decode(await readIfThere(path))) tabs.set(keyOf(tab), tab);
      return [...tabs.values()];
    },
    save(tab) {
      tabs.set(keyOf(tab), tab);
      const mine = saving.then(() => replaceFile(path, encode([...tabs.values()])));
      saving = mine.catch(() => undefined);
      return mine;
    },
  };
}

function keyOf({ channel, log }: Tab): string {
  return `${toHex(channel)}/${toHex(log)}`;
}

function encode(tabs: readonly Tab[]): Uint8Array {
  const words = tabs.map(({ channel, log, voucher, verified, unknown, top, gaps }) => ({
    channel: toHex(channel),
    log: toHex(log),
    voucher: String(voucher),
    verified: String(verified),
    unknown: String(unknown),
    top: String(top),
    gaps: gaps.map((gap) => gap.map(String)),
  }));
  return utf8(`${JSON.stringify({ version: 1, tabs: words })}\n`);
}

/** A file that cannot be read is an error and no empty store: what was signed before would be forgotten. */
function decode(bytes: Uint8Array | undefined): readonly Tab[] {
  if (bytes === undefined) return [];
  const { tabs } = file(parseJson(bytes, limits.paymentStoreBytes), 'store');
  return tabs.map((tab) => ({ ...tab, gaps: tab.gaps.map(([from = 0n, to = 0n]) => [from, to] as const) }));
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return Uint8Array.from(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
