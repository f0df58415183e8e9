import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireAccepted, verifyNitroDocument, verifyReceipt } from '../../../verifier/index.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { feeFor, operation } from '../../../wire/message/request.ts';
import { policyFor, provenWorker, ruling } from '../../support/accept-answer.ts';
import { ANSWERED, type AnswerChanges, ASKED, answer, plain } from '../../support/answer.ts';
import { judgeReceipt } from '../../support/judge-receipt.ts';
import { runs } from '../../support/runs.ts';

const channel = new Uint8Array(32).fill(9);
const MAX_FEE = 2n ** 128n - 1n;

interface FeeCase {
  readonly says: string;
  readonly operation?: bigint;
  readonly unitPrice?: bigint;
  readonly maxFee?: bigint;
  readonly status?: bigint;
  readonly fee: bigint;
  readonly ruling: 'accepted' | 'untrusted fee_mismatch';
}

const right = 'accepted';
const wrong = 'untrusted fee_mismatch';

const fees: readonly FeeCase[] = [
  { says: 'a tensor call costs one unit', fee: 5n, ruling: right },
  { says: 'a tensor call that costs less', fee: 4n, ruling: wrong },
  { says: 'a tensor call that costs nothing', fee: 0n, ruling: wrong },
  { says: 'a tensor call that costs more, below the maximum', fee: 6n, ruling: wrong },
  { says: 'a tensor call that costs two units', maxFee: 100n, fee: 10n, ruling: wrong },
  { says: 'the maximum caps the unit', maxFee: 3n, fee: 3n, ruling: right },
  { says: 'more than the maximum', maxFee: 3n, fee: 5n, ruling: wrong },
  { says: 'a free call', unitPrice: 0n, maxFee: 0n, fee: 0n, ruling: right },
  { says: 'a fee for a free call', unitPrice: 0n, fee: 5n, ruling: wrong },
  { says: 'the largest numbers', unitPrice: MAX_FEE, maxFee: MAX_FEE, fee: MAX_FEE, ruling: right },

  { says: 'a cancelled call is charged', status: 1n, fee: 5n, ruling: right },
  { says: 'a call that was cancelled before it was begun', status: 1n, fee: 0n, ruling: right },
  { says: 'a model error is free', status: 2n, fee: 0n, ruling: right },
  { says: 'a model error with a fee', status: 2n, fee: 5n, ruling: wrong },
  { says: 'a stopped call is free', status: 3n, fee: 0n, ruling: right },
  { says: 'a stopped call with a fee', status: 3n, fee: 5n, ruling: wrong },
  { says: 'a refusal is free', status: 4n, fee: 0n, ruling: right },
  { says: 'a refusal with a fee of one', status: 4n, fee: 1n, ruling: wrong },

  { says: 'a chat of no unit', operation: 1n, fee: 0n, ruling: right },
  { says: 'a chat of three units', operation: 1n, maxFee: 100n, fee: 15n, ruling: right },
  { says: 'a chat that costs no whole number of units', operation: 1n, maxFee: 100n, fee: 14n, ruling: wrong },
  { says: 'a chat capped between two units', operation: 1n, maxFee: 14n, fee: 14n, ruling: right },
  { says: 'a chat above its maximum', operation: 1n, maxFee: 14n, fee: 15n, ruling: wrong },
  { says: 'a fee for a free completion', operation: 2n, unitPrice: 0n, maxFee: 9n, fee: 9n, ruling: wrong },
  { says: 'a free completion', operation: 2n, unitPrice: 0n, maxFee: 9n, fee: 0n, ruling: right },
  { says: 'a cancelled completion of two units', operation: 2n, status: 1n, maxFee: 11n, fee: 10n, ruling: right },
  { says: 'a stopped completion with a fee', operation: 2n, status: 3n, fee: 5n, ruling: wrong },
];

function priced({ operation: asked = 0n, unitPrice = 5n, maxFee = 7n, status = 0n, fee }: FeeCase): AnswerChanges {
  return { header: { operation: asked, unitPrice, maxFee }, receipt: { status, fee } };
}

