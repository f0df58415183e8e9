import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import { decodeDisclosed, encodeDisclosed } from '../../../wire/message/disclosed.ts';
import {
  auditorWords,
  type CommitRecord,
  decodeApprovalRecord,
  decodeCommitRecord,
  decodeCommitsPage,
  decodeFindingOrCommit,
  decodeFindingRecord,
  decodeFindingsPage,
  encodeApprovalRecord,
  encodeCommitRecord,
  encodeCommitsPage,
  encodeFindingRecord,
  encodeFindingsPage,
} from '../../../wire/message/finding-record.ts';
import { findingRecord, signer, word } from '../../support/findings.ts';

const auditor = signer();
const held = [{ auditor: auditor.auditor, digest: word(1), signature: new Uint8Array(64) }];
const record = findingRecord(auditor, { record: { held } });
const commit: CommitRecord = {
  ...{ format: 'proofmark finding commit v1', auditor: auditor.auditor, leaf: word(1), digest: word(2) },
  signature: new Uint8Array(64),
};

function refusal(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return `${error.code} ${error.place.field ?? ''}`.trim();
    throw error;
  }
}

describe('what auditors publish', () => {
  it('reads back as it was written', () => {
    const approval = {
      format: 'proofmark approval v1',
      auditor: auditor.auditor,
      approval: new Uint8Array(288),
    } as const;
    const signed = { ...approval, signature: new Uint8Array(64) };
    expect(decodeFindingRecord(encodeFindingRecord(record))).toEqual(record);
    expect(decodeCommitRecord(encodeCommitRecord(commit))).toEqual(commit);
    expect(decodeApprovalRecord(encodeApprovalRecord(signed))).toEqual(signed);
    expect(decodeFindingsPage(encodeFindingsPage(word(1), [record]))).toEqual([record]);
    expect(decodeCommitsPage(encodeCommitsPage(word(1), [commit]))).toEqual([commit]);
    expect(decodeFindingOrCommit(encodeFindingRecord(record))).toEqual(record);
    expect(decodeFindingOrCommit(encodeCommitRecord(commit))).toEqual(commit);
  });

  it.each<readonly [string, object]>([
    ['field_missing finding.reveal', { ...record, reveal: undefined }],
    ['field_unknown finding.more', { ...record, more: 1 }],
    ['field_invalid finding.waited', { ...record, waited: 'long' }],
    ['field_invalid finding.drawn.samples', { ...record, drawn: { ...record.drawn, samples: 0 } }],
    ['field_invalid finding.blinding', { ...record, blinding: word(1).subarray(1) }],
  ])('is refused by name: %s', (code, changed) => {
    const encoded = encodeFindingRecord(changed as typeof record);
    expect(refusal(() => decodeFindingRecord(encoded))).toBe(code);
  });

  it('names an auditor by 64 bytes', () => {
    expect(refusal(() => auditorWords(word(1)))).toBe('key_invalid');
  });
});

describe('the published schemas', () => {
  const compiled = (name: string): ((value: unknown) => boolean) => {
    const schema = JSON.parse(readFileSync(`attestations/schemas/proofmark-${name}.schema.json`, 'utf8')) as object;
    return new Ajv2020({ strict: true, allErrors: true, strictRequired: false }).compile(schema);
  };
  const parsed = (bytes: Uint8Array): Record<string, unknown> =>
    JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;

  it('take what is published, and nothing with a member more or less', () => {
    const approval = encodeApprovalRecord({
      ...{ format: 'proofmark approval v1', auditor: auditor.auditor, approval: new Uint8Array(288) },
      signature: new Uint8Array(64),
    });
    for (const [name, bytes] of [
      ['finding', encodeFindingRecord(record)],
      ['finding', encodeFindingRecord({ ...record, drawn: null })],
      ['finding', encodeCommitRecord(commit)],
      ['approval', approval],
    ] as const) {
      const fits = compiled(name);
      expect(fits(parsed(bytes)), name).toBe(true);
      expect(fits({ ...parsed(bytes), more: 1 }), name).toBe(false);
      for (const member of Object.keys(parsed(bytes))) {
        const { [member]: _, ...rest } = parsed(bytes);
        expect(fits(rest), `${name} without ${member}`).toBe(false);
      }
    }
  });
});

describe('a disclosed request', () => {
  const value = {
    version: 1,
    header: new Uint8Array(384),
    body: utf8('in'),
    format: 2,
    jsonLength: 0,
    answer: utf8('out'),
  } as const;

  it('reads back as it was written', () => {
    expect(decodeDisclosed(encodeDisclosed(value))).toEqual(value);
  });

  it('is none with a header of another length, or another version', () => {
    expect(refusal(() => decodeDisclosed(encodeDisclosed({ ...value, header: word(1) })))).toContain(
      'disclosed.header',
    );
    expect(refusal(() => decodeDisclosed(encodeDisclosed({ ...value, version: 2 as 1 })))).toContain(
      'disclosed.version',
    );
  });
});
