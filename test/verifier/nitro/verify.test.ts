import { describe, expect, it } from 'vitest';
import {
  isVerified,
  parseUnverifiedNitroDocument,
  requireAccepted,
  VerifierError,
  verifyNitroDocument,
} from '../../../verifier/index.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { chain, MODULE_ID, NOW, ROOT, testKey } from '../../support/certificates.ts';
import { CHALLENGE, evidence, pcr, policy, rulingOn, sha256Hex, verify } from '../../support/nitro-evidence.ts';

const good = evidence();

describe('verifyNitroDocument', () => {
  it('returns what was proven, not a yes', async () => {
    const facts = requireAccepted(await verify(good));
    expect(facts.level).toBe('simulated');
    expect(facts.root.name).toBe('simulated');
    expect(facts.moduleId).toBe(MODULE_ID);
    expect(facts.region).toBe('zz-test-1');
    expect(facts.timestamp).toBe(NOW);
    expect(facts.measurements).toEqual([pcr(1), pcr(2), pcr(3)]);
    expect(facts.pcrs.get(15)).toEqual(pcr(0));
    expect(facts.nonce).toEqual(CHALLENGE);
    expect(facts.publicKey).toBeNull();
    expect(facts.certificates.map(({ commonName }) => commonName)).toEqual([
      'test.nitro-enclaves',
      'aa.zz-test-1.aws.nitro-enclaves',
      'bb.zonal.zz-test-1.aws.nitro-enclaves',
      'i-0123456789abcdef0.zz-test-1.aws.nitro-enclaves',
      `${MODULE_ID}.zz-test-1.aws`,
    ]);
    expect(toHex(facts.certificates[0]?.sha256 ?? new Uint8Array())).toBe(sha256Hex(ROOT));
    expect(facts.debug).toBe(false);
  });

  it('is accepted until the first of certificates, policy and age ends', async () => {
    const until = async (changes: Parameters<typeof policy>[0]): Promise<number> =>
      requireAccepted(await verify(good, { policy: policy(changes) })).acceptedUntil;
    expect(await until({ maxAgeSeconds: 60 })).toBe(NOW + 60_000);
    expect(await until({ maxAgeSeconds: 'any' })).toBe(NOW + 7_200_000);
    expect(await until({ maxAgeSeconds: 'any', expires: '2030-05-17T12:00:09Z' })).toBe(NOW + 9_000);
  });

  it('accepts both encodings of the payload map, and tag 18', async () => {
    expect(await rulingOn(evidence({ form: 'indefinite' }))).toBe('accepted');
    expect(await rulingOn(concatBytes(Uint8Array.of(0xd2), good))).toBe('accepted');
  });

  it('lists the same checks in the same order whatever the verdict, each once', async () => {
    const [accepted, refused, untrusted, malformed] = await Promise.all([
      verify(good),
      verify(good, { policy: policy({ images: [] }) }),
      verify(good, { now: NOW + 10_000_000 }),
      verify(good.subarray(1)),
    ]);
    const ids = accepted.checks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const verdict of [refused, untrusted, malformed]) {
      expect(verdict.checks.map(({ id }) => id)).toEqual(ids);
      expect(verdict.checks.filter(({ outcome }) => outcome === 'failed')).toHaveLength(1);
    }
    expect([accepted, refused, untrusted, malformed].map(({ verdict }) => verdict)).toEqual([
      'accepted',
      'refused',
      'untrusted',
      'malformed',
    ]);
    expect(accepted.checks.every(({ outcome }) => outcome === 'passed')).toBe(true);
  });

  it('covers the checklist: every C, N and X entry that is about Nitro is a check or named as not proven', async () => {
    const verdict = await verify(good);
    const named = [...verdict.checks, ...verdict.notProven].map(
      (entry) => ('title' in entry ? entry.title : '') + entry.id,
    );
    const missing = [
      ...['X1', 'X2', 'X3', 'X4', 'X13', 'X14'],
      ...Array.from({ length: 19 }, (_, index) => `C${index + 1}`),
      ...Array.from({ length: 26 }, (_, index) => `N${index + 1}`),
    ].filter((id) => !named.some((name) => new RegExp(`${id}(?![0-9])`).test(name)));
    expect(missing).toEqual([]);
  });

  it('goes no further than the first failure of the cryptography', async () => {
    const verdict = await verify(good, { now: NOW + 10_000_000 });
    const outcome = (id: string): string | undefined => verdict.checks.find((check) => check.id === id)?.outcome;
    expect(outcome('C7')).toBe('passed');
    expect(outcome('C8')).toBe('failed');
    expect(outcome('C18')).toBe('not-reached');
    expect(outcome('N7')).toBe('not-reached');
    expect(outcome('N18.image')).toBe('not-reached');
  });

  it('names every reason to refuse genuine evidence, and takes the code of the first', async () => {
    const verdict = await verify(good, {
      policy: policy({ images: [], regions: [], maxAgeSeconds: 1 }),
      now: NOW + 5_000,
      challenge: new Uint8Array(32),
    });
    expect(verdict).toMatchObject({ verdict: 'refused', code: 'image_refused' });
    expect(verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)).toEqual([
      'N18.image',
      'N19.age',
      'N21',
      'N24',
    ]);
  });

  it('says what "any" left open', async () => {
    const verdict = await verify(good, { policy: policy({ images: 'any', maxAgeSeconds: 'any' }), challenge: 'any' });
    expect(verdict.verdict).toBe('accepted');
    const open = verdict.checks.filter(({ outcome }) => outcome === 'not-asked').map(({ id }) => id);
    expect(open).toEqual(['N18.image', 'N19.age', 'N21']);
    const named = verdict.notProven.map(({ id }) => id);
    expect(named).toEqual(expect.arrayContaining(['C19', 'N22', 'X13', 'A2', ...open]));
  });

  it('knows the same document behind another signature', async () => {
    const order = BigInt(
      '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    );
    const certificates = chain();
    const first = evidence({ certificates });
    const other = Uint8Array.from(first);
    const s = BigInt(`0x${toHex(first.subarray(-48))}`);
    other.set(Buffer.from((order - s).toString(16).padStart(96, '0'), 'hex'), other.length - 48);
    const facts = await Promise.all([first, other].map(async (document) => requireAccepted(await verify(document))));
    expect(facts[0]?.documentId).toEqual(facts[1]?.documentId);
  });

  it('reads the document once: a buffer that changes during verification changes nothing', async () => {
    const document = Uint8Array.from(good);
    const challenge = Uint8Array.from(CHALLENGE);
    const slow = { ...nodeSuite, sha256: async (data: Uint8Array) => nodeSuite.sha256(data) };
    const pending = verify(document, { suite: slow, challenge });
    document.fill(0);
    challenge.fill(0);
    expect((await pending).verdict).toBe('accepted');
  });

  it('refuses an absurd length without copying it, and a buffer that was given away', async () => {
    const huge = new Uint8Array(64 * 1024 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    const pending = verify(huge);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    expect(await pending).toMatchObject({ verdict: 'malformed', code: 'document_too_large' });
    const gone = Uint8Array.from(good);
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(await rulingOn(gone)).toBe('malformed document_too_large');
  });

  it('takes nothing but a clear yes from the suite', async () => {
    const suites = [
      { ...nodeSuite, verifyP384: () => false },
      { ...nodeSuite, verifyP384: () => 1 as unknown as boolean },
      {
        ...nodeSuite,
        verifyP384: (): boolean => {
          throw new Error('no such algorithm');
        },
      },
    ];
    for (const suite of suites) expect(await rulingOn(good, { suite })).toBe('untrusted certificate_signature');
  });

  it('begins no signature, not even of the document, before every cheap rule has passed', async () => {
    let begun = 0;
    const verifyP384 = (): boolean => {
      begun += 1;
      return true;
    };
    const suite = { ...nodeSuite, verifyP384 };
    expect(await rulingOn(good, { suite, now: NOW + 7_200_001 })).toBe('untrusted certificate_expired');
    expect(begun).toBe(0);
    expect(await rulingOn(good, { suite })).toBe('accepted');
    expect(begun).toBe(5);
  });

  it('names the first signature that is wrong, though they are checked beside each other', async () => {
    const stranger = testKey().privateKey;
    const bad = evidence({
      chain: { 2: { signer: stranger }, 3: { signer: stranger } },
      signature: (made) => made.with(95, (made[95] as number) ^ 1),
    });
    const { checks } = await verify(bad);
    const failed = checks.filter(({ outcome }) => outcome === 'failed').map(({ id, detail }) => [id, detail]);
    expect(failed).toEqual([['C18', 'certificate 2 (the root is 0)']]);
    expect(checks.find(({ id }) => id === 'N7')?.outcome).toBe('not-reached');
  });

  it('gives facts that are frozen and cannot be imitated', async () => {
    const facts = requireAccepted(await verify(good));
    expect(isVerified(facts)).toBe(true);
    expect(isVerified({ ...facts })).toBe(false);
    expect(() => {
      (facts as { level: string }).level = 'attested';
    }).toThrow(TypeError);
    expect(Object.isFrozen(facts.certificates[0])).toBe(true);
    expect(() => (facts.pcrs as Map<number, Uint8Array>).set(0, pcr(9))).toThrow(TypeError);
    expect(facts.pcrs.get(0)).toEqual(pcr(1));
  });
});

