import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemChance } from '../../../../enclave/simulator/signing.ts';
import {
  createSnpRoot,
  makeSnpAuthority,
  type SnpAuthority,
  type SnpAuthorityOptions,
  type SnpRoot,
} from '../../../../enclave/simulator/snp/authority.ts';
import { type Product, products, type SignerKind } from '../../../../enclave/simulator/snp/product.ts';
import { issueRevocationList } from '../../../../enclave/simulator/snp/revocation.ts';
import { generateRsa4096, rsaSigningKey } from '../../../../enclave/simulator/snp/rsa.ts';
import { encodeCertificateTable } from '../../../../enclave/simulator/snp/table.ts';
import { anchors } from '../../../../verifier/anchors.ts';
import { parseSnpCertificateTable } from '../../../../verifier/codec/snp-table.ts';
import { parseSnpPolicy } from '../../../../verifier/policy/snp-policy.ts';
import { verifySnpReport } from '../../../../verifier/snp/verify.ts';
import { concatBytes, toHex } from '../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';

const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 12, 0, 0, 250);
const IDENTITY = new Uint8Array(32).fill(9);
const CHALLENGE = new Uint8Array(32).fill(7);
const MEASUREMENT = new Uint8Array(48).fill(6);
const GUEST = { reportData: concatBytes(IDENTITY, CHALLENGE), measurement: MEASUREMENT };
const ALL = products.flatMap((product) =>
  (['vcek', 'vlek'] as const).flatMap((signer) => [2, 3, 5].map((version) => [product, signer, version] as const)),
);

let roots: Readonly<Record<Product, SnpRoot>>;

beforeAll(async () => {
  // Making an RSA-4096 key takes seconds: one signs for every authority of every line.
  const key = rsaSigningKey(await generateRsa4096());
  const keys = { ark: key, ask: key, asvk: key };
  const rootOf = (product: Product): SnpRoot => createSnpRoot({ product, now: NOW, keys, chance: systemChance });
  roots = { Milan: rootOf('Milan'), Genoa: rootOf('Genoa'), Turin: rootOf('Turin') };
}, 120_000);

const plain = new Map<string, SnpAuthority>();

/** Those without changes are made once: an RSA-4096 signature takes its time. */
function authority(product: Product, signer: SignerKind, changes?: Partial<SnpAuthorityOptions>): SnpAuthority {
  const make = (): SnpAuthority =>
    makeSnpAuthority({ root: roots[product], signer, now: NOW, chance: systemChance, ...changes });
  if (changes !== undefined) return make();
  const known = plain.get(`${product} ${signer}`) ?? make();
  plain.set(`${product} ${signer}`, known);
  return known;
}

const rootDigests = (): readonly string[] => products.map((product) => toHex(sha256(roots[product].ark.certificate)));

function floors(microcode: 'by CPU' | 'any'): JsonValue {
  const least = (model: number, minimum: number): JsonValue =>
    microcode === 'any' ? 'any' : [{ model, stepping: 1, minimum }];
  return {
    Milan: { bootloader: 4, tee: 0, snp: 24, microcode: least(0x01, 219) },
    Genoa: { bootloader: 10, tee: 0, snp: 27, microcode: least(0x11, 88) },
    Turin: { fmc: 1, bootloader: 1, tee: 0, snp: 2, microcode: least(0x02, 71) },
  };
}