describe('the fee', () => {
  it.each(fees)('$says: $ruling', async (fee) => {
    const verdict = await judgeReceipt(answer(priced(fee)));
    expect(ruling(verdict)).toBe(fee.ruling);
    if (verdict.verdict !== 'accepted') expect(failedOf(verdict)).toEqual(['R12']);
  });

  it('of a language call is right exactly for what some number of units costs', async () => {
    const small = fc.bigInt({ min: 0n, max: 12n });
    await fc.assert(
      fc.asyncProperty(small, small, small, async (unitPrice, maxFee, fee) => {
        const header = { operation: operation.chat, unitPrice, maxFee };
        const made = answer({ header, receipt: { fee } });
        const possible = Array.from({ length: 14 }, (_, units) =>
          feeFor({ unitPrice, maxFee } as Parameters<typeof feeFor>[0], BigInt(units)),
        );
        expect((await judgeReceipt(made)).verdict === 'accepted').toBe(possible.includes(fee));
      }),
      { numRuns: runs(100) },
    );
  });

  it('leaves the status to the reader of the facts', async () => {
    const names = ['ok', 'cancelled', 'modelError', 'stopped', 'refused'];
    for (const [status, name] of names.entries()) {
      const verdict = await judgeReceipt(answer({ receipt: { status: BigInt(status) } }));
      expect(requireAccepted(verdict).status).toBe(name);
    }
  });
});

describe('what a channel owes', () => {
  const charged = (cumulativeFee: bigint, fee = 5n): AnswerChanges => ({
    header: { channel },
    receipt: { cumulativeFee, fee },
  });
  const owed = async (changes: AnswerChanges, owedBefore: bigint | 'any'): Promise<string> =>
    ruling(await judgeReceipt(answer(changes), { expected: { owedBefore } }));
  const mismatch = 'untrusted cumulative_fee_mismatch';

  it('is what it owed before and this fee', async () => {
    expect(await owed(charged(5n), 0n)).toBe('accepted');
    expect(await owed(charged(47n), 42n)).toBe('accepted');
    expect(await owed(charged(46n), 42n)).toBe(mismatch);
    expect(await owed(charged(48n), 42n)).toBe(mismatch);
    expect(await owed(charged(5n), 42n)).toBe(mismatch);
    expect(await owed(charged(0n), 0n)).toBe(mismatch);
  });

  it('stays for an answer that is not charged', async () => {
    const free = { header: { channel }, receipt: { status: 4n, fee: 0n, cumulativeFee: 42n } };
    expect(await owed(free, 42n)).toBe('accepted');
    expect(await owed(free, 41n)).toBe(mismatch);
  });

  it('is nothing without a channel, whatever was owed elsewhere', async () => {
    expect(await owed({}, 0n)).toBe('accepted');
    expect(await owed({}, 42n)).toBe('accepted');
    expect(await owed({ receipt: { cumulativeFee: 5n } }, 0n)).toBe(mismatch);
    expect(await owed({ receipt: { cumulativeFee: 5n } }, 'any')).toBe(mismatch);
  });

  it('is reported as not asked where nobody knows what it owed before', async () => {
    const verdict = await judgeReceipt(answer(charged(47n)), { expected: { owedBefore: 'any' } });
    expect(verdict.verdict).toBe('accepted');
    expect(verdict.checks.find(({ id }) => id === 'R13')?.outcome).toBe('not-asked');
    expect(verdict.notProven.map(({ id }) => id)).toContain('R13');
  });

  it('is never less than this one answer cost', async () => {
    expect(await owed(charged(5n), 'any')).toBe('accepted');
    expect(await owed(charged(4n), 'any')).toBe(mismatch);
    expect(await owed(charged(0n), 'any')).toBe(mismatch);
  });
});

