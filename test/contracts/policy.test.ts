import { readFileSync } from 'node:fs';
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, stringToHex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import type { ParsedSnpReport, SnpReportVersion } from '../../verifier/codec/snp-report.ts';
import { parseSnpPolicy, type SnpPolicyRules } from '../../verifier/policy/snp-policy.ts';
import type { SnpPolicyContext } from '../../verifier/snp/context.ts';
import { snpPolicyRules } from '../../verifier/snp/rules.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { runs } from '../support/runs.ts';
import { floors, hardwareRules, microcode, PRODUCTS, type Product, wordOf } from './support/policy.ts';

const template = new URL('../../attestations/policies/amd-sev-snp-default.json', import.meta.url);
const NOW = 1_800_000_000;
const FACTS = 36;

let chain: Chain;
let many: Artifact;
let list: Artifact;
let at: Address;
let registry: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka', timestamp: NOW });
  many = await artifact('AcceptsMany');
  list = await artifact('ImageListPolicy');
  at = await chain.deploy(many);
  registry = (await ask('REGISTRY', [])) as Address;
});

afterAll(() => chain.stop());

async function ask(functionName: string, args: readonly unknown[]): Promise<unknown> {
  const data = await chain.call({ to: at, data: encodeFunctionData({ abi: many.abi, functionName, args }) });
  return decodeFunctionResult({ abi: many.abi, functionName, data });
}

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;
const word = (text: string): Hex => stringToHex(text, { size: 32 });
const name = (text: string): Uint8Array => sha256(utf8(text));

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Json = { [key: string]: JsonValue };

/** Numbers that are the same in every run: splitmix32. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % below;
  };
}

interface Facts {
  readonly report: ParsedSnpReport;
  readonly product: Product;
  readonly signer: 'VCEK' | 'VLEK';
  readonly cloud: string;
  readonly measurement: string;
  readonly certificates: readonly Uint8Array[];
  readonly level: 'attested' | 'simulated';
}

const CLOUDS = ['a cloud', 'another cloud'] as const;
const CPUS: { readonly [name in Product]: readonly (readonly [model: number, stepping: number])[] } = {
  Milan: [
    [1, 1],
    [1, 2],
    [1, 0],
  ],
  Genoa: [
    [17, 1],
    [17, 2],
    [160, 2],
    [160, 1],
  ],
  Turin: [
    [2, 1],
    [2, 2],
  ],
};
const FAMILY = { Milan: 0x19, Genoa: 0x19, Turin: 0x1a } as const;

function chipOf(which: number): Uint8Array {
  return new Uint8Array(64).fill(which);
}

/** The default policy, and a few of its words said otherwise. */
function policyFrom(random: (below: number) => number): SnpPolicyRules {
  const json = JSON.parse(readFileSync(template, 'utf8')) as Json;
  const pick = <T>(...values: readonly T[]): T => values[random(values.length)] as T;
  json['measurements'] = ['11'.repeat(48), '22'.repeat(48)];
  json['cspIds'] = pick<JsonValue>([], 'any', [CLOUDS[0]], [...CLOUDS]);
  const bit = (): JsonValue => pick('any', 'set', 'clear');
  const some = (object: Json): void => {
    for (const key of Object.keys(object)) if (random(3) === 0) object[key] = bit();
  };
  const guest = json['guestPolicy'] as Json;
  const platform = json['platform'] as Json;
  some(platform);
  some(guest);
  platform['unknownBits'] = pick('refuse', 'refuse', 'ignore');
  guest['debug'] = pick('refuse', 'refuse', 'allow');
  guest['migrationAgent'] = pick('refuse', 'refuse', 'allow');
  guest['minimumAbi'] = pick<JsonValue>('any', { major: 1, minor: 51 }, { major: 0, minor: 200 });
  json['minimumGuestSvn'] = pick<JsonValue>('any', 'any', 3);
  json['maskedChipId'] = pick('refuse', 'vlek-only');
  json['provisionalFirmware'] = pick('refuse', 'allow');
  json['reportVersions'] = pick<JsonValue>([3, 5], [2, 3, 5], [5]);
  json['vmpl'] = pick<JsonValue>([0], [0, 2], [1, 3]);
  json['chips'] = pick<JsonValue>('any', 'any', [toHex(chipOf(1)), toHex(chipOf(2))]);
  const products = json['products'] as Json;
  for (const product of PRODUCTS) products[product] = pick<JsonValue>(['VCEK', 'VLEK'], ['VCEK'], ['VLEK']);
  for (const kind of ['reported', 'committed', 'launch']) {
    for (const product of PRODUCTS) floorFrom(json['tcb'] as Json, kind, product, random);
  }
  const denied = json['denied'] as Json;
  denied['chips'] = pick<JsonValue>([], [toHex(chipOf(2))]);
  denied['certificates'] = pick<JsonValue>([], [toHex(name('leaf 1'))]);
  return parseSnpPolicy(json);
}

