import { createRoot, makeAuthority } from '../../../enclave/simulator/authority.ts';
import { createNsm, textRegister } from '../../../enclave/simulator/nsm.ts';
import { type SigningKey, sha384 } from '../../../enclave/simulator/signing.ts';
import { fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { type CborMap, type CborValue, decodeCbor } from '../../../wire/codec/cbor.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { filler } from '../golden/keys.ts';
import { editCertificate, nameOf } from './certificate.ts';
import { publishedChance, rootKey } from './keys.ts';

/** One enclave of the simulator, and the document that every case starts from. */
export const SECOND = 1_000;
export const HOUR: number = 3_600 * SECOND;
export const NOW: number = Date.UTC(2030, 4, 17, 12, 0, 0);
const BOOTED = NOW - HOUR;
/** AWS and the simulator date certificates three seconds back. */
export const LEAF_BEGINS: number = BOOTED - 3 * SECOND;
export const LEAF_ENDS: number = LEAF_BEGINS + 3 * HOUR;
export const REGION = 'zz-simulated-1';
export const INSTANCE_ID = 'i-0c0ffee0c0ffee0c0';

export const CHALLENGE: Uint8Array = filler('corpus challenge');
export const USER_DATA: Uint8Array = filler('corpus user data');
/** 65 bytes, as an uncompressed P-256 point has; the document proves bytes and asks nothing of them. */
export const PUBLIC_KEY: Uint8Array = Uint8Array.from([4, ...filler('corpus public key', 64)]);

/** The root's name is the first thing that a reader of a chain sees. */
const ROOT_NAME = nameOf(
  ['2.5.4.6', 'ZZ'],
  ['2.5.4.10', 'SIMULATED'],
  ['2.5.4.11', 'Proofmark'],
  ['2.5.4.3', 'TEST VECTORS ONLY'],
);

const chance = publishedChance('enclave');
const simulated = createRoot({ now: BOOTED, key: rootKey, chance });
export const ROOT: Uint8Array = editCertificate(simulated.certificate, rootKey, {
  issuer: ROOT_NAME,
  subject: ROOT_NAME,
});

const registers = {
  pcr0: sha384(utf8('corpus PCR0')),
  pcr1: sha384(utf8('corpus PCR1')),
  pcr2: sha384(utf8('corpus PCR2')),
  pcr3: textRegister('arn:zz:iam::000000000000:role/test-vectors-only'),
  pcr4: textRegister(INSTANCE_ID),
};

const authority = makeAuthority({
  root: simulated,
  instanceId: INSTANCE_ID,
  enclaveId: fromHex('0011223344556677'),
  chance,
});
export const MODULE_ID: string = authority.moduleId;
const signer = authority.signerAt(BOOTED);

/** Root first, leaf last; the regional CA is signed again, because its issuer has another name. */
export const CHAIN: readonly Uint8Array[] = [...signer.cabundle, signer.certificate].map((certificate, index) => {
  if (index === 0) return ROOT;
  return index === 1 ? editCertificate(certificate, rootKey, { issuer: ROOT_NAME }) : certificate;
});

export const KEYS: readonly SigningKey[] = [rootKey, ...CHAIN.slice(1).map((certificate) => chance.keyOf(certificate))];

const nsm = createNsm({ authority, registers, clock: () => NOW, chance, encoding: 'definite' });

/** As the device would write it, with the simulator's own root; the fields are where every document here starts. */
export function deviceDocument(): Uint8Array {
  const answer = nsm({ kind: 'Attestation', userData: USER_DATA, nonce: CHALLENGE, publicKey: PUBLIC_KEY });
  if (answer.kind !== 'Attestation') throw new RangeError('the simulator refused');
  return answer.document;
}

export function payloadIn(document: Uint8Array): Uint8Array {
  const profile = { maxBytes: limits.attestationDocumentBytes, maps: 'definite', order: 'any' } as const;
  return (decodeCbor(document, profile) as readonly CborValue[])[2] as Uint8Array;
}

/** In AWS's order. */
export const FIELDS: readonly (readonly [string, CborValue])[] = [
  ...(decodeCbor(payloadIn(deviceDocument()), {
    maxBytes: limits.nitroPayloadBytes,
    maps: 'definite',
    order: 'any',
  }) as CborMap),
].map(([key, value]) => [key as string, value]);

export function pcrsWith(changes: { readonly [index: number]: Uint8Array | null }): ReadonlyMap<number, Uint8Array> {
  const pcrs = new Map(FIELDS.find(([name]) => name === 'pcrs')?.[1] as ReadonlyMap<number, Uint8Array>);
  for (const [index, value] of Object.entries(changes)) {
    if (value === null) pcrs.delete(Number(index));
    else pcrs.set(Number(index), value as Uint8Array);
  }
  return pcrs;
}

export const ZERO: Uint8Array = new Uint8Array(48);
export const OTHER: Uint8Array = sha384(utf8('corpus: another value'));
export const IMAGE: { readonly [name: string]: string } = {
  pcr0: toHex(registers.pcr0),
  pcr1: toHex(registers.pcr1),
  pcr2: toHex(registers.pcr2),
};
export const ROLE: string = toHex(registers.pcr3);
export const INSTANCE: string = toHex(registers.pcr4);
export const ROOT_SHA256: string = toHex(sha256(ROOT));
