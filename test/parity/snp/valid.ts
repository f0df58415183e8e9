import { bits, der, octets, oid, sequence, TRUE, time, unsigned } from '../../support/der-writer.ts';
import { HOUR, NOW, SECOND } from '../../vectors/corpus/base.ts';
import { elementsIn, extension, ID, p384Key } from '../../vectors/corpus/certificate.ts';
import { publishedKey, withS } from '../../vectors/corpus/keys.ts';
import { AMD } from '../../vectors/corpus/snp/cases/edits.ts';
import { type Change, changesOf } from '../change.ts';
import { instead } from '../nitro/certificate.ts';
import type { Random } from '../random.ts';
import { profiles, type SnpEdit, type Tcb, tcbValues } from './evidence.ts';

/** What a change makes of the machine that was drawn for the case. */
export type SnpDraw = (start: SnpEdit) => SnpEdit;

/** Reports that are right in another way than usual: both sides have to accept them. */
const valid = (check: string, kind: string, draw: (random: Random, start: SnpEdit) => SnpEdit): Change<SnpDraw> =>
  changesOf<SnpDraw>('valid')(check, kind, (random) => (start) => draw(random, start));

const half =
  (which: 'high' | 'low') =>
  (report: Uint8Array): Uint8Array => {
    const part = (at: number): Uint8Array => report.slice(at, at + 48).reverse();
    const signature = withS(Uint8Array.from([...part(0x2a0), ...part(0x2e8)]), which);
    const changed = Uint8Array.from(report);
    changed.set(signature.slice(48).reverse(), 0x2e8);
    return changed;
  };

/** Levels that the line has, drawn anew. */
export function drawnTcb(random: Random, { product = 'Genoa' }: SnpEdit): Tcb {
  const level = (): number => random.below(256);
  const fmc = profiles[product].tcb.fmc === null ? null : level();
  return { fmc, bootloader: level(), tee: level(), snp: level(), microcode: level() };
}

/** Certified as this TCB. */
export function certifying(tcb: Tcb, { product = 'Genoa' }: SnpEdit): NonNullable<SnpEdit['leaf']> {
  const levels = new Map(tcbValues(product, tcb).map(({ arc, value }) => [`${AMD}.3.${arc}`, value]));
  return {
    extensions: (made) =>
      made.map((entry) => {
        const found = [...levels].find(([id]) => Buffer.from(entry).includes(Buffer.from(oid(id))));
        return found === undefined ? entry : extension(found[0], unsigned(found[1]), 'plain');
      }),
  };
}

/** A certificate of exactly this size, by way of an extension that nobody knows. */
export function ofSize(place: 'leaf' | 'intermediate', size: number): SnpEdit {
  const fill =
    (filling: number) =>
    (made: readonly Uint8Array[]): readonly Uint8Array[] => [
      ...made,
      extension(ID.unknown, new Uint8Array(filling), 'plain'),
    ];
  return {
    [place]: {
      // The signature always has 512 bytes; what stands around what is signed, and its lengths, is the rest.
      tbs: (made: Uint8Array) => {
        const [version, ...rest] = elementsIn(made);
        const wrapper = rest.at(-1) as Uint8Array;
        const entries = elementsIn(elementsIn(wrapper)[0] as Uint8Array);
        for (let filling = size - 1_000; filling > 0; filling--) {
          const list = sequence(...fill(filling)(entries));
          const tbs = sequence(version as Uint8Array, ...rest.slice(0, -1), der(0xa3, list));
          const algorithm = rest[1] as Uint8Array;
          if (sequence(tbs, algorithm, bits(new Uint8Array(512))).length === size) return tbs;
        }
        throw new RangeError(`no certificate of ${size} bytes`);
      },
    },
  };
}

const profilesOfAll = (['Milan', 'Genoa', 'Turin'] as const).flatMap((product) =>
  (['vcek', 'vlek'] as const).map((signer) =>
    valid('S7', `${product} ${signer}`, (random) => ({ product, signer, version: random.pick([2, 3, 5]) })),
  ),
);

