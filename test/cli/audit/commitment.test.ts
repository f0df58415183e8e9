import { afterAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../../wire/bytes.ts';
import { commitElements, packTensor } from '../../../wire/commitment/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { type Archive, encodeArchive } from '../../../wire/message/archive.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { encodeInferRequest, encodeInferResponse, type Tensor } from '../../../wire/message/tensor.ts';
import { uintWord } from '../../../wire/words.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { answer, publisherKey } from '../../support/answer.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { type Audited, auditJson, ruled, states } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const policy = folder.file('policy.json', JSON.stringify(answerPolicy({ models: 'any' })));
const x: Tensor = { name: 'x', datatype: 'UINT8', shape: [1, 2], data: Uint8Array.of(1, 2) };
const y: Tensor = { ...x, name: 'y' };
const integers: Partial<Manifest> = {
  inputs: [{ name: 'x', datatype: 'UINT8', shape: ['rows', 2] }],
  outputs: [{ name: 'y', datatype: 'UINT8', shape: ['rows', 2] }],
  circuit: sha256(utf8('circuit')),
};
const elements = packTensor(x);
const right = uintWord(commitElements({ salt: new Uint8Array(32).fill(0x22), inputs: elements, outputs: elements }));
const wrong = uintWord(1n);
const nothing = new Uint8Array(32);

const requestBody = encodeInferRequest({ id: null, inputs: [x], outputs: 'all' }, 'json').body;
const said = encodeInferResponse({ modelName: 'demo', modelVersion: '1.0.0', id: null, outputs: [y] }, 'json');

interface Changes {
  readonly manifest?: Partial<Manifest>;
  readonly archive?: Partial<Archive>;
  readonly signed?: 'by somebody else';
}

let files = 0;
function file(commitment: Uint8Array, { manifest, archive, signed }: Changes = {}): string {
  const made = answer({
    manifest: { ...integers, ...manifest },
    requestBody,
    response: { format: 1, ...said },
    receipt: { commitment },
    ...(archive === undefined ? {} : { archive }),
    ...(signed === undefined ? {} : { headKey: publisherKey }),
  });
  files += 1;
  return folder.file(`${files}.proofmark`, encodeArchive(made.archive));
}

const audit = (path: string): Promise<Audited> => auditJson(path, '--policy', policy);

function told({ report }: Audited): unknown {
  const { accepted, authentic, claimed } = report.evidence;
  return [accepted, authentic, claimed]
    .map((group) => group['receipt']?.['commitment'])
    .find((text) => text !== undefined);
}

const deleted: Changes = { archive: { request: null, response: null } };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('an audit says of the commitment', () => {
  it.each<readonly [string, string, string, string]>([
    ['matches', file(right), 'accepted', `matches: ${hex(right)}`],
    ['zero', file(nothing, { manifest: { circuit: null } }), 'accepted', 'zero: the release names no circuit'],
    ['wrong', file(wrong), 'untrusted commitment_mismatch', 'wrong: other tensors'],
    ['wrong where it is missing', file(nothing), 'untrusted commitment_mismatch', 'wrong: nothing, and one is due'],
    [
      'not checkable without payload',
      file(wrong, deleted),
      'undetermined payload_missing',
      `${hex(wrong)}, not checkable: request or answer was deleted`,
    ],
    [
      'not checkable after another failure',
      file(right, { signed: 'by somebody else' }),
      'untrusted head_signature',
      `${hex(right)}, not checkable: an earlier check failed`,
    ],
  ])('%s', async (_, path, ruling, text) => {
    const audited = await audit(path);
    expect(ruled(audited)).toBe(ruling);
    expect(told(audited)).toBe(text);
  });

  it('that it breaks what was said of request and answer, and nothing above', async () => {
    const audited = await audit(file(wrong));
    expect(states(audited)).toMatchObject({ head: 'proven', receipt: 'proven', answer: 'broken', model: 'proven' });
    expect(audited.exit).toBe(20);
    expect(audited.report.evidence.claimed).toHaveProperty('exchange');
  });

  it('in words, too, under a title of its own', async () => {
    const { out } = await command('audit', file(wrong), '--policy', policy, '--at', '2030-05-17T12:00:00Z');
    expect(out).toMatch(/Commitment\n.*K1/);
    expect(out).toContain('commitment_mismatch');
  });
});
