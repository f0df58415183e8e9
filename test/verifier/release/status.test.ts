import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  isVerified,
  requireAccepted,
  type StatusFacts,
  type StatusOptions,
  type Verdict,
  type Verified,
  verifyStatus,
} from '../../../verifier/index.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../../wire/crypto/node-sign.ts';
import { releaseMessage, releaseStatus, releaseStatusMessage } from '../../../wire/message/authorisations.ts';
import type { ReleaseStatusName, SignedStatus } from '../../../wire/message/hub.ts';
import { ruling } from '../../support/accept-answer.ts';

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ownerKey = newKey();
const owner = publicPoint(ownerKey).slice(1);
const strangersKey = newKey();
const stranger = publicPoint(strangersKey).slice(1);
const modelId = new Uint8Array(32).fill(3);

interface Signing {
  readonly key?: KeyObject;
  readonly of?: Uint8Array;
  readonly named?: Uint8Array;
}

function signed(
  status: ReleaseStatusName,
  sequence: bigint,
  { key = ownerKey, of = modelId, named = owner }: Signing = {},
): SignedStatus {
  const signature = signP256(key, releaseStatusMessage(of, releaseStatus[status], sequence));
  return { modelId: of, status, sequence, owner: named, signature };
}

function judge(given: SignedStatus, options: Partial<StatusOptions> = {}): Promise<Verdict<Verified<StatusFacts>>> {
  return verifyStatus(given, { modelId, owner, seen: 'nothing', refuse: 'yanked', suite: nodeSuite, ...options });
}

interface Case {
  readonly says: string;
  readonly given: SignedStatus;
  readonly options?: Partial<StatusOptions>;
  readonly ruling: string;
  readonly check: string;
}

const active = signed('active', 5n);
const seen = { status: 'active', sequence: 5n } as const;
const ids = ['T0', 'T1', 'T2', 'T3', 'T4', 'T5', 'T6'];

const unproven: readonly Case[] = [
  {
    says: 'a status that is none of the three',
    given: { ...active, status: 'recommended' as ReleaseStatusName },
    ruling: 'malformed status_invalid',
    check: 'T0',
  },
  {
    says: 'a number beyond 64 bits',
    given: { ...active, sequence: 2n ** 64n },
    ruling: 'malformed status_invalid',
    check: 'T0',
  },
  {
    says: 'a signature of 63 bytes',
    given: { ...active, signature: active.signature.slice(1) },
    ruling: 'malformed status_invalid',
    check: 'T0',
  },
  {
    says: 'the status of another release of the same owner',
    given: signed('active', 5n, { of: new Uint8Array(32).fill(4) }),
    ruling: 'untrusted status_mismatch',
    check: 'T1',
  },
  {
    says: "a stranger's word, rightly signed",
    given: signed('yanked', 5n, { key: strangersKey, named: stranger }),
    ruling: 'untrusted status_mismatch',
    check: 'T2',
  },
  {
    says: "a stranger's word in the owner's name",
    given: signed('yanked', 5n, { key: strangersKey }),
    ruling: 'untrusted status_signature',
    check: 'T3',
  },
  {
    says: 'another status than the signed one',
    given: { ...signed('yanked', 5n), status: 'active' },
    ruling: 'untrusted status_signature',
    check: 'T3',
  },
  {
    says: 'a higher number than the signed one',
    given: { ...active, sequence: 6n },
    ruling: 'untrusted status_signature',
    check: 'T3',
  },
  {
    says: "the owner's signature of the release itself",
    given: { ...active, signature: signP256(ownerKey, releaseMessage(modelId)) },
    ruling: 'untrusted status_signature',
    check: 'T3',
  },
  {
    says: 'an owner that is no point of the curve',
    given: { ...active, owner: new Uint8Array(64).fill(7) },
    options: { owner: new Uint8Array(64).fill(7) },
    ruling: 'untrusted status_signature',
    check: 'T3',
  },
];