describe('requireAccepted', () => {
  it('throws the code and the check that said no', async () => {
    const verdict = await verify(good, { policy: policy({ images: [] }) });
    expect(() => requireAccepted(verdict)).toThrow(VerifierError);
    try {
      requireAccepted(verdict);
    } catch (error) {
      expect(error).toMatchObject({ code: 'image_refused', checkId: 'N18.image' });
    }
  });
});

describe('arguments', () => {
  const options = { policy: policy(), now: NOW, challenge: CHALLENGE, suite: nodeSuite, cache: 'none' as const };

  it.each([
    ['document', [...good], options],
    ['now', good, { ...options, now: Number.NaN }],
    ['now', good, { ...options, now: -1 }],
    ['now', good, { ...options, now: 8.64e15 + 1 }],
    ['challenge', good, { ...options, challenge: new Uint8Array(31) }],
    ['challenge', good, { ...options, challenge: null }],
    ['suite', good, { ...options, suite: {} }],
    ['cache', good, { ...options, cache: undefined }],
    ['cache', good, { ...options, cache: { maxEntries: 1, size: 0, clear: () => undefined } }],
    ['options', good, undefined],
  ])('throws argument_invalid for a bad %s', async (field, document, bad) => {
    await expect(verifyNitroDocument(document as Uint8Array, bad as typeof options)).rejects.toMatchObject({
      code: 'argument_invalid',
      place: { field },
    });
  });

  it('throws policy_unparsed for a policy that parsePolicy did not make', async () => {
    for (const imitation of [{ ...options.policy }, {}, null, structuredClone(options.policy)]) {
      await expect(verify(good, { policy: imitation as typeof options.policy })).rejects.toMatchObject({
        code: 'policy_unparsed',
      });
    }
  });
});

describe('parseUnverifiedNitroDocument', () => {
  it('gives what the document says under a name that says so', () => {
    expect(parseUnverifiedNitroDocument(good).unverified.moduleId).toBe(MODULE_ID);
  });

  it('throws the code of what is malformed', () => {
    expect(() => parseUnverifiedNitroDocument(good.subarray(1))).toThrow(/cbor_invalid/);
    expect(() => parseUnverifiedNitroDocument('00' as unknown as Uint8Array)).toThrow(/argument_invalid/);
  });
});
