import { beforeEach, describe, expect, it } from 'vitest';
import { amdProfile, parseCertificate } from '../../../verifier/codec/x509.ts';
import { type ChainCache, createChainCache, type SnpEvidence } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { NOW, validity } from '../../support/certificates.ts';
import { bits, sequence, unsigned } from '../../support/der-writer.ts';
import { evidence as nitroEvidence, rulingOn, sha256Hex } from '../../support/nitro-evidence.ts';
import { caKey, pss, revocationEntry, revocationList, rsaTestKey, snpRoot } from '../../support/snp-certificates.ts';
import {
  SNP_CHALLENGE,
  snpCertificates,
  snpEvidence,
  snpPolicy,
  snpRulingOn,
  verifySnp,
} from '../../support/snp-evidence.ts';

const DAY = 86_400_000;
const genuine = snpEvidence();
const [root, intermediate, leaf] = genuine.certificates as readonly [Uint8Array, Uint8Array, Uint8Array];

let cache: ChainCache;
let signatures: number;
const counting: Suite = {
  ...nodeSuite,
  verifyRsaPss384: (...args) => {
    signatures += 1;
    return nodeSuite.verifyRsaPss384(...args);
  },
};
const options = () => ({ cache, suite: counting });

beforeEach(async () => {
  cache = createChainCache({ maxEntries: 16 });
  signatures = 0;
  expect(await snpRulingOn(genuine, options())).toBe('accepted');
  expect({ signatures, size: cache.size }).toEqual({ signatures: 2, size: 1 });
  signatures = 0;
});

const shown = (...certificates: readonly Uint8Array[]): SnpEvidence => ({ ...genuine, certificates });

/** The same signed part with another signature value. */
function resigned(
  certificate: Uint8Array,
  change: (signature: Uint8Array) => Uint8Array,
  trailer: 'spelt out' | 'left out' = 'spelt out',
): Uint8Array {
  const { tbs, signature } = parseCertificate(certificate, amdProfile);
  if (signature.kind !== 'RSASSA-PSS') throw new TypeError('the test chain has RSASSA-PSS signatures');
  return sequence(tbs, pss(48, trailer), bits(change(signature.value)));
}

const detailOfC18 = async (): Promise<string | undefined> =>
  (await verifySnp(genuine, options())).checks.find(({ id }) => id === 'C18')?.detail;

describe('a chain cache over SEV-SNP', () => {
  it('spares the intermediate’s signature, never the leaf’s, and says so', async () => {
    expect(await detailOfC18()).toBe('2 signatures, 1 of them known from the cache');
    expect(signatures).toBe(1);
    cache.clear();
    expect(await detailOfC18()).toBe('2 signatures');
  });

  it('answers only for the suite that checked', async () => {
    expect(await snpRulingOn(genuine, { cache, suite: { ...counting } })).toBe('accepted');
    expect(signatures).toBe(2);
  });

  it('may be the one that Nitro documents are verified with', async () => {
    expect(await rulingOn(nitroEvidence(), { cache })).toBe('accepted');
    expect(cache.size).toBe(1 + 3);
    expect(await snpRulingOn(genuine, options())).toBe('accepted');
    expect(signatures).toBe(1);
  });

  it('changes no verdict, whichever byte of report or intermediate changed', async () => {
    const everySo = (bytes: Uint8Array, step: number): readonly Uint8Array[] =>
      Array.from({ length: Math.floor(bytes.length / step) }, (_, index) =>
        Uint8Array.from(bytes, (byte, at) => (at === index * step ? byte ^ 1 : byte)),
      );
    const changed = [
      ...everySo(genuine.report, 61).map((report) => ({ ...genuine, report })),
      ...everySo(intermediate, 43).map((bytes) => shown(root, bytes, leaf)),
    ];
    for (const evidence of changed) {
      expect(await snpRulingOn(evidence, options())).toBe(await snpRulingOn(evidence));
    }
  });
});

