import { describe, expect, it } from 'vitest';
import { type ArchiveVerdict, parseUnverifiedArchive, verifyArchive } from '../../../verifier/index.ts';
import { checkCommitment } from '../../../verifier/receipt/commitment.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { commitElements } from '../../../wire/commitment/index.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { type Archive, encodeArchive } from '../../../wire/message/archive.ts';
import { encodeIntegers } from '../../../wire/message/integers.ts';
import { decodeManifest, type Manifest } from '../../../wire/message/manifest.ts';
import { status } from '../../../wire/message/receipt.ts';
import { encodeInferRequest, encodeInferResponse, type Tensor } from '../../../wire/message/tensor.ts';
import { uintWord } from '../../../wire/words.ts';
import { policyFor, ruling } from '../../support/accept-answer.ts';
import { ANSWERED, type Answer, type AnswerChanges, answer, json } from '../../support/answer.ts';

const circuit = sha256(utf8('circuit'));
const tensors: Partial<Manifest> = {
  inputs: [{ name: 'x', datatype: 'UINT8', shape: ['batch', 3] }],
  outputs: [{ name: 'y', datatype: 'INT32', shape: ['batch', 1] }],
  circuit,
};
const x: Tensor = { name: 'x', datatype: 'UINT8', shape: [1, 3], data: Uint8Array.of(1, 2, 3) };
const y: Tensor = { name: 'y', datatype: 'INT32', shape: [1, 1], data: Uint8Array.of(0xff, 0xff, 0xff, 0xff) };
/** As the support's header has it. */
const salt = new Uint8Array(32).fill(0x22);
const NOTHING = new Uint8Array(32);
const commitment = uintWord(
  commitElements({ salt, inputs: [1n + 2n * 256n + 3n * 65_536n], outputs: [2n ** 31n - 1n] }),
);

const said = { modelName: 'demo', modelVersion: '1.0.0', id: null, outputs: [y] };
const inJson: AnswerChanges = {
  manifest: tensors,
  requestBody: encodeInferRequest({ id: null, inputs: [x], outputs: 'all' }, 'json').body,
  response: { format: 1, ...encodeInferResponse(said, 'json') },
};
const binaryRequest = encodeInferRequest({ id: null, inputs: [x], outputs: 'all' }, 'binary');
const inBinary: AnswerChanges = {
  manifest: tensors,
  header: { format: 0n, jsonLength: BigInt(binaryRequest.jsonLength) },
  requestBody: binaryRequest.body,
  response: { format: 0, ...encodeInferResponse(said, 'binary') },
};
const inIntegers: AnswerChanges = {
  manifest: tensors,
  header: { format: 2n, jsonLength: 0n },
  requestBody: encodeIntegers([{ decimals: 0, shape: [1, 3], values: [1n, 2n, 3n] }]),
  response: { format: 2, jsonLength: 0, body: encodeIntegers([{ decimals: 0, shape: [1, 1], values: [-1n] }]) },
};

/** By way of the file, so that what is judged is what a file can say. */
function judge(changes: AnswerChanges): Promise<ArchiveVerdict> {
  const archive = parseUnverifiedArchive(encodeArchive(answer(changes).archive));
  const policy = policyFor({ models: 'any' });
  return verifyArchive(archive, { policy, purpose: { kind: 'live', now: ANSWERED }, suite: nodeSuite, cache: 'none' });
}

const K1 = ({ checks }: ArchiveVerdict): string => {
  const check = checks.find(({ id }) => id === 'K1');
  return `${check?.outcome} ${check?.detail}`;
};

const receipt = (word: Uint8Array): AnswerChanges => ({ receipt: { commitment: word } });

describe('an archive whose receipt commits to its tensors', () => {
  it.each([
    ['JSON', inJson],
    ['binary', inBinary],
    ['integers', inIntegers],
  ])('is accepted: in %s', async (_, changes) => {
    const verdict = await judge({ ...changes, ...receipt(commitment) });
    expect(ruling(verdict)).toBe('accepted');
    expect(K1(verdict)).toMatch(/^passed matches: [0-9a-f]{64}$/);
    expect(verdict.verdict === 'accepted' && verdict.proven.receipt.commitment).toEqual(commitment);
  });
});

