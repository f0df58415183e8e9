import { describe, expect, it } from 'vitest';
import { approvalWords, askApprovals, type NamedAuditor } from '../../../client/approvals/ask.ts';
import { ClientError } from '../../../client/errors.ts';
import type { HostTransport } from '../../../client/transport.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { type ApprovalRecord, encodeApprovalRecord } from '../../../wire/message/finding-record.ts';
import { plain } from '../../support/answer.ts';
import { type Signer, signer, word } from '../../support/findings.ts';

const statement = { chainId: 5n, verifier: new Uint8Array(20).fill(1), escrow: word(2) };
const archive = encodeArchive(plain.archive);
const [anna, berta] = [signer(), signer()];

async function approvalBy(by: Signer, changes: Partial<ApprovalRecord> = {}): Promise<Uint8Array> {
  const approval = await approvalWords(archive, statement, nodeSuite);
  const record = {
    format: 'proofmark approval v1',
    auditor: by.auditor,
    approval,
    signature: by.sign(approval),
  } as const;
  return encodeApprovalRecord({ ...record, ...changes });
}

function answering(answer: (path: string, body: Uint8Array) => Promise<Uint8Array>): HostTransport {
  const none = (): Promise<never> => Promise.reject(new ClientError('host_unreachable', 'not asked'));
  return { get: none, stream: none, post: answer };
}

const named = (by: Signer, answer: () => Promise<Uint8Array>): NamedAuditor => ({
  key: by.auditor,
  host: answering(answer),
});

const asked = (...auditors: readonly NamedAuditor[]): ReturnType<typeof askApprovals> =>
  askApprovals({ auditors, archive, statement, suite: nodeSuite });

describe('askApprovals', () => {
  it('sends the whole file and the payment to each, and gives what verifies in their order', async () => {
    const seen: string[] = [];
    const of = (by: Signer): NamedAuditor => ({
      key: by.auditor,
      host: answering((path, body) => {
        seen.push(`${path} ${body.length}`);
        return approvalBy(by);
      }),
    });
    const { approvals, refusals } = await asked(of(anna), of(berta));
    expect(refusals).toEqual([]);
    expect(approvals.map(({ auditor, key }) => [auditor, toHex(key)])).toEqual([
      [0, toHex(anna.auditor)],
      [1, toHex(berta.auditor)],
    ]);
    const query = `chainId=5&verifier=${'01'.repeat(20)}&escrow=${'02'.repeat(32)}`;
    expect(seen).toEqual(Array.from({ length: 2 }, () => `/v1/approvals?${query} ${archive.length}`));
  });

  it.each<readonly [string, () => Promise<Uint8Array>]>([
    ['auditor_mismatch', () => approvalBy(berta)],
    ['approval_mismatch', async () => approvalBy(anna, { approval: await otherWords() })],
    ['approval_signature', () => approvalBy(anna, { signature: berta.sign(word(1)) })],
    ['approval_signature', () => approvalBy(anna, { signature: new Uint8Array(64) })],
    ['tag_mismatch', () => approvalBy(anna, { approval: new Uint8Array(288) })],
    ['json_malformed', async () => utf8('yes')],
    ['other_bits', () => Promise.reject(new ClientError('host_error', 'no', { reason: 'other_bits' }))],
    ['host_timeout', () => Promise.reject(new ClientError('host_timeout', 'late'))],
  ])('takes nothing for a yes that is none: %s', async (reason, answer) => {
    const { approvals, refusals } = await asked(
      named(anna, answer),
      named(berta, () => approvalBy(berta)),
    );
    expect(refusals.map((refusal) => [refusal.auditor, refusal.reason])).toEqual([[0, reason]]);
    expect(approvals.map(({ auditor }) => auditor)).toEqual([1]);
  });

  async function otherWords(): Promise<Uint8Array> {
    return approvalWords(archive, { ...statement, escrow: word(9) }, nodeSuite);
  }

  it.each<readonly [string, () => Promise<unknown>]>([
    ['argument_invalid', () => asked()],
    [
      'argument_invalid',
      () =>
        asked(
          named(anna, () => approvalBy(anna)),
          named(anna, () => approvalBy(anna)),
        ),
    ],
    ['argument_invalid', () => asked({ ...named(anna, () => approvalBy(anna)), key: word(1) })],
    ['payload_missing', () => approvalWords(encodeArchive({ ...plain.archive, response: null }), statement, nodeSuite)],
    ['archive_malformed', () => approvalWords(utf8('{}'), statement, nodeSuite)],
    ['argument_invalid', () => approvalWords(archive, { ...statement, verifier: word(1) }, nodeSuite)],
  ])('asks nobody for what makes no sense: %s', async (reason, ask) => {
    await expect(ask()).rejects.toMatchObject({ code: 'argument_invalid' });
    await ask().catch((error: unknown) =>
      expect((error as ClientError).reason).toContain(reason.split('_')[0] as string),
    );
  });

  it('lets what is no fault of an auditor go on', async () => {
    const broken = named(anna, () => Promise.reject(new TypeError('a bug')));
    await expect(asked(broken)).rejects.toThrow(TypeError);
  });
});