function floorFrom(tcb: Json, kind: string, product: Product, random: (below: number) => number): void {
  const lines = tcb[kind] as Json;
  const which = random(9);
  if (which === 0) lines[product] = 'any';
  if (which === 1) (lines[product] as Json)['microcode'] = 'any';
  if (which === 2)
    (lines[product] as Json)['microcode'] = ((lines[product] as Json)['microcode'] as JsonValue[]).slice(1);
  if (which === 3) (lines[product] as Json)['tee'] = 1;
}

/** What the policy accepts, changed in nothing, one thing or two. */
function factsFrom(policy: SnpPolicyRules, random: (below: number) => number): Facts {
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
  const product = pick(PRODUCTS);
  const signer = pick(policy.products[product]);
  const [model, stepping] = CPUS[product][random(5) === 0 ? random(CPUS[product].length) : 0] as readonly [
    number,
    number,
  ];
  const version = pick(policy.reportVersions);
  const tcb = tcbFor(product, random);
  const report: Mutable<ParsedSnpReport> = {
    ...blank,
    version,
    cpu: version === 2 ? null : { family: FAMILY[product], model, stepping },
    vmpl: pick(policy.vmpl),
    guestSvn: policy.minimumGuestSvn === 'any' ? 0 : policy.minimumGuestSvn + random(2),
    guestPolicy:
      bitsFor(hardwareRules(policy).guestSet, random) | 0x2_0000n | BigInt(pick([307, 307, 307, 307, 307, 200, 51])),
    platformInfo: bitsFor(hardwareRules(policy).platformSet, random),
    reportedTcb: tcb,
    committedTcb: tcb,
    currentTcb: tcb,
    launchTcb: tcb,
    chipId: chipOf(1),
  };
  const facts: Mutable<Facts> = {
    report,
    product,
    signer,
    cloud: policy.cspIds === 'any' ? CLOUDS[1] : (policy.cspIds[0] ?? CLOUDS[0]),
    measurement: '11',
    certificates: ['root', 'intermediate', 'leaf 0'].map(name),
    level: 'attested',
  };
  for (let changes = random(3) === 0 ? 0 : 1 + random(2); changes > 0; changes--) change(facts, report, random);
  return facts;
}

function change(facts: Mutable<Facts>, report: Mutable<ParsedSnpReport>, random: (below: number) => number): void {
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
  const nudged = (tcb: Uint8Array): Uint8Array => {
    const copy = Uint8Array.from(tcb);
    const index = random(8);
    copy[index] = Math.min(255, Math.max(0, (copy[index] as number) + pick([-1, 1])));
    return copy;
  };
  const field = pick(['reportedTcb', 'committedTcb', 'launchTcb', 'currentTcb'] as const);
  const changes: readonly (() => void)[] = [
    () => {
      report[field] = nudged(report[field]);
    },
    () => {
      report.guestPolicy ^= 1n << BigInt(pick([16, 18, 19, 20, 21, 22, 23, 24, 25]));
    },
    () => {
      report.platformInfo ^= 1n << BigInt(pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 40, 63]));
    },
    () => {
      report.vmpl = random(4);
    },
    () => {
      report.version = pick<SnpReportVersion>([2, 3, 5]);
      report.cpu =
        report.version === 2 ? null : (report.cpu ?? { family: FAMILY[facts.product], model: 1, stepping: 1 });
    },
    () => {
      report.guestSvn = random(5);
    },
    () => {
      report.chipId = chipOf(random(4));
    },
    () => {
      facts.signer = pick(['VCEK', 'VLEK']);
    },
    () => {
      facts.cloud = pick([...CLOUDS, 'a third cloud']);
    },
    () => {
      facts.measurement = pick(['22', '33']);
    },
    () => {
      facts.certificates = [...facts.certificates.slice(0, 2), name('leaf 1')];
    },
    () => {
      facts.level = 'simulated';
    },
  ];
  // There are many bits, and each must decide alone at some time.
  const [, guest, platform] = changes;
  pick([...changes, guest, guest, guest, platform, platform, platform])?.();
}