/** Asks for all that a simulated machine gives, by value wherever there is one. */
function policyJson(changes: { readonly [rule: string]: JsonValue }): JsonValue {
  return {
    version: 1,
    name: 'test',
    expires: '2027-01-01T00:00:00Z',
    tee: 'amd-sev-snp',
    level: 'simulated',
    roots: rootDigests(),
    measurements: [toHex(MEASUREMENT)],
    reportVersions: [2, 3, 5],
    maxAgeSeconds: 'any',
    products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
    vmpl: [0],
    tcb: { reported: floors('by CPU'), committed: floors('by CPU'), launch: floors('by CPU') },
    provisionalFirmware: 'refuse',
    firmware: {
      current: { major: 1, minor: 55, build: 29 },
      committed: { major: 1, minor: 55, build: 29 },
    },
    maskedChipId: 'vlek-only',
    chips: 'any',
    cspIds: ['CN=cc-zz-simulated-1.proofmark.invalid'],
    guestPolicy: {
      debug: 'refuse',
      migrationAgent: 'refuse',
      smtAllowed: 'set',
      singleSocket: 'clear',
      cxlAllowed: 'clear',
      aes256Xts: 'clear',
      raplDisabled: 'clear',
      ciphertextHiding: 'clear',
      pageSwapDisabled: 'clear',
      minimumAbi: { major: 0, minor: 0 },
    },
    platform: {
      smtEnabled: 'set',
      tsmeEnabled: 'any',
      eccEnabled: 'set',
      raplDisabled: 'clear',
      ciphertextHiding: 'clear',
      aliasCheckComplete: 'set',
      iommuWriteSafe: 'any',
      tioEnabled: 'clear',
      unknownBits: 'refuse',
    },
    minimumGuestSvn: 0,
    hostData: ['00'.repeat(32)],
    familyIds: ['00'.repeat(16)],
    imageIds: ['00'.repeat(16)],
    idKeyDigests: ['00'.repeat(48)],
    authorKeyDigests: 'any',
    reportIds: 'any',
    migrationAgents: 'none',
    mitigations: { launch: 'any', current: 'any' },
    revocationList: 'any',
    configurations: 'any',
    runtimes: 'any',
    operators: 'any',
    chain: 'any',
    publishers: 'any',
    models: 'any',
    sealed: 'required',
    headers: 'client-only',
    anchors: 'none',
    denied: { certificates: [], chips: [], measurements: [] },
    ...changes,
  };
}

interface Shown {
  readonly report: Uint8Array;
  readonly certificates: readonly Uint8Array[];
  readonly revocationLists?: readonly Uint8Array[];
}

interface Judging {
  readonly now?: number;
  readonly changes?: { readonly [rule: string]: JsonValue };
}

async function verdictOf(shown: Shown, { now = NOW, changes = {} }: Judging = {}) {
  return verifySnpReport(
    { revocationLists: [], ...shown },
    {
      policy: parseSnpPolicy(policyJson(changes)),
      now,
      challenge: CHALLENGE,
      product: 'any',
      suite: nodeSuite,
      cache: 'none',
    },
  );
}