describe('poisoning it', () => {
  it.each<readonly [string, SnpEvidence, string]>([
    [
      'a report with another signature',
      { ...genuine, report: flipped(genuine.report, 0x2a0) },
      'untrusted report_signature',
    ],
    [
      'a leaf by nobody',
      shown(
        root,
        intermediate,
        resigned(leaf, (value) => flipped(value, 5), 'left out'),
      ),
      'untrusted certificate_signature',
    ],
    [
      'a root of another',
      shown(
        resigned(root, (value) => flipped(value, 5)),
        intermediate,
        leaf,
      ),
      'untrusted root_not_trusted',
    ],
  ])('with a chain that failed leaves it empty: %s', async (_, bad, ruling) => {
    const empty = createChainCache({ maxEntries: 16 });
    expect(await snpRulingOn(bad, { cache: empty })).toBe(ruling);
    expect(empty.size).toBe(0);
  });

  it('with a genuine signed part and a forged signature', async () => {
    for (const at of [0, 255, 511]) {
      const forged = shown(
        root,
        resigned(intermediate, (value) => flipped(value, at)),
        leaf,
      );
      expect(await snpRulingOn(forged, options())).toBe('untrusted certificate_signature');
    }
    expect(await detailOfC18()).toBe('2 signatures, 1 of them known from the cache');
  });

  it('with new signatures of the same part makes no entries', async () => {
    for (let round = 0; round < 3; round++) {
      const [, fresh] = snpCertificates() as readonly [Uint8Array, Uint8Array, Uint8Array];
      expect(await snpRulingOn(shown(root, fresh, leaf), options())).toBe('accepted');
    }
    expect({ signatures, size: cache.size }).toEqual({ signatures: 6, size: 1 });
  });

  it('with a known intermediate under a root of the same name and another key, trusted or not', async () => {
    const stranger = rsaTestKey();
    const [moved] = snpCertificates({
      chain: { root: { spki: stranger.spki, signer: stranger.privateKey } },
    }) as readonly [Uint8Array];
    expect(await snpRulingOn(shown(moved, intermediate, leaf), options())).toBe('untrusted root_not_trusted');
    const both = snpPolicy({ roots: [sha256Hex(snpRoot('Genoa')), sha256Hex(moved)] });
    expect(await snpRulingOn(shown(moved, intermediate, leaf), { ...options(), policy: both })).toBe(
      'untrusted certificate_signature',
    );
  }, 60_000);

  it('with a root that has ended, while the intermediate below it is known', async () => {
    const [ending] = snpCertificates({ chain: { root: { validity: validity(NOW - DAY, NOW + 1_000) } } }) as readonly [
      Uint8Array,
    ];
    const policy = snpPolicy({ roots: [sha256Hex(ending)] });
    const evidence = shown(ending, intermediate, leaf);
    expect(await snpRulingOn(evidence, { ...options(), policy })).toBe('accepted');
    expect(await snpRulingOn(evidence, { ...options(), policy, now: NOW + 1_001 })).toBe(
      'untrusted certificate_expired',
    );
  });

  it('with an intermediate that was revoked after it was learnt', async () => {
    const { serial } = parseCertificate(intermediate, amdProfile);
    const revocationLists = [
      revocationList('Genoa', { revoked: [revocationEntry(unsigned(serial))], signer: caKey.privateKey }),
    ];
    expect(await snpRulingOn({ ...genuine, revocationLists }, options())).toBe('untrusted certificate_revoked');
  });

  it('does not spare a report its policy or its challenge', async () => {
    expect(await snpRulingOn(genuine, { ...options(), challenge: new Uint8Array(32) })).toBe(
      'refused challenge_mismatch',
    );
    expect(await snpRulingOn(genuine, { ...options(), policy: snpPolicy({ measurements: [] }) })).toBe(
      'refused measurement_refused',
    );
    expect(await snpRulingOn(genuine, { ...options(), challenge: SNP_CHALLENGE })).toBe('accepted');
  });
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));
}
