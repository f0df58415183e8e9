import { beforeEach, describe, expect, it } from 'vitest';
import { type ChainLink, isChainCache, useCache } from '../../../verifier/cache/chain-cache.ts';
import { isSameP384Signature } from '../../../verifier/codec/p384.ts';
import { parseCertificate } from '../../../verifier/codec/x509.ts';
import { type ChainCache, createChainCache, VerifierError } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import {
  basicConstraints,
  CA_USAGE,
  certificate,
  chain,
  keyAt,
  NOW,
  ROOT,
  specAt,
  testKey,
  validity,
} from '../../support/certificates.ts';
import { bits, sequence, unsigned } from '../../support/der-writer.ts';
import { defaultPcrs, evidence, pcr, policy, rulingOn, sha256Hex, verify } from '../../support/nitro-evidence.ts';

const SECOND = 1_000;
const P384_ORDER = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
);
/** ECDSA signs anew each time: these are the CAs that the cache is filled with. */
const genuine = chain();
const document = evidence({ certificates: genuine });

let cache: ChainCache;
let signatures: number;
const counting: Suite = {
  ...nodeSuite,
  verifyP384: (...args) => {
    signatures += 1;
    return nodeSuite.verifyP384(...args);
  },
};
const options = () => ({ cache, suite: counting });

beforeEach(async () => {
  cache = createChainCache({ maxEntries: 16 });
  expect(await rulingOn(document, options())).toBe('accepted');
  signatures = 0;
});

async function detailOfC18(bytes: Uint8Array): Promise<string | undefined> {
  return (await verify(bytes, options())).checks.find(({ id }) => id === 'C18')?.detail;
}

/** A certificate of the chain with the same signed part and another signature value. */
function withSignature(index: number, change: (fixed: Uint8Array) => Uint8Array): readonly Uint8Array[] {
  return genuine.map((bytes, at) => {
    if (at !== index) return bytes;
    const { tbs, signature } = parseCertificate(bytes);
    if (signature.kind !== 'ecdsa-with-SHA384') throw new TypeError('the test chain has ECDSA signatures');
    const fixed = change(signature.fixed);
    const pair = sequence(unsigned(fixed.subarray(0, 48)), unsigned(fixed.subarray(48)));
    return sequence(tbs, specAt(index).outerAlgorithm, bits(pair));
  });
}

function twin(fixed: Uint8Array): Uint8Array {
  const s = P384_ORDER - BigInt(`0x${Buffer.from(fixed.subarray(48)).toString('hex')}`);
  return Uint8Array.from(
    Buffer.from(Buffer.from(fixed.subarray(0, 48)).toString('hex') + s.toString(16).padStart(96, '0'), 'hex'),
  );
}

describe('a chain cache', () => {
  it('spares the signatures of CAs, and says so', async () => {
    expect(await detailOfC18(document)).toBe('4 signatures, 3 of them known from the cache');
    expect(signatures).toBe(2);
    expect(cache.size).toBe(3);
    cache.clear();
    expect(await detailOfC18(document)).toBe('4 signatures');
    expect(signatures).toBe(2 + 5);
  });

  it('is not filled or asked where the word is none', async () => {
    const other = evidence({ certificates: genuine });
    expect(await rulingOn(other, { cache: 'none', suite: counting })).toBe('accepted');
    expect(signatures).toBe(5);
  });

  it('knows a CA below which it has not seen this leaf', async () => {
    const leaf = certificate({ ...specAt(4), serial: unsigned(9) });
    expect(await rulingOn(evidence({ certificates: [...genuine.slice(0, 4), leaf] }), options())).toBe('accepted');
    expect(signatures).toBe(2);
    expect(cache.size).toBe(3);
  });

  it('answers only for the suite that checked', async () => {
    expect(await rulingOn(document, { cache, suite: { ...counting } })).toBe('accepted');
    expect(signatures).toBe(5);
  });

  it('changes no verdict, whichever byte of the document changed', async () => {
    for (let at = 0; at < document.length; at += 23) {
      const changed = Uint8Array.from(document);
      changed[at] = (changed[at] as number) ^ 0x01;
      expect([at, await rulingOn(changed, options())]).toEqual([at, await rulingOn(changed)]);
    }
    expect(cache.size).toBe(3);
  });
});

