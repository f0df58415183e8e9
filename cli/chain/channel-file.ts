import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Address } from 'viem';
import { fileStore, importSessionKey, type PaymentOptions, type SessionKey } from '../../client/index.ts';
import { fromHex, toHex } from '../../wire/bytes.ts';
import { either, hexBytes, literal, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { type ChannelFields, channelPreimage } from '../../wire/message/authorisations.ts';
import { ChainError } from './errors.ts';
import { readSecret } from './secret.ts';

/**
 * A channel of this payer in a folder of its own: its fields, the session key that can spend what it holds, the payer's
 * limits, and beside them what was signed so far. The key is in no output of any command.
 */
export interface KeptChannel {
  readonly folder: string;
  readonly fields: ChannelFields;
  readonly id: Uint8Array;
  readonly key: SessionKey;
  readonly maxOutstanding: bigint;
  readonly maxSpend: bigint | 'any';
  readonly maxUnitPrice: bigint | 'any';
}

export type ChannelLimits = Pick<KeptChannel, 'maxOutstanding' | 'maxSpend' | 'maxUnitPrice'>;

interface StoredChannel {
  readonly format: 'proofmark channel v1';
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly payer: Uint8Array;
  readonly payee: Uint8Array;
  readonly salt: Uint8Array;
  readonly key: {
    readonly kty: 'EC';
    readonly crv: 'P-256';
    readonly x: string;
    readonly y: string;
    readonly d: string;
  };
  readonly maxOutstanding: bigint;
  readonly maxSpend: bigint | 'any';
  readonly maxUnitPrice: bigint | 'any';
}

const FILE = 'channel.json';
const TABS = 'tabs.json';
const FILE_BYTES = 4_096;

const amount: Reader<bigint> = (value, path) => {
  const digits = text({ min: 1, max: 39, pattern: /^(0|[1-9][0-9]*)$/ })(value, path);
  return BigInt(digits);
};
const part = text({ min: 43, max: 43, pattern: /^[A-Za-z0-9_-]+$/ });

const reader: Reader<StoredChannel> = object<StoredChannel>({
  format: literal('proofmark channel v1'),
  chainId: amount,
  settlement: hexBytes(20),
  payer: hexBytes(20),
  payee: hexBytes(20),
  salt: hexBytes(32),
  key: object({ kty: literal('EC'), crv: literal('P-256'), x: part, y: part, d: part }),
  maxOutstanding: amount,
  maxSpend: either(literal('any'), amount),
  maxUnitPrice: either(literal('any'), amount),
});

/** Before the chain is asked for anything: a channel whose key was lost could only be closed. */
export async function keepChannel(
  folder: string,
  fields: ChannelFields,
  { key, limits }: { readonly key: SessionKey; readonly limits: ChannelLimits },
): Promise<void> {
  const { chainId, settlement, payer, payee, salt } = fields;
  const stored = {
    format: 'proofmark channel v1',
    chainId: String(chainId),
    settlement: toHex(settlement),
    payer: toHex(payer),
    payee: toHex(payee),
    salt: toHex(salt),
    key: await key.export(),
    maxOutstanding: String(limits.maxOutstanding),
    maxSpend: String(limits.maxSpend),
    maxUnitPrice: String(limits.maxUnitPrice),
  };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, FILE), `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new ChainError('channel_exists', `${folder} holds a channel already`);
    throw new ChainError('channel_invalid', `cannot write ${folder}: ${message}`);
  }
}

export async function readChannel(folder: string): Promise<KeptChannel> {
  const content = await readSecret(join(folder, FILE), FILE_BYTES);
  try {
    const {
      format: _,
      key: jwk,
      maxOutstanding,
      maxSpend,
      maxUnitPrice,
      ...rest
    } = reader(parseJson(new TextEncoder().encode(content), FILE_BYTES), 'channel');
    const key = await importSessionKey(jwk);
    const fields: ChannelFields = { ...rest, sessionX: key.x, sessionY: key.y };
    return { folder, fields, id: sha256(channelPreimage(fields)), key, maxOutstanding, maxSpend, maxUnitPrice };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // Not the parser's own words: they may quote the file.
    throw new ChainError('channel_invalid', `${join(folder, FILE)} is no channel: ${error.code}`);
  }
}

/** What calls are paid with. */
export function paymentOf({ fields, key, folder, ...limits }: KeptChannel): PaymentOptions {
  const { maxOutstanding, maxSpend, maxUnitPrice } = limits;
  const sign = (message: Uint8Array): Promise<Uint8Array> => key.sign(message);
  return { channel: fields, sign, store: fileStore(join(folder, TABS)), maxOutstanding, maxSpend, maxUnitPrice };
}

/** The folders under a folder that hold a channel. */
export async function channelFolders(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.sort().map(async (name) => ((await isFile(join(folder, name, FILE))) ? [join(folder, name)] : [])),
  );
  return found.flat();
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
}

export function addressBytes(address: Address): Uint8Array {
  return fromHex(address.slice(2).toLowerCase(), 20);
}
