import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { receiptChecks } from '../../../verifier/receipt/verify.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { signP256 } from '../../../wire/crypto/node-sign.ts';
import { ruling } from '../../support/accept-answer.ts';
import { type AnswerChanges, answer, json, plain, signerKey } from '../../support/answer.ts';
import { type Judgement, judgeReceipt } from '../../support/judge-receipt.ts';

interface Case {
  readonly says: string;
  readonly ruling: string;
  /** The only check that fails. */
  readonly check: string;
  readonly changes?: AnswerChanges;
  readonly judgement?: Judgement;
}

const other = new Uint8Array(32).fill(9);
const noCbor = Uint8Array.of(0xff);
const strangersKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

function changedAt(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = value;
  return changed;
}

const otherTag = changedAt(plain.bundle.head, 0, 0x50);
/** The last byte of the ninth word. */
const unknownStatus = changedAt(plain.bundle.receipt, 9 * 32 - 1, 5);

const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

/** The other form of the same signature, which verifies just as well. */
function highS(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  const high = Buffer.from((ORDER - s).toString(16).padStart(64, '0'), 'hex');
  return Uint8Array.from([...signature.subarray(0, 32), ...high]);
}

const malformed: readonly Case[] = [
  {
    says: 'a receipt with a status that nobody defined',
    ruling: 'malformed receipt_invalid',
    check: 'R0',
    changes: { bundle: { receipt: unknownStatus } },
  },
  {
    says: 'a head with another tag, well signed',
    ruling: 'malformed head_invalid',
    check: 'R0',
    changes: { bundle: { head: otherTag, signature: signP256(signerKey, otherTag) } },
  },
  {
    says: 'an execution that is no CBOR, well hashed',
    ruling: 'malformed execution_invalid',
    check: 'R0',
    changes: { bundle: { execution: noCbor }, receipt: { execution: sha256(noCbor) } },
  },
  {
    says: 'a header whose jsonLength is beyond the body',
    ruling: 'malformed header_invalid',
    check: 'R0',
    changes: { header: { jsonLength: 99n } },
  },
  {
    says: 'an answer whose jsonLength is not its length',
    ruling: 'malformed response_invalid',
    check: 'R0',
    changes: { response: { jsonLength: 3 } },
  },
  ...[
    { format: 3, jsonLength: 0 },
    { format: 300, jsonLength: 0 },
    { format: -1, jsonLength: 0 },
    { format: 0.5, jsonLength: 0 },
    { format: Number.NaN, jsonLength: 0 },
    { format: 2, jsonLength: 2 ** 60 },
  ].map((words) => ({
    says: `an answer with format ${words.format} and length ${words.jsonLength}`,
    ruling: 'malformed response_invalid',
    check: 'R0',
    judgement: { expected: { response: { ...words, body: plain.response.body } } },
  })),
];

