import { describe, expect, it } from 'vitest';
import type { CacheUse, ChainLink } from '../../../verifier/cache/chain-cache.ts';
import { amdProfile, type ParsedCertificate, parseCertificate } from '../../../verifier/codec/x509.ts';
import { createSignatureBudget } from '../../../verifier/crypto/budget.ts';
import {
  amdChain,
  type ChainContext,
  type ChainProfile,
  chainRules,
  isSignedBy,
  leafOf,
  nitroChain,
  rootOf,
} from '../../../verifier/crypto/path.ts';
import { createTbsDigests } from '../../../verifier/crypto/tbs-digests.ts';
import type { Check } from '../../../verifier/index.ts';
import { runUntilFailure } from '../../../verifier/rules.ts';
import { toHex } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import type { SignatureRun, Suite } from '../../../wire/crypto/suite.ts';
import {
  basicConstraints,
  CA_USAGE,
  chain,
  ECDSA_SHA256,
  extension,
  LEAF_USAGE,
  MODULE_ID,
  NOW,
  testKey,
  validity,
} from '../../support/certificates.ts';
import { bits, der, NULL, name, oid, sequence } from '../../support/der-writer.ts';
import { snpCertificates } from '../../support/snp-evidence.ts';

/** What path validation says beside its codes, whom it asks, and in which order: `path.test.ts` has the codes. */
const noCache: CacheUse = { isKnown: () => false, learn: () => undefined, commit: () => undefined };

function contextOf(certificates: readonly Uint8Array[], changes: Partial<ChainContext> = {}): ChainContext {
  const rootSha256 = sha256(certificates[0] as Uint8Array);
  const suite = changes.suite ?? nodeSuite;
  return {
    certificates: certificates.map((bytes) => parseCertificate(bytes, amdProfile)),
    rootSha256,
    trustedRoots: [rootSha256],
    now: NOW,
    suite,
    budget: createSignatureBudget(9),
    cache: noCache,
    tbsSha256: createTbsDigests(suite),
    ...changes,
  };
}

async function checksOf(
  certificates: readonly Uint8Array[],
  changes: Partial<ChainContext> = {},
  profile: ChainProfile = nitroChain,
): Promise<readonly Check[]> {
  return (await runUntilFailure(chainRules(profile), contextOf(certificates, changes))).checks;
}

const detailOf = (checks: readonly Check[], id: string): string | undefined =>
  checks.find((check) => check.id === id)?.detail;

const placeOf = (checks: readonly Check[]): Pick<Check, 'id' | 'detail' | 'place'> | undefined => {
  const failed = checks.find(({ outcome }) => outcome === 'failed');
  return failed && { id: failed.id, detail: failed.detail, ...(failed.place && { place: failed.place }) };
};

const pointOf = ({ key }: ParsedCertificate): Uint8Array => (key as { readonly point: Uint8Array }).point;
const at = (index: number): string => `certificate ${index} (the root is 0)`;
const ca = [basicConstraints('ca'), CA_USAGE];
const oddKey = sequence(sequence(oid('1.3.101.112')), bits(new Uint8Array(32)));