const codeOf = (verdict: Awaited<ReturnType<typeof verdictOf>>): string =>
  verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict}: ${verdict.code}`;

function shown(ca: SnpAuthority, changes: Partial<Parameters<SnpAuthority['report']>[0]> = {}): Shown {
  return { report: ca.report({ ...GUEST, ...changes }), certificates: ca.certificates };
}

describe('the project’s own verifier on simulated reports', () => {
  it.each(ALL)('runs every rule on one of %s by a %s of version %i and accepts it, as simulated', async (...which) => {
    const [product, signer, version] = which;
    // Version 2 does not name its CPU, so no number of microcode holds for it.
    const low = floors(version === 2 ? 'any' : 'by CPU');
    const changes = { tcb: { reported: low, committed: low, launch: low } };
    const verdict = await verdictOf(shown(authority(product, signer), { version }), { changes });
    expect(codeOf(verdict)).toBe('accepted');
    expect(verdict.checks.filter(({ outcome }) => outcome === 'failed' || outcome === 'not-reached')).toEqual([]);
    if (verdict.verdict !== 'accepted') return;
    expect(verdict.proven).toMatchObject({
      level: 'simulated',
      product,
      signer: signer.toUpperCase(),
      reportVersion: version,
      measurement: MEASUREMENT,
      userData: IDENTITY,
    });
  });

  it('reads the certificates out of the table that a host hands over', async () => {
    const ca = authority('Genoa', 'vlek');
    const [vlek, ask, ark] = ca.certificates;
    const root = roots.Genoa;
    const revocationList = issueRevocationList({
      root,
      thisUpdate: NOW - DAY,
      nextUpdate: NOW + DAY,
      number: 300,
      revoked: [],
      chance: systemChance,
    });
    const table = parseSnpCertificateTable(
      encodeCertificateTable([
        { kind: 'ark', content: ark },
        { kind: 'ask', content: ask },
        { kind: 'vlek', content: vlek },
        { kind: 'revocationList', content: revocationList },
      ]),
    );
    const changes = { revocationList: 'required' };
    expect(codeOf(await verdictOf({ report: ca.report(GUEST), ...table }, { changes }))).toBe('accepted');
  });

  it('believes a list of the root that names the intermediate', async () => {
    const lists = (serial: Uint8Array): readonly Uint8Array[] => [
      issueRevocationList({
        root: roots.Turin,
        thisUpdate: NOW - DAY,
        nextUpdate: NOW + DAY,
        number: 1,
        revoked: [{ serial, at: NOW - 2 * DAY }],
        chance: systemChance,
      }),
    ];
    const evidence = shown(authority('Turin', 'vcek'));
    const verdict = (serial: Uint8Array) => verdictOf({ ...evidence, revocationLists: lists(serial) });
    expect(codeOf(await verdict(Uint8Array.of(3, 0, 1)))).toBe('untrusted: certificate_revoked');
    // The ASVK's number is not the ASK's.
    expect(codeOf(await verdict(Uint8Array.of(3, 1, 1)))).toBe('accepted');
  });

  it('sees what the authority was asked to get wrong', async () => {
    const short = authority('Milan', 'vcek', { alterLeaf: (request) => ({ ...request, salt: new Uint8Array(32) }) });
    expect(codeOf(await verdictOf(shown(short)))).toBe('untrusted: certificate_signature');
    const ca = authority('Turin', 'vcek');
    const older = { fmc: 1, bootloader: 1, tee: 0, snp: 1, microcode: 71 };
    expect(codeOf(await verdictOf(shown(ca, { reportedTcb: older })))).toBe('untrusted: tcb_mismatch');
    expect(codeOf(await verdictOf(shown(ca, { chipId: new Uint8Array(64).fill(1) })))).toBe('untrusted: chip_mismatch');
    expect(codeOf(await verdictOf(shown(ca, { guestPolicy: 0xb0000n })))).toMatch(/^refused: /);
  });
});

describe('what must never happen to simulated reports', () => {
  const vendor = anchors.filter(({ tee }) => tee === 'amd-sev-snp').map((anchor) => anchor.sha256);
  const shipped = JSON.parse(
    readFileSync(new URL('../../../../attestations/policies/amd-sev-snp-default.json', import.meta.url), 'utf8'),
  ) as JsonValue;

  it.each(ALL)('one of %s by a %s of version %i is refused by every policy for hardware (A2)', async (...which) => {
    const [product, signer, version] = which;
    const evidence = shown(authority(product, signer), { version });
    const hardware = { level: 'attested', roots: vendor };
    expect(codeOf(await verdictOf(evidence, { changes: hardware }))).toBe('untrusted: root_not_trusted');
    const byDefault = await verifySnpReport(
      { ...evidence, revocationLists: [] },
      {
        policy: parseSnpPolicy(shipped),
        now: NOW,
        challenge: CHALLENGE,
        product: 'any',
        suite: nodeSuite,
        cache: 'none',
      },
    );
    expect(codeOf(byDefault)).toBe('untrusted: root_not_trusted');
  });

  it('it is refused under the root of another machine', async () => {
    const elsewhere = toHex(sha256(Uint8Array.of(1)));
    expect(codeOf(await verdictOf(shown(authority('Genoa', 'vcek')), { changes: { roots: [elsewhere] } }))).toBe(
      'untrusted: root_not_trusted',
    );
  });

  it('a lent key is refused once its year is over', async () => {
    const now = NOW + 366 * DAY;
    const changes = { expires: '2030-01-01T00:00:00Z' };
    expect(codeOf(await verdictOf(shown(authority('Turin', 'vlek')), { now, changes }))).toBe(
      'untrusted: certificate_expired',
    );
    expect(codeOf(await verdictOf(shown(authority('Turin', 'vcek')), { now, changes }))).toBe('accepted');
  });
});
