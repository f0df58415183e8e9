import { describe, expect, it } from 'vitest';
import { createRoot, makeAuthority } from '../../../enclave/simulator/authority.ts';
import type { DocumentEncoding } from '../../../enclave/simulator/document.ts';
import { createNsm, textRegister } from '../../../enclave/simulator/nsm.ts';
import { systemChance } from '../../../enclave/simulator/signing.ts';
import { anchors, parsePolicy, verifyNitroDocument } from '../../../verifier/index.ts';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 21, 12, 0, 0, 250);
const CHALLENGE = new Uint8Array(32).fill(7);
const image = { pcr0: new Uint8Array(48).fill(1), pcr1: new Uint8Array(48).fill(2), pcr2: new Uint8Array(48).fill(3) };

const root = createRoot({ now: START - HOUR, key: systemChance.key(), chance: systemChance });

function device(options: { readonly encoding: DocumentEncoding; readonly clock: () => number }) {
  const enclaveId = fromHex('019b55a68bd2ed4b');
  return createNsm({
    authority: makeAuthority({ root, instanceId: 'i-0123456789abcdef0', enclaveId, chance: systemChance }),
    registers: { ...image, pcr3: new Uint8Array(48), pcr4: textRegister('i-0123456789abcdef0') },
    chance: systemChance,
    ...options,
  });
}

const SIMULATED: { readonly [rule: string]: JsonValue } = {
  version: 1,
  name: 'test',
  expires: '2027-01-01T00:00:00Z',
  tee: 'aws-nitro',
  level: 'simulated',
  roots: [toHex(sha256(root.certificate))],
  images: [{ pcr0: toHex(image.pcr0), pcr1: toHex(image.pcr1), pcr2: toHex(image.pcr2) }],
  pcrs: { '3': [toHex(new Uint8Array(48))], '4': [toHex(textRegister('i-0123456789abcdef0'))], '8': 'any' },
  debug: 'refuse',
  maxAgeSeconds: 60,
  futureSkewSeconds: 0,
  leafLifetimeSeconds: 10_800,
  moduleId: 'matches-certificate',
  regions: ['zz-simulated-1'],
  unknownFields: 'refuse',
  userDataLimit: 512,
  configurations: 'any',
  runtimes: 'any',
  operators: 'any',
  chain: 'any',
  publishers: 'any',
  models: 'any',
  sealed: 'required',
  headers: 'client-only',
  anchors: 'none',
  denied: { certificates: [], modules: [], images: [] },
};

function attest(nsm: ReturnType<typeof device>): Uint8Array {
  const response = nsm({ kind: 'Attestation', userData: new Uint8Array(32), nonce: CHALLENGE, publicKey: null });
  if (response.kind !== 'Attestation') throw new Error(JSON.stringify(response));
  return response.document;
}

async function verdictOf(document: Uint8Array, now: number, changes: { readonly [rule: string]: JsonValue } = {}) {
  const policy = parsePolicy({ ...SIMULATED, ...changes });
  return verifyNitroDocument(document, { policy, now, challenge: CHALLENGE, suite: nodeSuite, cache: 'none' });
}

const codeOf = (verdict: Awaited<ReturnType<typeof verdictOf>>): string =>
  verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict}: ${verdict.code}`;

describe.each(['definite', 'indefinite'] as const)(
  'the project’s own verifier on a document with a %s map',
  (encoding) => {
    it('runs every rule and accepts it, as simulated', async () => {
      const nsm = device({ encoding, clock: () => START });
      const config = new Uint8Array(32).fill(9);
      nsm({ kind: 'ExtendPCR', index: 16, data: config });
      nsm({ kind: 'LockPCR', index: 16 });
      const verdict = await verdictOf(attest(nsm), START);
      expect(codeOf(verdict)).toBe('accepted');
      expect(verdict.checks.filter(({ outcome }) => outcome === 'failed' || outcome === 'not-reached')).toEqual([]);
      if (verdict.verdict !== 'accepted') return;
      expect(verdict.proven.level).toBe('simulated');
      expect([...verdict.proven.pcrs.keys()]).toContain(16);
    });
  },
);

it('the project’s own verifier accepts documents on every day of a month: certificates are renewed in time', async () => {
  let now = START;
  const nsm = device({ encoding: 'indefinite', clock: () => now });
  for (; now < START + 30 * 24 * HOUR; now += 23 * HOUR) {
    expect(codeOf(await verdictOf(attest(nsm), now))).toBe('accepted');
  }
});

describe('what must never happen to simulated evidence', () => {
  const document = attest(device({ encoding: 'indefinite', clock: () => START }));

  it('it is refused by a policy for hardware, whatever else that policy allows (A2)', async () => {
    const vendor = anchors.filter(({ tee }) => tee === 'aws-nitro').map(({ sha256 }) => sha256);
    expect(codeOf(await verdictOf(document, START, { level: 'attested', roots: vendor }))).toBe(
      'untrusted: root_not_trusted',
    );
  });

  it('it is refused under the root of another machine', async () => {
    const other = createRoot({ now: START, key: systemChance.key(), chance: systemChance });
    expect(codeOf(await verdictOf(document, START, { roots: [toHex(sha256(other.certificate))] }))).toBe(
      'untrusted: root_not_trusted',
    );
  });

  it('it is refused for another image', async () => {
    const images = [{ pcr0: toHex(image.pcr1), pcr1: toHex(image.pcr1), pcr2: toHex(image.pcr2) }];
    expect(codeOf(await verdictOf(document, START, { images }))).toBe('refused: image_refused');
  });

  it('it is refused once its leaf has ended', async () => {
    expect(codeOf(await verdictOf(document, START + 4 * HOUR, { maxAgeSeconds: 'any' }))).toBe(
      'untrusted: certificate_expired',
    );
  });
});