describe('a chain of AWS’s shape', () => {
  const good = chain();

  it('is told by the ids of the checklist, in its order', async () => {
    const ids = ['C16', 'C4', 'C6', 'C7', 'C8', 'C9', 'C10', 'C11', 'C12', 'C13', 'C18'];
    expect((await checksOf(good)).map(({ id }) => id)).toEqual(ids);
  });

  it('is told by what was found', async () => {
    const checks = await checksOf(good);
    expect(Object.fromEntries(checks.map(({ id, detail }) => [id, detail]))).toEqual({
      C16: `root SHA-256 ${toHex(sha256(good[0] as Uint8Array))}`,
      C4: '5 certificates',
      C6: [
        'test.nitro-enclaves',
        'aa.zz-test-1.aws.nitro-enclaves',
        'bb.zonal.zz-test-1.aws.nitro-enclaves',
        'i-0123456789abcdef0.zz-test-1.aws.nitro-enclaves',
        `${MODULE_ID}.zz-test-1.aws`,
      ].join(' > '),
      C7: '3 compared, the others are not present',
      C8: 'at 2030-05-17T12:00:00.000Z',
      C9: '4 issuers',
      C10: '4 issuers',
      C11: '4 issuers',
      C12: 'digitalSignature',
      C13: '5 certificates',
      C18: '4 signatures',
    });
  });

  it('says which certificate has no common name', async () => {
    const unnamed = sequence(der(0x31, sequence(oid('2.5.4.10'), der(0x13, new Uint8Array([0x41])))));
    const checks = await checksOf(chain({ 2: { subject: unnamed }, 3: { issuer: unnamed } }));
    expect(detailOf(checks, 'C6')?.split(' > ')[2]).toBe('(no common name)');
  });

  it.each<readonly [string, readonly Uint8Array[], Partial<ChainContext>, string, string, number]>([
    ['root', good, { trustedRoots: [] }, 'C16', `root SHA-256 ${toHex(sha256(good[0] as Uint8Array))}`, 0],
    [
      'algorithm',
      chain({ 2: { innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 } }),
      {},
      'C4',
      `1.2.840.10045.4.3.2 in ${at(2)}`,
      2,
    ],
    ['kind of key', chain({ 3: { spki: oddKey } }), {}, 'C4', `1.3.101.112 in ${at(3)}`, 3],
    ['curve', chain({ 4: { spki: testKey('P-256').spki } }), {}, 'C4', `1.2.840.10045.3.1.7 in ${at(4)}`, 4],
    ['issuer', chain({ 2: { issuer: name('x') } }), {}, 'C6', at(2), 2],
    [
      'beginning',
      chain({ 3: { validity: validity(NOW + 1_000, NOW + 2_000) } }),
      {},
      'C8',
      `${at(3)} begins 2030-05-17T12:00:01.000Z`,
      3,
    ],
    [
      'end',
      chain({ 3: { validity: validity(NOW - 2_000, NOW - 1_000) } }),
      {},
      'C8',
      `${at(3)} ended 2030-05-17T11:59:59.000Z`,
      3,
    ],
    ['constraint', chain({ 1: { extensions: [CA_USAGE] } }), {}, 'C9', at(1), 1],
    [
      'path length',
      chain({ 1: { extensions: [basicConstraints('ca', 1), CA_USAGE] } }),
      {},
      'C10',
      `2 CAs below ${at(1)}, which allows 1`,
      1,
    ],
    ['key usage', chain({ 2: { extensions: [basicConstraints('ca')] } }), {}, 'C11', at(2), 2],
    ['leaf', chain({ 4: { extensions: ca } }), {}, 'C12', at(4), 4],
    [
      'usage of the leaf',
      chain({ 4: { extensions: [basicConstraints('leaf')] } }),
      {},
      'C12',
      'no digitalSignature',
      4,
    ],
    [
      'extension',
      chain({ 1: { extensions: [...ca, extension('1.2.3.4', NULL, 'critical')] } }),
      {},
      'C13',
      `1.2.3.4 in ${at(1)}`,
      1,
    ],
    ['signature', chain({ 3: { signer: testKey().privateKey } }), {}, 'C18', at(3), 3],
  ])('says which certificate has the wrong %s', async (_, certificates, changes, id, detail, index) => {
    expect(placeOf(await checksOf(certificates, changes))).toEqual({ id, detail, place: { certificate: index } });
  });

  it('says where the budget for signatures ended', async () => {
    const checks = await checksOf(good, { budget: createSignatureBudget(2) });
    expect(placeOf(checks)).toEqual({ id: 'C18', detail: at(3), place: { certificate: 3 } });
  });

  it('takes a leaf without basic constraints', async () => {
    expect(placeOf(await checksOf(chain({ 4: { extensions: [LEAF_USAGE] } })))).toBeUndefined();
  });

  it('has a root and a leaf', () => {
    const { certificates } = contextOf(good);
    expect([rootOf(certificates), leafOf(certificates)]).toEqual([certificates[0], certificates[4]]);
  });
});