/** Somewhat above the default's minima, or exactly there, or one below in some place. */
function tcbFor(product: Product, random: (below: number) => number): Uint8Array {
  const least = {
    Milan: [4, 0, 0, 0, 0, 0, 24, 219],
    Genoa: [10, 0, 0, 0, 0, 0, 27, 84],
    Turin: [0, 1, 0, 2, 0, 0, 0, 71],
  }[product];
  const raised = random(4);
  return Uint8Array.from(least, (byte) => byte + (raised === 0 ? random(2) : 1 + random(2)));
}

/** Bits that must be set, and now and then one more. */
function bitsFor(set: number, random: (below: number) => number): bigint {
  return BigInt(set) | (random(6) === 0 ? 1n << 16n : 0n);
}

const firmware = { major: 1, minor: 55, build: 39 } as const;
const blank: ParsedSnpReport = {
  version: 3,
  guestSvn: 0,
  guestPolicy: 0n,
  familyId: new Uint8Array(16),
  imageId: new Uint8Array(16),
  vmpl: 0,
  currentTcb: new Uint8Array(8),
  platformInfo: 0n,
  authorKeyEnabled: false,
  chipKeyMasked: false,
  signingKey: 'VCEK',
  reportData: new Uint8Array(64),
  measurement: new Uint8Array(48),
  hostData: new Uint8Array(32),
  idKeyDigest: new Uint8Array(48),
  authorKeyDigest: new Uint8Array(48),
  reportId: new Uint8Array(32),
  migrationAgentReportId: new Uint8Array(32).fill(0xff),
  reportedTcb: new Uint8Array(8),
  cpu: null,
  chipId: new Uint8Array(64),
  committedTcb: new Uint8Array(8),
  currentFirmware: firmware,
  committedFirmware: firmware,
  launchTcb: new Uint8Array(8),
  mitigations: null,
  signed: new Uint8Array(0),
  signature: new Uint8Array(0),
};

/** The ids of the rules that refuse these facts, by the rules of the library themselves. */
async function refusals(policy: SnpPolicyRules, facts: Facts): Promise<readonly string[]> {
  const masked = facts.report.chipId.every((byte) => byte === 0);
  const measurement = new Uint8Array(48).fill(Number.parseInt(facts.measurement, 16));
  const context: SnpPolicyContext = {
    report: { ...facts.report, measurement },
    product: facts.product,
    signer: facts.signer,
    chipId: masked ? null : facts.report.chipId,
    cspId: facts.signer === 'VLEK' ? facts.cloud : null,
    rootSha256: policy.roots[0] as Uint8Array,
    tbsSha256: facts.certificates,
    revocationList: null,
    level: facts.level,
    policy,
    now: NOW * 1000,
    challenge: 'any',
  };
  const findings = await Promise.all(snpPolicyRules.map(async ({ id, run }) => ({ id, ...(await run(context)) })));
  return findings.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
}

const imageOf = (measurement: string): Hex => word(`image ${measurement}`);
const allowed = (ids: 'any' | readonly Hex[]): unknown => ({ any: ids === 'any', ids: ids === 'any' ? [] : ids });
const eachOf = (ids: 'any' | readonly Uint8Array[], digest = sha256): unknown =>
  allowed(ids === 'any' ? 'any' : ids.map((id) => hex(digest(id))));

function setupOf(policy: SnpPolicyRules): unknown {
  return {
    registry,
    simulated: policy.level === 'simulated',
    images: ['11', '22'].map((measurement) => ({ image: imageOf(measurement), provenance: word('provenance') })),
    configs: allowed('any'),
    runtimes: allowed('any'),
    executions: allowed('any'),
    operators: allowed('any'),
    platforms: eachOf(policy.chips),
    clouds: eachOf(policy.cspIds === 'any' ? 'any' : policy.cspIds.map(utf8)),
    deniedPlatforms: policy.denied.chips.map((chip) => hex(sha256(chip))),
    deniedCertificates: policy.denied.certificates.map(hex),
    hardware: hardwareRules(policy),
    floors: floors(policy),
    microcode: microcode(policy),
  };
}