describe('poisoning a chain cache', () => {
  const stranger = testKey();
  const unsignedPart = (made: Uint8Array): Uint8Array =>
    Uint8Array.from(made, (byte, at) => (at === 60 ? byte ^ 1 : byte));

  it.each([
    ['a document with another signature', evidence({ signature: unsignedPart }), 'untrusted document_signature'],
    [
      'a leaf by a stranger',
      evidence({ chain: { 4: { signer: stranger.privateKey } } }),
      'untrusted certificate_signature',
    ],
    [
      'an expired CA',
      evidence({ chain: { 2: { validity: validity(NOW - 2 * SECOND, NOW - SECOND) } } }),
      'untrusted certificate_expired',
    ],
    ['a root of another', evidence({ chain: { 0: { serial: unsigned(7) } } }), 'untrusted root_not_trusted'],
    ['a CA that is none', evidence({ chain: { 3: { extensions: [CA_USAGE] } } }), 'untrusted issuer_not_ca'],
  ])('with a chain that failed leaves it empty: %s', async (_, bad, ruling) => {
    const empty = createChainCache({ maxEntries: 16 });
    expect(await rulingOn(bad, { cache: empty })).toBe(ruling);
    expect(empty.size).toBe(0);
  });

  it('does not depend on the policy: a chain that held is known, and the document refused all the same', async () => {
    const empty = createChainCache({ maxEntries: 16 });
    const debug = evidence({ fields: { pcrs: new Map([...defaultPcrs(), [0, pcr(0)], [1, pcr(0)], [2, pcr(0)]]) } });
    expect(await rulingOn(debug, { cache: empty })).toBe('refused debug_mode');
    expect(empty.size).toBe(3);
  });

  it.each([1, 2, 3])('with a genuine signed part and a forged signature: certificate %i', async (index) => {
    for (const at of [0, 47, 95]) {
      const forged = withSignature(index, (fixed) => Uint8Array.from(fixed, (byte, i) => (i === at ? byte ^ 1 : byte)));
      const ruling = await rulingOn(evidence({ certificates: forged }), options());
      expect(ruling).toBe('untrusted certificate_signature');
    }
    expect(await detailOfC18(document)).toBe('4 signatures, 3 of them known from the cache');
  });

  it('with respelt signatures makes no entries', async () => {
    const respelt = evidence({ certificates: withSignature(2, twin) });
    expect(await rulingOn(respelt, options())).toBe('accepted');
    expect({ signatures, size: cache.size }).toEqual({ signatures: 2, size: 3 });
  });

  it('with new signatures of the same parts makes no entries', async () => {
    for (let round = 0; round < 3; round++) expect(await rulingOn(evidence(), options())).toBe('accepted');
    expect({ signatures, size: cache.size }).toEqual({ signatures: 15, size: 3 });
  });

  it('with the same signed part under another key of the same name', async () => {
    const impostor = certificate({ ...specAt(1), spki: stranger.spki });
    const [root, , ...rest] = genuine as [Uint8Array, Uint8Array, ...Uint8Array[]];
    expect(await rulingOn(evidence({ certificates: [root, impostor, ...rest] }), options())).toBe(
      'untrusted certificate_signature',
    );
  });

  it('with a known CA under another root, trusted or not', async () => {
    const root = certificate({ ...specAt(0), spki: stranger.spki, signer: stranger.privateKey });
    const moved = evidence({ certificates: [root, ...genuine.slice(1)] });
    expect(await rulingOn(moved, options())).toBe('untrusted root_not_trusted');
    const both = policy({ roots: [sha256Hex(ROOT), sha256Hex(root)] });
    expect(await rulingOn(moved, { ...options(), policy: both })).toBe('untrusted certificate_signature');
  });

  it('with a root of the same key and other bytes', async () => {
    const root = certificate({ ...specAt(0), serial: unsigned(1) });
    const moved = evidence({ certificates: [root, ...genuine.slice(1)] });
    expect(await rulingOn(moved, options())).toBe('untrusted root_not_trusted');
  });

  it('with an ancestor that has ended, while the CAs below it are known', async () => {
    const ending = chain({ 1: { validity: validity(NOW - 10 * SECOND, NOW + SECOND) } });
    const bytes = evidence({ certificates: ending });
    expect(await rulingOn(bytes, options())).toBe('accepted');
    expect(await rulingOn(bytes, { ...options(), now: NOW + SECOND })).toBe('accepted');
    expect(await rulingOn(bytes, { ...options(), now: NOW + SECOND + 1 })).toBe('untrusted certificate_expired');
    const replaced = evidence({ certificates: [genuine[0], genuine[1], ...ending.slice(2)] as Uint8Array[] });
    expect(await rulingOn(replaced, { ...options(), now: NOW + SECOND + 1 })).toBe('accepted');
  });

  it('with a known CA where it may not stand', async () => {
    const narrow = certificate({ ...specAt(1), extensions: [basicConstraints('ca', 1), CA_USAGE] });
    const [root, , ...rest] = genuine as [Uint8Array, Uint8Array, ...Uint8Array[]];
    expect(await rulingOn(evidence({ certificates: [root, narrow, ...rest] }), options())).toBe(
      'untrusted path_too_long',
    );
    const swapped = [genuine[0], genuine[2], genuine[1], genuine[3], genuine[4]] as Uint8Array[];
    expect(await rulingOn(evidence({ certificates: swapped }), options())).toBe('untrusted issuer_mismatch');
  });

  it('does not spare a document its policy, its time or its challenge', async () => {
    const warm = options();
    expect(await rulingOn(document, { ...warm, now: NOW + 601 * SECOND })).toBe('refused document_too_old');
    expect(await rulingOn(document, { ...warm, challenge: new Uint8Array(32) })).toBe('refused challenge_mismatch');
    expect(await rulingOn(document, { ...warm, policy: policy({ images: [] }) })).toBe('refused image_refused');
    const denied = policy({
      denied: { certificates: [sha256Hex(parseCertificate(genuine[2] as Uint8Array).tbs)], modules: [], images: [] },
    });
    expect(await rulingOn(document, { ...warm, policy: denied })).toBe('refused certificate_denied');
  });
});