describe('signatures of a chain', () => {
  const good = chain();
  const parsed = good.map((bytes) => parseCertificate(bytes));
  const points = parsed.map((certificate) => toHex(pointOf(certificate)));

  it('are begun on two threads, those beside first', async () => {
    const begun: (readonly [issuer: number, run: SignatureRun | undefined])[] = [];
    const suite: Suite = {
      ...nodeSuite,
      verifyP384: async (point, message, signature, run) => {
        begun.push([points.indexOf(toHex(point)), run]);
        return nodeSuite.verifyP384(point, message, signature, run);
      },
    };
    expect(detailOf(await checksOf(good, { suite }), 'C18')).toBe('4 signatures');
    expect(begun).toEqual([
      [1, 'beside'],
      [3, 'beside'],
      [0, 'here'],
      [2, 'here'],
    ]);
  });

  it('are found bad beside as well as here, the one nearest to the root first', async () => {
    for (const bad of [1, 2, 3, 4]) {
      const suite: Suite = { ...nodeSuite, verifyP384: (point) => points.indexOf(toHex(point)) < bad - 1 };
      expect(placeOf(await checksOf(good, { suite }))?.place).toEqual({ certificate: bad });
    }
  });

  it('of CAs, and of no leaf, are looked up and learnt by what was signed and until when it holds', async () => {
    const [asked, learnt]: [ChainLink[], ChainLink[]] = [[], []];
    const cache: CacheUse = {
      isKnown: (link) => {
        asked.push(link);
        return asked.length === 2;
      },
      learn: (link) => void learnt.push(link),
      commit: () => expect.unreachable('it is for the caller to say that all of it held'),
    };
    const short = chain({ 1: { validity: validity(NOW - 2_000, NOW + 5_000) } });
    const certificates = short.map((bytes) => parseCertificate(bytes));
    const checks = await checksOf(short, { cache });
    expect(detailOf(checks, 'C18')).toBe('4 signatures, 1 of them known from the cache');
    expect(asked).toEqual(
      certificates.slice(1, -1).map(({ tbs, signature }, index) => ({
        kind: 'P-384',
        issuerKey: pointOf(certificates[index] as ParsedCertificate),
        tbsSha256: sha256(tbs),
        signature: (signature as { readonly fixed: Uint8Array }).fixed,
        notAfter: NOW + 5_000,
      })),
    );
    expect(learnt).toEqual([asked[0], asked[2]]);
  });

  it('are known no longer than their issuers, however short those below live', async () => {
    const asked: ChainLink[] = [];
    const cache: CacheUse = { ...noCache, isKnown: (link) => asked.push(link) < 0 };
    await checksOf(chain({ 2: { validity: validity(NOW - 2_000, NOW + 9_000) } }), { cache });
    expect(asked.map(({ notAfter }) => notAfter)).toEqual([parsed[1]?.notAfter, NOW + 9_000, NOW + 9_000]);
  });

  it('are not learnt where one of them fails', async () => {
    const cache: CacheUse = { ...noCache, learn: () => expect.unreachable('one signature is bad') };
    const checks = await checksOf(chain({ 4: { signer: testKey().privateKey } }), { cache });
    expect(placeOf(checks)?.place).toEqual({ certificate: 4 });
  });

  it('hash each signed part once, whoever asks', async () => {
    let hashed = 0;
    const suite: Suite = {
      ...nodeSuite,
      sha256: (data) => {
        hashed += 1;
        return nodeSuite.sha256(data);
      },
    };
    const digests = createTbsDigests(suite);
    const [first, second] = [parsed[1] as ParsedCertificate, parsed[2] as ParsedCertificate];
    expect(await Promise.all([first, second, first].map(digests))).toEqual(
      [first, second, first].map(({ tbs }) => sha256(tbs)),
    );
    expect(hashed).toBe(2);
  });
});