const versions = ([2, 3, 5] as const).map((version) => valid('S2', `version ${version}`, () => ({ version })));

export const validSnp: readonly Change<SnpDraw>[] = [
  ...profilesOfAll,
  ...versions,
  valid('S6', 'the report with a high s', () => ({ report: half('high') })),
  valid('S6', 'the report with a low s', () => ({ report: half('low') })),
  valid('S9', 'any TCB that is certified', (random, start) => {
    const tcb = drawnTcb(random, start);
    return {
      leaf: certifying(tcb, start),
      fields: { currentTcb: tcb, committedTcb: tcb, reportedTcb: tcb, launchTcb: tcb },
    };
  }),
  valid('S10', 'firmware that is newer than what it reports', (random, start) => {
    const { tcb } = profiles[start.product ?? 'Genoa'];
    const newer = { ...tcb, microcode: Math.min(255, tcb.microcode + random.between(1, 30)), snp: tcb.snp + 1 };
    return { fields: { currentTcb: newer } };
  }),
  valid('S11', 'any TCB at launch', (random, start) => ({ fields: { launchTcb: drawnTcb(random, start) } })),
  valid('S12', 'any firmware that is in order', (random) => {
    const minor = random.below(200);
    return {
      fields: {
        currentFirmware: { major: 1, minor: minor + random.below(2), build: 200 },
        committedFirmware: { major: 1, minor, build: random.below(200) },
      },
    };
  }),
  valid('S20', 'any data of the guest', (random) => ({
    fields: {
      reportData: random.bytes(64),
      measurement: random.bytes(48),
      hostData: random.bytes(32),
      familyId: random.bytes(16),
      imageId: random.bytes(16),
      guestSvn: random.below(2 ** 32),
    },
  })),
  valid('S23', 'keys of an author', (random) => ({
    fields: { authorKeyEnabled: true, authorKeyDigest: random.bytes(48), idKeyDigest: random.bytes(48) },
  })),
  valid('S25', 'mitigations of version 5', (random) => ({
    version: 5,
    fields: { mitigations: { launch: BigInt(random.below(2 ** 40)), current: BigInt(random.below(2 ** 40)) } },
  })),
  valid('S15', 'other bits in the policy of the guest', (random) => {
    const chosen = [16n, 20n, 21n, 22n, 23n, 24n, 25n].filter(() => random.once(2));
    const bitsOf = chosen.reduce((sum, bit) => sum | (1n << bit), 1n << 17n);
    return { fields: { guestPolicy: bitsOf | BigInt(random.below(0x10000)) } };
  }),
  valid('S16', 'other bits of the platform', (random) => ({
    fields: { platformInfo: BigInt(random.below(256)) | 0x20n },
  })),
  valid('S16', 'bits of the platform that nobody knows', (random) => ({
    fields: { platformInfo: 0x25n | (1n << BigInt(random.between(8, 63))) },
  })),
  valid('S16', 'a check for aliased memory that is not complete', () => ({ fields: { platformInfo: 0x05n } })),
  valid('S15', 'a migration agent is allowed', () => ({ fields: { guestPolicy: 0x7001fn } })),
  valid('S24', 'a migration agent, while the guest admits none', (random) => ({
    fields: { migrationAgentReportId: random.bytes(32) },
  })),
  valid('S17', 'another privilege level', (random) => ({ fields: { vmpl: random.between(1, 3) } })),
  valid('S7', 'another CPU of the line', (random, { product = 'Genoa' }) => {
    const models = {
      Milan: [0x00, 0x01, 0x0f],
      Genoa: [0x10, 0x11, 0x1f, 0xa0, 0xaf],
      Turin: [0x00, 0x02, 0x11],
    };
    const family = product === 'Turin' ? 0x1a : 0x19;
    return {
      version: random.pick([3, 5]),
      fields: { cpu: { family, model: random.pick(models[product]), stepping: random.below(256) } },
    };
  }),
  valid('S13', 'a lent key with the chip named', (random) => ({
    signer: 'vlek',
    fields: { chipId: random.bytes(64) },
  })),
  valid('S26', 'a lent key of any cloud', (random) => ({
    signer: 'vlek',
    leaf: instead(
      `${AMD}.5`,
      extension(
        `${AMD}.5`,
        der(0x16, new TextEncoder().encode(random.pick(['x', 'CN=cc-us-east-2.example', 'y'.repeat(128), ' ~']))),
        'plain',
      ),
    ),
  })),
  valid('S7', 'a product name with a stepping', (random, { product = 'Genoa' }) => ({
    leaf: instead(
      `${AMD}.2`,
      extension(
        `${AMD}.2`,
        der(0x16, new TextEncoder().encode(random.pick([product, `${product}-B0`, `${product}-Z9`]))),
        'plain',
      ),
    ),
  })),
  valid('C15', 'another serial number', (random) => {
    const number = Uint8Array.from([random.between(1, 255), ...random.bytes(random.below(20))]);
    return { [random.pick(['leaf', 'intermediate'] as const)]: { serial: unsigned(number) } };
  }),
  valid('C15', 'a leaf with the number 0', () => ({ leaf: { serial: unsigned(0) } })),
  valid('C13', 'an unknown extension', (random) => ({
    [random.pick(['leaf', 'intermediate'] as const)]: {
      extensions: (made: readonly Uint8Array[]) => [
        ...made,
        extension(ID.unknown, octets(random.bytes(random.below(40))), 'plain'),
      ],
    },
  })),
  valid('X1', 'a certificate as long as is allowed', (random) => ofSize(random.pick(['leaf', 'intermediate']), 4_096)),
  valid('C8', 'judged in the first second of a certificate', (random) => ({
    [random.pick(['leaf', 'intermediate'] as const)]: { notBefore: time(NOW) },
  })),
  valid('C8', 'judged in the last second of a certificate', (random) => ({
    [random.pick(['leaf', 'intermediate'] as const)]: { notAfter: time(NOW) },
  })),
  valid('C8', 'judged at another moment', (random) => ({
    at: (NOW + random.below(300 * 24) * HOUR) / SECOND,
  })),
  valid('C8', 'until 2050 or later', (random) => ({
    [random.pick(['leaf', 'intermediate'] as const)]: {
      notAfter: time(Date.UTC(random.between(2_049, 9_999), 11, 31)),
    },
  })),
  valid('C11', 'an intermediate with a zero bit at the end of its usage', () => ({
    intermediate: instead(ID.keyUsage, extension(ID.keyUsage, bits(Uint8Array.of(0x04), 1), 'critical')),
  })),
  valid('C10', 'an intermediate without a path length', () => ({
    intermediate: instead(ID.basicConstraints, extension(ID.basicConstraints, sequence(TRUE), 'critical')),
  })),
  valid('C12', 'a leaf with a usage', (random) => ({
    leaf: {
      extensions: (made: readonly Uint8Array[]) => [
        ...made,
        extension(ID.keyUsage, bits(Uint8Array.of(0x80), 7), random.pick(['critical', 'plain'])),
      ],
    },
  })),
  valid('C12', 'a leaf that says that it is none', () => ({
    leaf: {
      extensions: (made: readonly Uint8Array[]) => [...made, extension(ID.basicConstraints, sequence(), 'critical')],
    },
  })),
  valid('C7', 'without the key identifier of the issuer', () => ({
    intermediate: {
      extensions: (made: readonly Uint8Array[]) =>
        made.filter((entry) => !Buffer.from(entry).includes(Buffer.from(oid(ID.authorityKey)))),
    },
  })),
  valid('C5', 'another key of the leaf', (random) => {
    const key = publishedKey(`other endorsement ${random.below(1_000_000)}`);
    return { key, leaf: { spki: p384Key(key.point) } };
  }),
];
