import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  isVerified,
  type ReleaseFacts,
  type ReleaseOptions,
  requireAccepted,
  type Verdict,
  type Verified,
  verifyRelease,
} from '../../../verifier/index.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../../wire/crypto/node-sign.ts';
import { releaseMessage, releaseStatusMessage } from '../../../wire/message/authorisations.ts';
import type { SignedRelease } from '../../../wire/message/manifest.ts';
import { ruling } from '../../support/accept-answer.ts';
import { type AnswerChanges, answer, plain, publisher, publisherKey } from '../../support/answer.ts';

const strangersKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const stranger = publicPoint(strangersKey).slice(1);

interface Case {
  readonly says: string;
  readonly ruling: string;
  readonly check: string;
  readonly changes?: AnswerChanges;
  readonly options?: Partial<ReleaseOptions>;
}

/** The same manifest in another spelling, under the identity of that spelling, and signed. */
function respelt(change: (text: string) => string): Pick<Case, 'changes' | 'options'> {
  const manifest = utf8(change(new TextDecoder().decode(plain.release.manifest)));
  const modelId = sha256(manifest);
  const signature = signP256(publisherKey, releaseMessage(modelId));
  return { changes: { release: { manifest, signature } }, options: { modelId } };
}

const cases: readonly Case[] = [
  {
    says: 'bytes that are no JSON',
    ruling: 'malformed manifest_invalid',
    check: 'M0',
    ...respelt((text) => text.slice(1)),
  },
  {
    says: 'a manifest with a space',
    ruling: 'malformed manifest_invalid',
    check: 'M0',
    ...respelt((text) => text.replace('{', '{ ')),
  },
  {
    says: 'a manifest with an unknown field',
    ruling: 'malformed manifest_invalid',
    check: 'M0',
    ...respelt((text) => text.replace('{', '{"a":1,')),
  },
  {
    says: 'the manifest of another model, rightly signed',
    ruling: 'untrusted release_mismatch',
    check: 'M1',
    changes: { manifest: { version: '1.0.1' } },
    options: { modelId: plain.modelId },
  },
  {
    says: 'a manifest that names another owner than the one who signed',
    ruling: 'untrusted release_mismatch',
    check: 'M2',
    changes: { manifest: { owner: stranger } },
  },
  {
    says: 'an owner that the manifest does not name',
    ruling: 'untrusted release_mismatch',
    check: 'M2',
    changes: { release: { owner: stranger }, releaseKey: strangersKey },
    options: { publishers: 'any' },
  },
  {
    says: "a stranger's signature",
    ruling: 'untrusted release_signature',
    check: 'M3',
    changes: { releaseKey: strangersKey },
  },
  {
    says: "the owner's signature of a status",
    ruling: 'untrusted release_signature',
    check: 'M3',
    changes: { release: { signature: signP256(publisherKey, releaseStatusMessage(plain.modelId, 0n, 1n)) } },
  },
  {
    says: 'a signature of zeros',
    ruling: 'untrusted release_signature',
    check: 'M3',
    changes: { release: { signature: new Uint8Array(64) } },
  },
  {
    says: 'a signature of 63 bytes',
    ruling: 'untrusted release_signature',
    check: 'M3',
    changes: { release: { signature: plain.release.signature.slice(1) } },
  },
  {
    says: 'an owner that is no point of the curve',
    ruling: 'untrusted release_signature',
    check: 'M3',
    changes: { manifest: { owner: new Uint8Array(64).fill(7) }, release: { owner: new Uint8Array(64).fill(7) } },
  },
  {
    says: 'an owner who is not a publisher',
    ruling: 'refused publisher_refused',
    check: 'M4',
    changes: { manifest: { owner: stranger }, release: { owner: stranger }, releaseKey: strangersKey },
  },
  {
    says: 'no publisher accepted',
    ruling: 'refused publisher_refused',
    check: 'M4',
    options: { publishers: [] },
  },
];

function judge(
  changes: AnswerChanges = {},
  options: Partial<ReleaseOptions> = {},
): Promise<Verdict<Verified<ReleaseFacts>>> {
  const { release, modelId } = answer(changes);
  return verifyRelease(release, { modelId, publishers: [publisher], suite: nodeSuite, ...options });
}

const ids = ['M0', 'M1', 'M2', 'M3', 'M4'];

describe('verifyRelease', () => {
  it('gives the manifest under its identity', async () => {
    const verdict = await judge();
    const facts = requireAccepted(verdict);
    expect(facts.modelId).toEqual(plain.modelId);
    expect(facts.manifest).toMatchObject({ name: 'demo', version: '1.0.0', owner: publisher });
    expect(verdict.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(ids.map((id) => `${id} passed`));
    expect(verdict.notProven).toEqual([]);
    expect(isVerified(facts)).toBe(true);
    expect(isVerified({ ...facts })).toBe(false);
    expect(Object.isFrozen(facts.manifest.files[0])).toBe(true);
  });

  it.each(cases)('$says: $ruling', async ({ ruling: expected, check, changes, options }) => {
    const verdict = await judge(changes, options);
    expect(ruling(verdict)).toBe(expected);
    expect(verdict.checks.map(({ id }) => id)).toEqual(ids);
    const outcomes = verdict.checks.map(({ outcome }) => outcome);
    const failed = ids.indexOf(check);
    expect(outcomes).toEqual(ids.map((_, at) => (at < failed ? 'passed' : at === failed ? 'failed' : 'not-reached')));
  });

  it('reports any publisher as not asked and not proven', async () => {
    const changes = { manifest: { owner: stranger }, release: { owner: stranger }, releaseKey: strangersKey };
    const verdict = await judge(changes, { publishers: 'any' });
    expect(verdict.verdict).toBe('accepted');
    expect(verdict.checks.at(-1)).toMatchObject({ id: 'M4', outcome: 'not-asked' });
    expect(verdict.notProven.map(({ id }) => id)).toEqual(['M4']);
  });

  it('accepts one signature only: its form with a high s is refused', async () => {
    const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
    const { signature } = plain.release;
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
    const high = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
    const twin = concatBytes(signature.subarray(0, 32), high);
    expect(ruling(await judge({ release: { signature: twin } }))).toBe('untrusted release_signature');
  });

  it('reads the release once: buffers that change meanwhile change nothing', async () => {
    const { release, modelId } = answer();
    const named = Uint8Array.from(modelId);
    const slow = { ...nodeSuite, sha256: async (data: Uint8Array) => nodeSuite.sha256(data) };
    const pending = verifyRelease(release, { modelId: named, publishers: [publisher], suite: slow });
    for (const bytes of [release.manifest, release.signature, named]) bytes.fill(0);
    expect(requireAccepted(await pending).modelId).toEqual(plain.modelId);
  });

  it('throws argument_invalid for what is not bytes', async () => {
    for (const field of ['manifest', 'owner', 'signature'] as const) {
      const release = { ...plain.release, [field]: 'text' } as unknown as SignedRelease;
      const pending = verifyRelease(release, { modelId: plain.modelId, publishers: 'any', suite: nodeSuite });
      await expect(pending).rejects.toMatchObject({ code: 'argument_invalid', place: { field } });
    }
  });
});