describe('an archive whose receipt commits to nothing', () => {
  it.each<readonly [string, string, AnswerChanges]>([
    ['no circuit', 'the release names no circuit', { ...inJson, manifest: { ...tensors, circuit: null } }],
    ['no integers', 'y is FP32, which is no integer', { manifest: { ...tensors, outputs: [floats()] } }],
    ['no answer', 'an answer with the status stopped has none', { ...inJson, receipt: { status: status.stopped } }],
    ['rows', 'not one row of every input and output', { ...inJson, requestBody: rows() }],
  ])('is accepted where it should: %s', async (_, why, changes) => {
    const verdict = await judge(changes);
    expect(ruling(verdict)).toBe('accepted');
    expect(K1(verdict)).toBe(`passed zero: ${why}`);
  });
});

function floats(): Manifest['outputs'][number] {
  return { name: 'y', datatype: 'FP32', shape: ['batch', 1] };
}

function rows(): Uint8Array {
  const two: Tensor = { ...x, shape: [2, 3], data: new Uint8Array(6) };
  return encodeInferRequest({ id: null, inputs: [two], outputs: 'all' }, 'json').body;
}

describe('an archive is not trusted', () => {
  const other = uintWord(7n);
  it.each<readonly [string, AnswerChanges]>([
    ['that commits to something else', { ...inJson, ...receipt(other) }],
    ['that commits to nothing, and should', inJson],
    ['that commits without a circuit', { ...inJson, manifest: { ...tensors, circuit: null }, ...receipt(commitment) }],
    ['that commits to floats', { ...inJson, manifest: { ...tensors, outputs: [floats()] }, ...receipt(commitment) }],
    ['that commits to several rows', { ...inJson, requestBody: rows(), ...receipt(commitment) }],
    ['that commits to a refusal', { ...inJson, receipt: { status: status.refused, commitment } }],
    ['whose request holds no tensors', { ...inJson, requestBody: json({ a: 1 }), ...receipt(commitment) }],
    ['whose answer holds no tensors', { ...inJson, response: { body: json({ a: 1 }) }, ...receipt(commitment) }],
    [
      'whose answer has another number of tensors',
      { ...inIntegers, response: { format: 2, jsonLength: 0, body: new Uint8Array(0) }, ...receipt(commitment) },
    ],
  ])('%s', async (_, changes) => {
    const verdict = await judge(withLength(changes));
    expect(ruling(verdict)).toBe('untrusted commitment_mismatch');
    expect(verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)).toEqual(['K1']);
    expect(verdict.checks.filter(({ outcome }) => outcome === 'not-reached').map(({ id }) => id)).toEqual(['D4', 'D5']);
  });
});

/** The length word of a body that a case has put in place of another. */
function withLength(changes: AnswerChanges): AnswerChanges {
  const body = changes.response?.body;
  if (body === undefined || changes.response?.format !== undefined) return changes;
  return { ...changes, response: { format: 1, jsonLength: body.length, body } };
}

describe('an archive without its payload', () => {
  const gone: Partial<Archive> = { request: null, response: null };

  it('does not say whether the commitment is right', async () => {
    for (const word of [commitment, NOTHING]) {
      const verdict = await judge({ ...inJson, ...receipt(word), archive: gone });
      expect(ruling(verdict)).toBe('undetermined payload_missing');
      expect(K1(verdict)).toBe('not-reached the payload is missing');
    }
  });

  it('is not trusted all the same where nothing can be committed to', async () => {
    const manifest = { ...tensors, circuit: null };
    const verdict = await judge({ ...inJson, manifest, ...receipt(commitment), archive: gone });
    expect(ruling(verdict)).toBe('untrusted commitment_mismatch');
    expect(ruling(await judge({ ...inJson, manifest, archive: gone }))).toBe('undetermined payload_missing');
  });
});

describe('buffers that change after the receipt was held against them', () => {
  const made: Answer = answer({ ...inJson, ...receipt(commitment) });
  const subject = {
    receipt: made.receipt,
    manifest: decodeManifest(made.release.manifest),
    suite: nodeSuite,
  };

  it('are not what is committed to', async () => {
    const exchange = { request: { header: made.header, body: made.requestBody }, response: made.response };
    expect((await checkCommitment({ ...subject, exchange })).code).toBeNull();
    for (const changed of [
      { ...exchange, request: { header: made.header, body: rows() } },
      { ...exchange, response: { ...made.response, body: json({ outputs: [] }) } },
    ]) {
      const { code, checks } = await checkCommitment({ ...subject, exchange: changed });
      expect([code, checks[0]?.detail]).toEqual([
        'commitment_mismatch',
        expect.stringMatching(/^request and answer are not those/),
      ]);
    }
  });
});
