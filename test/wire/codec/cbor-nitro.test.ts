import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CborMap, type CborProfile, type CborValue, decodeCbor } from '../../../wire/codec/cbor.ts';
import { limits } from '../../../wire/limits.ts';
import { codeOf } from './support.ts';

const folder = new URL('../../../../shared/vectors/nitro/', import.meta.url);
const profile: CborProfile = {
  maxBytes: limits.attestationDocumentBytes,
  maps: 'definite-or-indefinite',
  order: 'any',
};

const documents = [
  ['veracruz/aws_nitro_document.cbor', 'definite'],
  ['veracruz/aws_nitro_document_bad_sig.cbor', 'definite'],
  ['evervault/beta/debug-mode-attestation-doc-bytes', 'definite'],
  ['evervault/valid-attestation-doc.cbor', 'definite'],
  ['dstack/nsm-qvl_nitro_attestation.cose.cbor', 'indefinite'],
  ['dstack/dstack-attest_nitro_attestation_dbg.cose.cbor', 'indefinite'],
] as const;

function read(file: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(file, folder)));
}

function payloadOf(document: Uint8Array): Uint8Array {
  const [, , payload] = decodeCbor(document, profile) as readonly CborValue[];
  return payload as Uint8Array;
}

describe.skipIf(!existsSync(folder))('real Nitro documents (skipped where the shared vectors are absent)', () => {
  it.each(documents)('%s is read, its payload map is %s', (file, form) => {
    const document = read(file);
    const cose = decodeCbor(document, profile) as readonly CborValue[];
    expect(cose).toHaveLength(4);
    expect(cose[0]).toEqual(Uint8Array.of(0xa1, 0x01, 0x38, 0x22));
    expect(cose[1]).toEqual(new Map());
    expect((cose[3] as Uint8Array).length).toBe(96);

    const payload = payloadOf(document);
    expect(payload[0] === 0xbf ? 'indefinite' : 'definite').toBe(form);
    const fields = decodeCbor(payload, profile) as CborMap;
    expect(fields.get('digest')).toBe('SHA384');
    expect(fields.get('timestamp')).toSatisfy(Number.isSafeInteger);
    const pcrs = fields.get('pcrs') as CborMap;
    expect([...pcrs.keys()].slice(0, 3)).toEqual([0, 1, 2]);
    for (const pcr of pcrs.values()) expect((pcr as Uint8Array).length).toBe(48);
  });

  it.each([
    ['base/hinted_attestation_0.cbor', 'three bytes short'],
    ['dstack/nsm-qvl_nitro_attestation.bin', 'framed by other bytes'],
  ])('%s is refused: %s', (file) => {
    expect(codeOf(() => decodeCbor(read(file), profile))).not.toBe('accepted');
  });

  it('every truncation and every changed byte of a payload is refused by code or read', () => {
    const payload = payloadOf(read('dstack/nsm-qvl_nitro_attestation.cose.cbor'));
    for (let at = 0; at < payload.length; at++) {
      // `codeOf` lets anything but a WireError through.
      expect(codeOf(() => decodeCbor(payload.subarray(0, at), profile))).not.toBe('accepted');
      for (const bits of [0x01, 0x80, 0xff]) {
        const damaged = payload.slice();
        damaged[at] = (damaged[at] as number) ^ bits;
        codeOf(() => decodeCbor(damaged, profile));
      }
    }
  });
});