const untrusted: readonly Case[] = [
  {
    says: 'a head of another log, signed by the proven key',
    ruling: 'untrusted head_of_other_log',
    check: 'R1',
    changes: { head: { log: other } },
  },
  {
    says: 'P8 a head of another chain',
    ruling: 'untrusted head_of_other_chain',
    check: 'R2',
    changes: { head: { chainId: 1n } },
  },
  {
    says: 'P8 a head of another settlement',
    ruling: 'untrusted head_of_other_chain',
    check: 'R2',
    changes: { head: { settlement: new Uint8Array(20).fill(9) } },
  },
  {
    says: 'P6 a head signed by another key',
    ruling: 'untrusted head_signature',
    check: 'R3',
    changes: { headKey: strangersKey },
  },
  {
    says: 'P13 a head whose signature has a high s',
    ruling: 'untrusted head_signature',
    check: 'R3',
    changes: { bundle: { signature: highS(plain.bundle.signature) } },
  },
  {
    says: 'a signature of zeros',
    ruling: 'untrusted head_signature',
    check: 'R3',
    changes: { bundle: { signature: new Uint8Array(64) } },
  },
  {
    says: 'a shorter proof',
    ruling: 'untrusted inclusion_proof',
    check: 'R4',
    changes: { bundle: { proof: plain.bundle.proof.slice(1) } },
  },
  { says: 'no proof', ruling: 'untrusted inclusion_proof', check: 'R4', changes: { bundle: { proof: [] } } },
  {
    says: 'P17 a receipt that claims the place of another leaf',
    ruling: 'untrusted inclusion_proof',
    check: 'R4',
    changes: { receipt: { index: 2n } },
  },
  {
    says: 'P17 a head over fewer leaves than the index',
    ruling: 'untrusted inclusion_proof',
    check: 'R4',
    changes: { head: { size: 3 } },
  },
  {
    says: 'a head with another root',
    ruling: 'untrusted inclusion_proof',
    check: 'R4',
    changes: { head: { root: other } },
  },
  {
    says: 'a receipt for another request id',
    ruling: 'untrusted request_id_mismatch',
    check: 'R5',
    changes: { receipt: { requestId: other } },
  },
  {
    says: 'a receipt for another model',
    ruling: 'untrusted model_mismatch',
    check: 'R6',
    changes: { receipt: { modelId: other } },
    judgement: { policy: { models: 'any' } },
  },
  {
    says: 'a receipt for another request',
    ruling: 'untrusted request_mismatch',
    check: 'R7',
    changes: { receipt: { requestHash: other } },
  },
  {
    says: 'another input than the one that was hashed',
    ruling: 'untrusted request_mismatch',
    check: 'R7',
    judgement: { expected: { request: { header: plain.header, body: json({ inputs: 22 }) } } },
  },
  {
    says: 'P9 a receipt for another answer',
    ruling: 'untrusted response_mismatch',
    check: 'R8',
    changes: { receipt: { responseHash: plain.receipt.requestHash } },
  },
  {
    says: 'an answer of the same length with another value',
    ruling: 'untrusted response_mismatch',
    check: 'R8',
    judgement: {
      expected: { response: { ...plain.response, body: json({ outputs: 22 }).slice(0, plain.response.body.length) } },
    },
  },
  {
    says: 'an answer hashed under another status',
    ruling: 'untrusted response_mismatch',
    check: 'R8',
    changes: { receipt: { status: 1n, responseHash: plain.receipt.responseHash } },
  },
  {
    says: 'an answer shown in another format',
    ruling: 'untrusted response_mismatch',
    check: 'R8',
    judgement: { expected: { response: { ...plain.response, format: 0 } } },
  },
  {
    says: 'another execution than the receipt names',
    ruling: 'untrusted execution_mismatch',
    check: 'R9',
    changes: { receipt: { execution: other } },
  },
  ...(
    [{ engine: 'other' }, { version: '2.0.0' }, { provider: 'gpu' }, { optimisation: 'all' }, { threads: 2 }] as const
  ).map((execution) => ({
    says: `an execution with another ${Object.keys(execution)[0]} than was attested`,
    ruling: 'untrusted execution_contradiction',
    check: 'R10',
    changes: { execution },
  })),
  {
    says: 'a flag that was not asked for',
    ruling: 'untrusted flags_mismatch',
    check: 'R11',
    changes: { receipt: { flags: 3n } },
  },
  {
    says: 'a receipt that calls an open request sealed',
    ruling: 'untrusted flags_mismatch',
    check: 'R11',
    changes: { header: { flags: 0n }, receipt: { flags: 2n } },
  },
  {
    says: 'a charge to a channel that was not named',
    ruling: 'untrusted channel_mismatch',
    check: 'R11',
    changes: { receipt: { channel: other } },
  },
  {
    says: 'another deadline',
    ruling: 'untrusted deadline_mismatch',
    check: 'R11',
    changes: { receipt: { deadline: 1n } },
  },
];

