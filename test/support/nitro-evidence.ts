import { createHash, sign } from 'node:crypto';
import {
  type NitroFacts,
  type NitroOptions,
  type NitroPolicy,
  parsePolicy,
  type Verdict,
  type Verified,
  verifyNitroDocument,
} from '../../verifier/index.ts';
import { concatBytes, toHex, utf8 } from '../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../wire/codec/cbor.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { type ChainChanges, chain, keyAt, MODULE_ID, NOW, ROOT } from './certificates.ts';

/** Nitro documents that are right by default and wrong in whatever way a test asks for. */
export const CHALLENGE: Uint8Array = new Uint8Array(32).fill(0x5a);

export const pcr = (value: number): Uint8Array => new Uint8Array(48).fill(value);

export function defaultPcrs(): Map<number, Uint8Array> {
  return new Map(Array.from({ length: 16 }, (_, index) => [index, pcr(index < 5 ? index + 1 : 0)]));
}

type Fields = { readonly [name: string]: CborValue | undefined };

export interface EvidenceChanges {
  readonly chain?: ChainChanges;
  /** Replaces the whole chain. */
  readonly certificates?: readonly Uint8Array[];
  /** undefined leaves a field out. */
  readonly fields?: Fields;
  readonly payload?: (made: Uint8Array) => Uint8Array;
  readonly form?: 'definite' | 'indefinite';
  readonly header?: Uint8Array;
  readonly unprotected?: CborValue;
  readonly signature?: (made: Uint8Array) => Uint8Array;
}

export function payloadOf(changes: EvidenceChanges = {}): Uint8Array {
  const certificates = changes.certificates ?? chain(changes.chain);
  const fields: Fields = {
    module_id: MODULE_ID,
    digest: 'SHA384',
    timestamp: NOW,
    pcrs: defaultPcrs(),
    certificate: certificates.at(-1) as Uint8Array,
    cabundle: certificates.slice(0, -1),
    public_key: null,
    user_data: utf8('user data'),
    nonce: CHALLENGE,
    ...changes.fields,
  };
  const present = Object.entries(fields).filter((entry): entry is [string, CborValue] => entry[1] !== undefined);
  const items = present.flatMap(([key, value]) => [encodeCbor(key), encodeCbor(value)]);
  return changes.form === 'indefinite'
    ? concatBytes(Uint8Array.of(0xbf), ...items, Uint8Array.of(0xff))
    : concatBytes(Uint8Array.of(0xa0 + present.length), ...items);
}

export function evidence(changes: EvidenceChanges = {}): Uint8Array {
  const made = payloadOf(changes);
  const payload = changes.payload?.(made) ?? made;
  const header = changes.header ?? Uint8Array.of(0xa1, 0x01, 0x38, 0x22);
  const signed = encodeCbor(['Signature1', header, new Uint8Array(0), payload]);
  const signature = new Uint8Array(sign('sha384', signed, { key: keyAt(4).privateKey, dsaEncoding: 'ieee-p1363' }));
  return encodeCbor([header, changes.unprotected ?? new Map(), payload, changes.signature?.(signature) ?? signature]);
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function policyJson(changes: { readonly [rule: string]: JsonValue } = {}): {
  readonly [key: string]: JsonValue;
} {
  return {
    version: 1,
    name: 'tests',
    expires: '2031-01-01T00:00:00Z',
    tee: 'aws-nitro',
    level: 'simulated',
    roots: [sha256Hex(ROOT)],
    images: [{ pcr0: toHex(pcr(1)), pcr1: toHex(pcr(2)), pcr2: toHex(pcr(3)) }],
    pcrs: { '3': [toHex(pcr(4))], '4': [toHex(pcr(5))], '8': [toHex(pcr(0))] },
    debug: 'refuse',
    maxAgeSeconds: 600,
    futureSkewSeconds: 300,
    leafLifetimeSeconds: 10_860,
    moduleId: 'matches-certificate',
    regions: ['zz-test-1'],
    unknownFields: 'refuse',
    userDataLimit: 512,
    configurations: 'any',
    runtimes: 'any',
    operators: 'any',
    chain: 'any',
    publishers: 'any',
    models: 'any',
    sealed: 'required',
    headers: 'client-only',
    anchors: 'none',
    denied: { certificates: [], modules: [], images: [] },
    ...changes,
  };
}

export function policy(changes: { readonly [rule: string]: JsonValue } = {}): NitroPolicy {
  return parsePolicy(policyJson(changes));
}

const strict = policy();

export function verify(
  document: Uint8Array,
  options: Partial<NitroOptions> = {},
): Promise<Verdict<Verified<NitroFacts>>> {
  return verifyNitroDocument(document, {
    policy: strict,
    now: NOW,
    challenge: CHALLENGE,
    suite: nodeSuite,
    cache: 'none',
    ...options,
  });
}

/** `accepted`, or the verdict and its code in one text. */
export async function rulingOn(document: Uint8Array, options: Partial<NitroOptions> = {}): Promise<string> {
  const verdict = await verify(document, options);
  return verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict} ${verdict.code}`;
}
