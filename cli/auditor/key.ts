import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { hexBytes, integer, literal, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { auditorMessage } from '../../wire/message/finding.ts';
import { auditorWords, type ShownStatement } from '../../wire/message/finding-record.ts';
import { readSecret } from '../chain/secret.ts';
import { CommandError } from '../exit-codes.ts';

/** Who an auditor is, and the hash chain that decides what it samples. Both stay in this process. */
export interface AuditorKey {
  /** x || y */
  readonly auditor: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
  /** What it published before its first audit. */
  readonly statement: ShownStatement;
  /** What audit number k shows: so many hashes before the anchor. */
  linkOf(number: number): Uint8Array;
}

interface KeyFile {
  readonly format: 'proofmark auditor key v1';
  readonly privateKey: string;
  /** The beginning of the chain. */
  readonly chain: Uint8Array;
  readonly links: number;
}

const KEY_BYTES = 8_192;

const keyReader: Reader<KeyFile> = object<KeyFile>({
  format: literal('proofmark auditor key v1'),
  privateKey: text({ min: 1, max: 4_096 }),
  chain: hexBytes(32),
  links: integer({ min: 1, max: limits.auditorLinks }),
});

/** A file that only its owner reads; none is written over. */
export async function createAuditorKey(path: string, links: number): Promise<AuditorKey> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const chain = Uint8Array.from(randomBytes(32));
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const file = { format: 'proofmark auditor key v1', privateKey: pem, chain: toHex(chain), links };
  try {
    await writeFile(path, utf8(`${JSON.stringify(file, null, 2)}\n`), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new CommandError(`cannot write ${path}: ${(error as Error).message}`);
  }
  return auditorOf(privateKey, { chain, links });
}

export async function readAuditorKey(path: string): Promise<AuditorKey> {
  const bytes = utf8(await readSecret(path, KEY_BYTES));
  try {
    const { privateKey, chain, links } = keyReader(parseJson(bytes, KEY_BYTES), 'key');
    return auditorOf(createPrivateKey(privateKey), { chain, links });
  } catch (error) {
    if (error instanceof WireError) throw new CommandError(`${path}: ${error.message}`);
    // What the platform says of a malformed key may quote it.
    throw new CommandError(`${path} is no key of an auditor`);
  }
}

function auditorOf(privateKey: KeyObject, { chain, links }: Pick<KeyFile, 'chain' | 'links'>): AuditorKey {
  const auditor = publicPoint(privateKey).slice(1);
  const sign = (message: Uint8Array): Uint8Array => signP256(privateKey, message);
  const after = (hashes: number): Uint8Array => {
    let value = chain;
    for (let made = 0; made < hashes; made++) value = sha256(value);
    return value;
  };
  const anchor = after(links);
  const message = auditorMessage({ ...auditorWords(auditor), links: BigInt(links), anchor });
  return {
    auditor,
    sign,
    statement: { links, anchor, signature: sign(message) },
    linkOf(number) {
      if (number < 1 || number > links) throw new CommandError(`the chain of this key has ${links} links`);
      return after(links - number);
    },
  };
}