const refused: readonly Case[] = [
  {
    says: 'a model that is not on the list',
    ruling: 'refused model_refused',
    check: 'R15',
    judgement: { policy: { models: [] } },
  },
  {
    says: 'an answer that the host saw',
    ruling: 'refused unsealed_refused',
    check: 'R16',
    changes: { header: { flags: 0n } },
  },
  {
    says: 'a header that the host chose',
    ruling: 'refused header_by_host',
    check: 'R17',
    judgement: { expected: { headerBy: 'host' } },
  },
];

const cases = [...malformed, ...untrusted, ...refused];

describe('verifyReceipt', () => {
  it('gives every fact of an accepted answer', async () => {
    const verdict = await judgeReceipt(plain);
    if (verdict.verdict !== 'accepted') throw new Error(verdict.code);
    expect(verdict.proven).toMatchObject({
      level: 'simulated',
      index: 3,
      requestId: plain.receipt.requestId,
      modelId: plain.modelId,
      status: 'ok',
      fee: 5n,
      cumulativeFee: 0n,
      sealed: true,
      headerBy: 'client',
      head: { size: 6 },
      responseBodyHash: sha256(plain.response.body),
    });
    expect(verdict.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(
      receiptChecks.map(({ id }) => `${id} passed`),
    );
    expect(verdict.notProven.map(({ id }) => id)).toEqual(['cpu', 'quality']);
  });

  it.each(cases)('$says: $ruling', async ({ ruling: expected, check, changes, judgement }) => {
    const verdict = await judgeReceipt(answer(changes), judgement);
    expect(ruling(verdict)).toBe(expected);
    expect(verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)).toEqual([check]);
    expect(verdict.checks.map(({ id }) => id)).toEqual(receiptChecks.map(({ id }) => id));
  });

  it('lists each check under one id', () => {
    const ids = receiptChecks.map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: 18 }, (_, index) => `R${index}`));
  });

  it('goes no further than the first failure of the proof', async () => {
    const verdict = await judgeReceipt(answer({ receipt: { requestId: other, deadline: 9n } }), {
      policy: { models: [] },
    });
    expect(ruling(verdict)).toBe('untrusted request_id_mismatch');
    const after = verdict.checks.slice(6).map(({ outcome }) => outcome);
    expect(new Set(after)).toEqual(new Set(['not-reached']));
    expect(after).toHaveLength(12);
  });

  it('names every reason of the policy, and takes the code of the first', async () => {
    const open = answer({ header: { flags: 0n } });
    const verdict = await judgeReceipt(open, { expected: { headerBy: 'host' }, policy: { models: [] } });
    expect(ruling(verdict)).toBe('refused model_refused');
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed).toEqual(['R15', 'R16', 'R17']);
  });

  it('reports what the policy answers with "any" as not asked and not proven', async () => {
    const open = answer({ header: { flags: 0n } });
    const policy = { models: 'any', sealed: 'any', headers: 'any' };
    const verdict = await judgeReceipt(open, { expected: { headerBy: 'host' }, policy });
    expect(verdict.verdict).toBe('accepted');
    const unasked = verdict.checks.filter(({ outcome }) => outcome === 'not-asked').map(({ id }) => id);
    expect(unasked).toEqual(['R15', 'R16', 'R17']);
    expect(verdict.notProven.map(({ id }) => id)).toEqual(['cpu', 'quality', ...unasked, 'header']);
  });

  it('knows the three formats of an answer, each with its own length', async () => {
    for (const response of [{ format: 0, jsonLength: 3 }, {}, { format: 2, jsonLength: 0 }]) {
      expect(ruling(await judgeReceipt(answer({ response })))).toBe('accepted');
    }
  });

  it('refuses the answer of another proven worker', async () => {
    const elsewhere = answer({ identity: { sealKey: other } });
    expect(ruling(await judgeReceipt(elsewhere, { evidence: plain.evidence }))).toBe('untrusted head_of_other_log');
  });
});
