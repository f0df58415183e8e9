import { readFileSync } from 'node:fs';
import {
  array,
  either,
  hexBytes,
  integer,
  literal,
  nullable,
  object,
  type Reader,
  text,
} from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';

/** An auditor whom the operator names: it may read what was disclosed, and its findings count. */
export interface HostAuditor {
  readonly name: string;
  /** x || y */
  readonly key: Uint8Array;
  /** Where its findings are asked for; null where it brings them. */
  readonly url: string | null;
}

export interface HostAuditors {
  readonly version: 1;
  /** So many auditors that found other bits in one receipt take its worker out of service. */
  readonly pauseAt: number;
  /** Under which names auditors ask this host, as they stand in `Host`: what they sign for another host counts nothing here. */
  readonly hosts: 'any' | readonly string[];
  readonly auditors: readonly HostAuditor[];
}

const auditorsReader: Reader<HostAuditors> = object<HostAuditors>({
  version: literal(1),
  pauseAt: integer({ min: 1, max: limits.auditors }),
  hosts: either(literal('any'), array(text({ min: 1, max: 256 }), { min: 1, max: limits.auditors })),
  auditors: array(
    object<HostAuditor>({
      name: text({ min: 1, max: 64, pattern: /[A-Za-z0-9._-]+/ }),
      key: hexBytes(64),
      url: nullable(text({ min: 8, max: 512, pattern: /https?:\/\/[\x21-\x7e]+/ })),
    }),
    { min: 1, max: limits.auditors },
  ),
});

/** Throws what the file system or the reader says; whoever asks knows which option named the file. */
export function readAuditors(path: string): HostAuditors {
  const bytes = Uint8Array.from(readFileSync(path));
  const read = auditorsReader(parseJson(bytes, limits.auditorFileBytes), 'auditors');
  const names = new Set(read.auditors.map(({ name }) => name));
  const keys = new Set(read.auditors.map(({ key }) => Buffer.from(key).toString('hex')));
  // One auditor under two names would count twice.
  if (names.size < read.auditors.length || keys.size < read.auditors.length) {
    throw new TypeError('a name or a key stands there twice');
  }
  if (read.pauseAt > read.auditors.length) throw new TypeError('more auditors would have to agree than there are');
  return read;
}