describe('a chain of AMD’s shape', () => {
  const good = snpCertificates();
  const parsed = good.map((bytes) => parseCertificate(bytes, amdProfile));
  const [root, intermediate, leaf] = parsed as [ParsedCertificate, ParsedCertificate, ParsedCertificate];

  it('passes by RSA keys above a P-384 leaf without a key usage', async () => {
    const checks = await checksOf(good, {}, amdChain);
    expect(placeOf(checks)).toBeUndefined();
    expect(detailOf(checks, 'C12')).toBe('no key usage is written');
    expect(detailOf(checks, 'C18')).toBe('2 signatures');
  });

  it('is none of AWS’s, nor the other way about', async () => {
    expect(placeOf(await checksOf(good))).toMatchObject({ id: 'C4', detail: `RSASSA-PSS in ${at(0)}` });
    expect(placeOf(await checksOf(chain(), {}, amdChain))).toMatchObject({
      id: 'C4',
      detail: `ecdsa-with-SHA384 in ${at(0)}`,
    });
  });

  it('has an RSA key in every issuer and a P-384 key in the leaf', async () => {
    const context = contextOf(good);
    const failure = async (certificates: ChainContext['certificates']): Promise<unknown> =>
      placeOf((await runUntilFailure(chainRules(amdChain), { ...context, certificates })).checks);
    expect(await failure([root, { ...intermediate, key: leaf.key }, leaf])).toMatchObject({
      id: 'C4',
      detail: `P-384 in ${at(1)}`,
    });
    expect(await failure([root, intermediate, { ...leaf, key: root.key }])).toMatchObject({
      id: 'C4',
      detail: `RSA-4096 in ${at(2)}`,
    });
  });

  it('needs a leaf that may sign where a key usage is written', async () => {
    const context = contextOf(good);
    const usage = { digitalSignature: false, keyCertSign: false };
    const certificates = [root, intermediate, { ...leaf, extensions: { ...leaf.extensions, keyUsage: usage } }];
    const { checks } = await runUntilFailure(chainRules(amdChain), { ...context, certificates });
    expect(placeOf(checks)).toMatchObject({ id: 'C12', detail: 'no digitalSignature' });
  });

  it('is known by the modulus that signed', async () => {
    const asked: ChainLink[] = [];
    const cache: CacheUse = { ...noCache, isKnown: (link) => asked.push(link) > 0 };
    expect(detailOf(await checksOf(good, { cache }, amdChain), 'C18')).toBe(
      '2 signatures, 1 of them known from the cache',
    );
    expect(asked).toEqual([
      {
        kind: 'RSA-4096',
        issuerKey: (root.key as { readonly modulus: Uint8Array }).modulus,
        tbsSha256: sha256(intermediate.tbs),
        signature: (intermediate.signature as { readonly value: Uint8Array }).value,
        notAfter: Math.min(root.notAfter, intermediate.notAfter),
      },
    ]);
  });

  it('is signed by a key of its own kind, or by none', async () => {
    expect(await isSignedBy(nodeSuite, root.key, intermediate)).toBe(true);
    expect(await isSignedBy(nodeSuite, root.key, { ...intermediate, tbs: leaf.tbs })).toBe(false);
    const yes: Suite = { ...nodeSuite, verifyP384: () => true, verifyRsaPss384: () => true };
    const aws = parseCertificate(chain()[1] as Uint8Array);
    const other = { kind: 'other', oid: '1.2.3' } as const;
    for (const [key, signed] of [
      [leaf.key, intermediate],
      [root.key, aws],
      [other, intermediate],
      [other, aws],
      [root.key, { ...intermediate, signature: other }],
      [leaf.key, { ...aws, signature: other }],
    ] as const) {
      expect(await isSignedBy(yes, key, signed)).toBe(false);
    }
    expect(await isSignedBy(yes, leaf.key, aws)).toBe(true);
    expect(await isSignedBy(yes, root.key, intermediate)).toBe(true);
  });

  it('is checked here unless it is said otherwise', async () => {
    const runs: (SignatureRun | undefined)[] = [];
    const suite: Suite = { ...nodeSuite, verifyP384: (_point, _message, _signature, run) => runs.push(run) > 0 };
    const aws = parseCertificate(chain()[1] as Uint8Array);
    await isSignedBy(suite, leaf.key, aws);
    await isSignedBy(suite, leaf.key, aws, 'beside');
    expect(runs).toEqual(['here', 'beside']);
  });
});