describe('what a chain cache holds', () => {
  const link = (number: number, changes: Partial<ChainLink> = {}): ChainLink => ({
    kind: 'P-384',
    issuerKey: keyAt(0).point,
    tbsSha256: new Uint8Array(32).fill(number),
    signature: new Uint8Array(96).fill(number),
    notAfter: NOW,
    ...changes,
  });
  const learn = (into: ChainCache, ...links: readonly ChainLink[]): void => {
    const use = useCache(into, nodeSuite, NOW);
    for (const learnt of links) use.learn(learnt);
    use.commit();
  };
  const knows = (asked: ChainCache, wanted: ChainLink, now = NOW): boolean =>
    useCache(asked, nodeSuite, now).isKnown(wanted);

  it('is what was committed', () => {
    const small = createChainCache({ maxEntries: 4 });
    const use = useCache(small, nodeSuite, NOW);
    use.learn(link(1));
    expect([small.size, knows(small, link(1))]).toEqual([0, false]);
    use.commit();
    expect([small.size, knows(small, link(1)), knows(small, link(2))]).toEqual([1, true, false]);
    expect(knows(small, link(1, { issuerKey: keyAt(1).point }))).toBe(false);
    expect(knows(small, link(1, { signature: new Uint8Array(96).fill(2) }))).toBe(false);
  });

  it('ends with the certificate, to the millisecond', () => {
    const small = createChainCache({ maxEntries: 4 });
    learn(small, link(1));
    expect(knows(small, link(1), NOW)).toBe(true);
    expect(knows(small, link(1), NOW + 1)).toBe(false);
    expect(small.size).toBe(0);
  });

  it('is bounded, and the one not used for longest goes first', () => {
    const small = createChainCache({ maxEntries: 3 });
    learn(small, link(1), link(2), link(3));
    expect(knows(small, link(1))).toBe(true);
    learn(small, link(4));
    expect([1, 2, 3, 4].map((number) => knows(small, link(number)))).toEqual([true, false, true, true]);
    learn(small, ...Array.from({ length: 100 }, (_, number) => link(number)));
    expect(small.size).toBe(3);
  });

  it('keeps its own copy of what it was given', () => {
    const small = createChainCache({ maxEntries: 3 });
    const given = link(1);
    learn(small, given);
    given.signature.fill(9);
    expect([knows(small, link(1)), knows(small, given)]).toEqual([true, false]);
  });

  it('takes a signature and its twin for one, and no other', () => {
    const low = Uint8Array.from({ length: 96 }, (_, index) => index + 1);
    expect(isSameP384Signature(low, twin(low))).toBe(true);
    expect(isSameP384Signature(low, twin(twin(low)))).toBe(true);
    for (const at of [0, 47, 48, 95]) {
      const other = Uint8Array.from(twin(low), (byte, index) => (index === at ? byte ^ 1 : byte));
      expect(isSameP384Signature(low, other)).toBe(false);
    }
    expect(isSameP384Signature(low, low.subarray(1))).toBe(false);
  });

  it.each([undefined, {}, { maxEntries: 0 }, { maxEntries: 65_537 }, { maxEntries: 1.5 }, { maxEntries: '8' }])(
    'is not made with %o',
    (bad) => {
      const make = (): unknown => createChainCache(bad as { maxEntries: number });
      expect(make).toThrow(expect.objectContaining({ code: 'argument_invalid', place: { field: 'maxEntries' } }));
      expect(make).toThrow(VerifierError);
    },
  );

  it('is made here only, and does not change its methods', () => {
    for (const imitation of [{ ...cache }, Object.create(cache), new Proxy(cache, {}), 'none', null, undefined]) {
      expect(isChainCache(imitation)).toBe(false);
    }
    expect(isChainCache(cache)).toBe(true);
    expect(() => Object.assign(cache, { maxEntries: 1e9 })).toThrow(TypeError);
  });
});