const refused: readonly Case[] = [
  {
    says: 'an older one than was seen',
    given: signed('active', 4n),
    options: { seen },
    ruling: 'refused status_replayed',
    check: 'T4',
  },
  {
    says: 'two under one number',
    given: signed('deprecated', 5n),
    options: { seen },
    ruling: 'refused status_equivocation',
    check: 'T5',
  },
  { says: 'a release that was yanked', given: signed('yanked', 6n), ruling: 'refused release_yanked', check: 'T6' },
  {
    says: 'a release that was yanked, by whoever refuses deprecated ones',
    given: signed('yanked', 6n),
    options: { refuse: 'deprecated' },
    ruling: 'refused release_yanked',
    check: 'T6',
  },
  {
    says: 'a deprecated release, by whoever refuses those',
    given: signed('deprecated', 6n),
    options: { refuse: 'deprecated' },
    ruling: 'refused release_deprecated',
    check: 'T6',
  },
];

describe('verifyStatus', () => {
  it('gives what the owner said', async () => {
    const verdict = await judge(active);
    const facts = requireAccepted(verdict);
    expect(facts).toEqual({ modelId, owner, status: 'active', sequence: 5n });
    expect(isVerified(facts)).toBe(true);
    expect(verdict.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(ids.map((id) => `${id} passed`));
  });

  it('says that a later one may be kept back: a status has no date', async () => {
    expect((await judge(active)).notProven).toEqual([
      { id: 'status', reason: expect.stringContaining('since status 5') as string },
    ]);
  });

  it('takes the one that was seen again, and whatever follows it', async () => {
    expect(ruling(await judge(active, { seen }))).toBe('accepted');
    expect(ruling(await judge(signed('active', 2n ** 64n - 1n), { seen }))).toBe('accepted');
    expect(ruling(await judge(signed('deprecated', 6n), { seen }))).toBe('accepted');
  });

  it('reports any status as not asked and not proven', async () => {
    const verdict = await judge(signed('yanked', 6n), { refuse: 'nothing' });
    expect(verdict.verdict).toBe('accepted');
    expect(verdict.checks.at(-1)).toMatchObject({ id: 'T6', outcome: 'not-asked' });
    expect(verdict.notProven.map(({ id }) => id)).toEqual(['T6', 'status']);
  });

  it.each(unproven)('$says: $ruling', async ({ given, options, ruling: expected, check }) => {
    const verdict = await judge(given, options);
    expect(ruling(verdict)).toBe(expected);
    const failed = ids.indexOf(check);
    expect(verdict.checks.map(({ id, outcome }) => [id, outcome])).toEqual(
      ids.map((id, at) => [id, at < failed ? 'passed' : at === failed ? 'failed' : 'not-reached']),
    );
  });

  it.each(refused)('$says: $ruling', async ({ given, options, ruling: expected, check }) => {
    const verdict = await judge(given, options);
    expect(ruling(verdict)).toBe(expected);
    expect(verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)).toEqual([check]);
  });

  it('accepts one signature only: its form with a high s is refused', async () => {
    const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
    const s = BigInt(`0x${Buffer.from(active.signature.subarray(32)).toString('hex')}`);
    const high = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
    const twin = concatBytes(active.signature.subarray(0, 32), high);
    expect(ruling(await judge({ ...active, signature: twin }))).toBe('untrusted status_signature');
  });

  it('reads the status once: buffers that change meanwhile change nothing', async () => {
    const given = signed('active', 5n);
    const named = { modelId: Uint8Array.from(modelId), owner: Uint8Array.from(owner) };
    const pending = judge(given, named);
    for (const bytes of [given.signature, named.modelId, named.owner]) bytes.fill(0);
    expect(requireAccepted(await pending).modelId).toEqual(modelId);
  });

  it('throws argument_invalid for what is not bytes', async () => {
    for (const field of ['modelId', 'owner', 'signature'] as const) {
      const given = { ...active, [field]: 'text' } as unknown as SignedStatus;
      await expect(judge(given)).rejects.toMatchObject({
        code: 'argument_invalid',
        place: { field: `status.${field}` },
      });
    }
  });
});