function workerOf({ report, product, signer, cloud, measurement, certificates, level }: Facts): unknown {
  const { cpu, chipId } = report;
  const zero = `0x${'00'.repeat(32)}`;
  return {
    tee: word('amd-sev-snp'),
    simulated: level === 'simulated',
    image: imageOf(measurement),
    config: word('config'),
    runtime: word('runtime'),
    operator: at,
    platformId: chipId.every((byte) => byte === 0) ? zero : hex(sha256(chipId)),
    snp: {
      product: PRODUCTS.indexOf(product) + 1,
      signer: signer === 'VCEK' ? 1 : 2,
      reportVersion: report.version,
      vmpl: report.vmpl,
      cpu: cpu === null ? 0 : cpu.family * 0x1_0000 + cpu.model * 0x100 + cpu.stepping,
      guestSvn: report.guestSvn,
      guestPolicy: report.guestPolicy,
      platformInfo: report.platformInfo,
      reportedTcb: wordOf(report.reportedTcb),
      committedTcb: wordOf(report.committedTcb),
      currentTcb: wordOf(report.currentTcb),
      launchTcb: wordOf(report.launchTcb),
      cloud: signer === 'VLEK' ? hex(sha256(utf8(cloud))) : zero,
    },
    certificates: certificates.map(hex),
    registeredAt: NOW,
    expiresAt: NOW + 86_400,
    revokedAt: 0,
  };
}

async function verdicts(policy: SnpPolicyRules, facts: readonly Facts[]): Promise<readonly boolean[]> {
  const deployed = await chain.deploy(list, [setupOf(policy)]);
  const data = encodeFunctionData({ abi: many.abi, functionName: 'set', args: [facts.map(workerOf)] });
  expect((await chain.send({ to: at, data })).status).toBe('success');
  return (await ask('accepted', [deployed, BigInt(facts.length)])) as readonly boolean[];
}

/** Every rule on a policy that a registry's facts can be held against; the others are "any" in these policies. */
const RULES: readonly string[] = [
  ...['A2', 'X14.certificate', 'X14.chip', 'S28', 'S2.policy', 'S17', 'S18', 'S19', 'S10', 'S10.provisional'],
  ...['S11.reported', 'S11.committed', 'S11.launch', 'S13.masked', 'S14', 'S26', 'S15.debug', 'S15.migrationAgent'],
  ...['S15.smtAllowed', 'S15.singleSocket', 'S15.cxlAllowed', 'S15.aes256Xts', 'S15.raplDisabled'],
  ...['S15.ciphertextHiding', 'S15.pageSwapDisabled', 'S15.abi', 'S16.aliasCheckComplete', 'S16.smtEnabled'],
  ...['S16.tsmeEnabled', 'S16.eccEnabled', 'S16.raplDisabled', 'S16.ciphertextHiding', 'S16.iommuWriteSafe'],
  ...['S16.tioEnabled', 'S16.unknown'],
];

describe('the rules for SEV-SNP on chain', () => {
  it('say of the same facts what the verifier says', { timeout: 600_000 }, async () => {
    const random = numbers(7);
    const alone = new Map<string, number>();
    let accepted = 0;
    let refused = 0;
    for (let round = 0; round < runs(120); round++) {
      const policy = policyFrom(random);
      const facts = Array.from({ length: FACTS }, () => factsFrom(policy, random));
      const found = await verdicts(policy, facts);
      for (const [index, each] of facts.entries()) {
        const why = await refusals(policy, each);
        expect({ round, index, why, accepted: found[index] }).toEqual({
          round,
          index,
          why,
          accepted: why.length === 0,
        });
        if (why.length === 1) alone.set(why[0] as string, (alone.get(why[0] as string) ?? 0) + 1);
        if (why.length === 0) accepted += 1;
        else refused += 1;
      }
    }
    console.log(`${accepted} accepted, ${refused} refused by both`);
    expect(accepted).toBeGreaterThan((accepted + refused) / 10);
    expect(refused).toBeGreaterThan((accepted + refused) / 10);
    // Each decided alone at least once: dropping it in either place would be seen.
    expect(RULES.filter((id) => !alone.has(id))).toEqual([]);
    expect([...alone.keys()].filter((id) => !RULES.includes(id))).toEqual([]);
  });

  it('begin with what the published default says', async () => {
    const policy = parseSnpPolicy(readFileSync(template));
    const [rules, minima, cpus] = (await ask('defaults', [policy.expires / 1000])) as readonly unknown[];
    expect(rules).toEqual(hardwareRules(policy));
    expect(minima).toEqual(floors(policy));
    expect(cpus).toEqual(microcode(policy));
  });
});
