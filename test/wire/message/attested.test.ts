import { describe, expect, it } from 'vitest';
import { encodeCbor } from '../../../wire/codec/cbor.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { type Attested, decodeAttested, encodeAttested } from '../../../wire/message/link.ts';

const nitro: Attested = {
  tee: 'aws-nitro',
  document: new Uint8Array(5_000).fill(1),
  certificateTable: null,
  possession: new Uint8Array(64).fill(4),
};
const snp: Attested = {
  tee: 'amd-sev-snp',
  document: new Uint8Array(1_184).fill(2),
  certificateTable: new Uint8Array(limits.snpTableBytes).fill(3),
  possession: new Uint8Array(64).fill(5),
};

function codeOf(fields: Readonly<Record<string, unknown>>): string {
  try {
    decodeAttested(encodeCbor(new Map(Object.entries(fields)) as never));
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return `${error.code} ${error.place.field ?? ''}`.trimEnd();
    throw error;
  }
}

describe('what a worker says to a challenge', () => {
  it.each([nitro, snp])('is read as it was written: $tee', (attested) => {
    expect(decodeAttested(encodeAttested(attested))).toEqual(attested);
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['another vendor', { ...nitro, tee: 'intel-tdx' }, 'field_invalid attested.tee'],
    ['no document', { ...nitro, document: new Uint8Array(0) }, 'field_invalid attested.document'],
    [
      'a document over its limit',
      { ...nitro, document: new Uint8Array(limits.attestationDocumentBytes + 1) },
      'field_invalid attested.document',
    ],
    ['an empty table', { ...nitro, certificateTable: new Uint8Array(0) }, 'field_invalid attested.certificateTable'],
    [
      'a table over its limit',
      { ...nitro, certificateTable: new Uint8Array(limits.snpTableBytes + 1) },
      'field_invalid attested.certificateTable',
    ],
    [
      'no word on the table',
      { tee: nitro.tee, document: nitro.document, possession: nitro.possession },
      'field_missing attested.certificateTable',
    ],
    ['half a signature', { ...nitro, possession: new Uint8Array(32) }, 'field_invalid attested.possession'],
    ['something more', { ...nitro, more: 1 }, 'field_unknown attested.more'],
  ])('is refused: %s', (_, fields, code) => {
    expect(codeOf(fields)).toBe(code);
  });

  it('is refused where it is longer than all of it could be', () => {
    const bytes = new Uint8Array(limits.attestationDocumentBytes + limits.snpTableBytes + 257);
    expect(() => decodeAttested(bytes)).toThrow(/too_large/);
  });
});