describe('the time of a receipt (A1)', () => {
  const at = async (now: number, policy = {}): Promise<string> =>
    ruling(await judgeReceipt(plain, { options: { now }, policy }));

  it('P14 ends with the acceptance of the worker, to the millisecond', async () => {
    const { acceptedUntil } = await provenWorker();
    expect(await at(acceptedUntil)).toBe('accepted');
    expect(await at(acceptedUntil + 1)).toBe('refused worker_expired');
  });

  it('ends with the certificates where the policy sets no age', async () => {
    const { attestation } = await provenWorker(plain.evidence, policyFor({ maxAgeSeconds: 'any' }));
    expect(await at(attestation.validity.notAfter, { maxAgeSeconds: 'any' })).toBe('accepted');
    expect(await at(attestation.validity.notAfter + 1, { maxAgeSeconds: 'any' })).toBe('refused worker_expired');
  });

  it('begins with the document, less the skew that the policy allows', async () => {
    expect(await at(ANSWERED - 1_000, { futureSkewSeconds: 1 })).toBe('accepted');
    expect(await at(ANSWERED - 1_001, { futureSkewSeconds: 1 })).toBe('refused worker_expired');
  });

  it('begins with the certificates, however large the skew', async () => {
    const { attestation } = await provenWorker();
    const { notBefore } = attestation.validity;
    expect(await at(notBefore, { futureSkewSeconds: 1_000_000 })).toBe('accepted');
    expect(await at(notBefore - 1, { futureSkewSeconds: 1_000_000 })).toBe('refused worker_expired');
  });
});

describe('the arguments of verifyReceipt', () => {
  it('must hold a worker that verifyWorker made', async () => {
    const worker = await provenWorker();
    const receipt = requireAccepted(await judgeReceipt(plain));
    const options = { policy: policyFor(), now: ANSWERED, challenge: ASKED, suite: nodeSuite, cache: 'none' as const };
    const document = requireAccepted(await verifyNitroDocument(plain.evidence.document, options));
    const imitations: readonly object[] = [
      { ...worker },
      Object.assign(Object.create(null) as object, worker),
      Object.create(worker) as object,
      new Proxy(worker, {}),
      { worker },
      receipt,
      document,
    ];
    for (const imitation of imitations) {
      const pending = judgeReceipt(plain, { expected: { worker: imitation as typeof worker } });
      await expect(pending).rejects.toMatchObject({ code: 'argument_invalid', place: { field: 'worker' } });
    }
    const parsed: unknown = JSON.parse(
      JSON.stringify(worker, (_, value: unknown) => (typeof value === 'bigint' ? 0 : value)),
    );
    for (const nothing of [parsed, null, undefined, 'worker']) {
      const pending = judgeReceipt(plain, { expected: { worker: nothing as typeof worker } });
      await expect(pending).rejects.toMatchObject({ code: 'argument_invalid' });
    }
  });

  it.each([
    ['owedBefore', { expected: { owedBefore: -1n } }],
    ['owedBefore', { expected: { owedBefore: 0 as unknown as bigint } }],
    ['headerBy', { expected: { headerBy: 'nobody' as 'host' } }],
    ['now', { options: { now: Number.NaN } }],
    ['now', { options: { now: undefined as unknown as number } }],
    ['request.body', { expected: { request: { header: plain.header, body: '{}' as unknown as Uint8Array } } }],
    ['request.header', { expected: { request: { header: null as unknown as Uint8Array, body: plain.requestBody } } }],
    ['response.body', { expected: { response: { ...plain.response, body: [] as unknown as Uint8Array } } }],
  ])('throws argument_invalid for a bad %s', async (field, judgement) => {
    await expect(judgeReceipt(plain, judgement as object)).rejects.toMatchObject({
      code: 'argument_invalid',
      place: { field },
    });
  });

  it('are read once: buffers that change during verification change nothing', async () => {
    const { bundle, evidence, header, requestBody, response } = answer({ document: {} });
    const worker = await provenWorker(evidence);
    const answered = sha256(response.body);
    // As a browser's: it copies what it is given at once, and answers later.
    const slow = { ...nodeSuite, sha256: async (data: Uint8Array) => nodeSuite.sha256(data) };
    const pending = verifyReceipt(bundle, {
      expected: { worker, request: { header, body: requestBody }, response, headerBy: 'client', owedBefore: 0n },
      now: ANSWERED,
      suite: slow,
    });
    const { receipt, execution, proof, head, signature } = bundle;
    for (const bytes of [receipt, execution, ...proof, head, signature, header, requestBody, response.body])
      bytes.fill(0);
    const facts = requireAccepted(await pending);
    expect(facts.responseBodyHash).toEqual(answered);
    expect(facts.requestId).toEqual(plain.receipt.requestId);
  });
});

function failedOf({ checks }: Awaited<ReturnType<typeof judgeReceipt>>): readonly string[] {
  return checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
}
