import { concatBytes } from '../../../wire/bytes.ts';
import { ORDER_BYTES, publishedKey } from '../../vectors/corpus/keys.ts';
import { type Change, changesOf } from '../change.ts';
import type { Random } from '../random.ts';
import { profiles, type SnpEdit } from './evidence.ts';
import { certifying, drawnTcb, type SnpDraw } from './valid.ts';

/** One rule of the report broken, and the report signed as it stands. */
const broken = (check: string, kind: string, draw: (random: Random, start: SnpEdit) => SnpEdit): Change<SnpDraw> =>
  changesOf<SnpDraw>('resigned')(check, `report: ${kind}`, (random) => (start) => draw(random, start));

const patched = (offset: number, ...bytes: readonly number[]): SnpEdit => ({
  patches: [{ offset, bytes: Uint8Array.from(bytes) }],
});
const scalar = (index: number, value: Uint8Array): SnpEdit => ({
  report: (made) => {
    const changed = Uint8Array.from(made);
    changed.set(value, 0x2a0 + 72 * index);
    return changed;
  },
});
const bit = (random: Random, from: number, to: number): SnpEdit =>
  patched(random.between(from, to - 1), 1 << random.below(8));

/** Levels that differ in one component from what the certificate says. */
const offByOne = (random: Random, { product = 'Genoa' }: SnpEdit): SnpEdit => {
  const { tcb } = profiles[product];
  const names = (['fmc', 'bootloader', 'tee', 'snp', 'microcode'] as const).filter((name) => tcb[name] !== null);
  const name = random.pick(names);
  const level = tcb[name] as number;
  const value = level === 0 ? 1 : level + random.pick([-1, 1]);
  const reportedTcb = { ...tcb, [name]: value };
  return { fields: { reportedTcb, currentTcb: { ...tcb, [name]: Math.max(level, value) } } };
};

const others = { Milan: 'Genoa', Genoa: 'Turin', Turin: 'Milan' } as const;

export const reportChanges: readonly Change<SnpDraw>[] = [
  broken('S1', 'another length', (random) => {
    const change = random.pick<(made: Uint8Array) => Uint8Array>([
      () => new Uint8Array(0),
      (made) => made.subarray(0, 1_183),
      (made) => concatBytes(made, Uint8Array.of(0)),
      (made) => concatBytes(new Uint8Array(1), made),
      (made) => made.subarray(0, 0x2a0),
      (made) => concatBytes(made, made),
    ]);
    return { report: change };
  }),
  broken('S2', 'another version', (random) => ({
    version: 5,
    ...random.pick([
      patched(0, 0),
      patched(0, 1),
      patched(0, 4),
      patched(0, 6),
      patched(0, 99),
      patched(0, 5, 0, 0, 1),
      patched(0, 2, 1),
    ]),
  })),
  broken('S3', 'another algorithm', (random) =>
    random.pick([patched(0x34, 0), patched(0x34, 2), patched(0x34, 1, 1), patched(0x34, 1, 0, 0, 1)]),
  ),
  broken('S4', 'something reserved is set', (random) =>
    random.pick([
      bit(random, 0x4c, 0x50),
      bit(random, 0x18b, 0x1a0),
      bit(random, 0x1eb, 0x1ec),
      bit(random, 0x1ef, 0x1f0),
      bit(random, 0x208, 0x2a0),
      patched(0x4c, 1),
      patched(0x29f, 0x80),
    ]),
  ),
  broken('S4', 'something after the signature is set', (random) => {
    const at = random.pick([0x330, 0x49f, random.between(0x330, 0x49f)]);
    return { report: (made) => Uint8Array.from(made, (byte, index) => (index === at ? byte ^ 1 : byte)) };
  }),
  broken('S4', 'mitigations before version 5', (random) => ({
    version: random.pick([2, 3]),
    ...bit(random, 0x1f8, 0x208),
  })),
  broken('S4', 'a CPU in version 2', (random) => ({ version: 2, ...bit(random, 0x188, 0x18b) })),
  broken('S4', 'a reserved bit of KEY_INFO', (random, { signer }) =>
    patched(0x48, signer === 'vlek' ? 4 : 0, ...random.pick([[1], [0, 1], [0, 0, 0x80]])),
  ),
  broken('S4', 'a low reserved bit of KEY_INFO', (random, { signer }) =>
    patched(0x48, (signer === 'vlek' ? 4 : 0) | (0x20 << random.below(3))),
  ),
  broken('S15', 'bit 17 of the policy is 0', () => ({ fields: { guestPolicy: 0x1001fn } })),
  broken('S15', 'a reserved bit of the policy', (random) => ({
    fields: { guestPolicy: 0x3001fn | (1n << BigInt(random.between(26, 63))) },
  })),
  broken('S15', 'debugging is allowed', () => ({ fields: { guestPolicy: 0xb001fn } })),
  broken('S5', 'an unknown signing key', (random) => ({ fields: { signingKey: random.between(2, 6) } })),
  broken('S5', 'no signing key', () => ({ fields: { signingKey: 7 } })),
  broken('S5', 'the chip key is masked', () => ({ signer: 'vcek', fields: { chipKeyMasked: true } })),
  broken('S5', 'the other kind of key', (_random, { signer }) => ({
    fields: { signingKey: signer === 'vlek' ? 0 : 1 },
  })),
  broken('S6', 'a scalar of more than 48 bytes', (random) =>
    scalar(random.below(2), Uint8Array.from([...random.bytes(48), ...patch24(random)])),
  ),
  broken('S6', 'r or s out of range', (random) =>
    scalar(
      random.below(2),
      random.pick([new Uint8Array(48), new Uint8Array(48).fill(0xff), Uint8Array.from(ORDER_BYTES).reverse()]),
    ),
  ),
  broken('S6', 'r and s in the other byte order', () => ({
    report: (made) => {
      const changed = Uint8Array.from(made);
      for (const from of [0x2a0, 0x2e8]) changed.set(made.slice(from, from + 48).reverse(), from);
      return changed;
    },
  })),
  broken('S6', 'r and s have changed places', () => ({
    report: (made) => {
      const changed = Uint8Array.from(made);
      changed.set(made.slice(0x2e8, 0x318), 0x2a0);
      changed.set(made.slice(0x2a0, 0x2d0), 0x2e8);
      return changed;
    },
  })),
  broken('S6', 'signed by another key', (random) => ({ key: publishedKey(`stranger ${random.below(1_000)}`) })),
  broken('S9', 'one level more or less than certified', (random, start) => offByOne(random, start)),
  broken('S9', 'a TCB that is not certified', (random, start) => {
    const reportedTcb = drawnTcb(random, start);
    const above = { bootloader: 255, tee: 255, snp: 255, microcode: 255, fmc: reportedTcb.fmc === null ? null : 255 };
    return { fields: { reportedTcb, currentTcb: above } };
  }),
  broken('S9', 'a level that is reserved', (random, { product = 'Genoa' }) =>
    patched((product === 'Turin' ? 0x184 : 0x182) + random.below(3), random.between(1, 255)),
  ),
  broken('S9', 'certified for another TCB', (random, start) => ({ leaf: certifying(drawnTcb(random, start), start) })),
  broken('S8', 'the layout of another line', (_random, { product = 'Genoa' }) => {
    const bytes =
      product === 'Turin' ? [1, 0, 0, 0, 0, 0, 2, 71] : [0, profiles[product].tcb.bootloader, 0, 27, 0, 0, 0, 88];
    return patched(0x180, ...bytes);
  }),
  broken('S10', 'committed above current', (random, { product = 'Genoa' }) => {
    const { tcb } = profiles[product];
    const name = random.pick(['bootloader', 'tee', 'snp', 'microcode'] as const);
    return { fields: { committedTcb: { ...tcb, [name]: tcb[name] + 1 } } };
  }),
  broken('S10', 'reported above current', (random, { product = 'Genoa' }) => {
    const { tcb } = profiles[product];
    const name = random.pick(['bootloader', 'snp', 'microcode'] as const);
    return {
      fields: { currentTcb: { ...tcb, [name]: tcb[name] - 1 }, committedTcb: { ...tcb, [name]: tcb[name] - 1 } },
    };
  }),
  broken('S10', 'committed firmware above the current one', (random) => ({
    fields: {
      currentFirmware: { major: 1, minor: 55, build: 49 },
      committedFirmware: random.pick([
        { major: 1, minor: 55, build: 50 },
        { major: 1, minor: 56, build: 0 },
        { major: 2, minor: 0, build: 0 },
      ]),
    },
  })),
  broken('S7', 'a CPU that nobody knows', (random) => ({
    version: random.pick([3, 5]),
    fields: {
      cpu: random.pick([
        { family: 0x1b, model: 0, stepping: 0 },
        { family: 0x19, model: 0x30, stepping: 1 },
        { family: 0x1a, model: 0x40, stepping: 1 },
        { family: 0x17, model: 0x31, stepping: 0 },
        { family: 0, model: 0, stepping: 0 },
      ]),
    },
  })),
  broken('S7', 'the CPU of another line', (random, { product = 'Genoa' }) => ({
    version: random.pick([3, 5]),
    fields: { cpu: profiles[others[product]].cpu },
  })),
  broken('S13', 'a chip key without the chip', () => ({ signer: 'vcek', fields: { chipId: new Uint8Array(64) } })),
  broken('S13', 'another chip', (random) => ({ signer: 'vcek', fields: { chipId: random.bytes(64) } })),
  broken('S13', 'a chip with one bit changed', (random) => ({
    signer: 'vcek',
    product: 'Genoa',
    report: (made) => made,
    patches: [{ offset: 0x1a0 + random.below(64), bytes: random.bytes(1) }],
  })),
  broken('S13', "something after Turin's eight bytes", (random) => ({
    product: 'Turin',
    signer: 'vcek',
    patches: [{ offset: random.between(0x1a8, 0x1df), bytes: Uint8Array.of(random.between(1, 255)) }],
  })),
  broken('S17', 'a privilege level that does not exist', (random) => ({
    fields: { vmpl: random.pick([4, 255, 256, 0xffff_ffff]) },
  })),
];

/** 24 bytes that are not all zero. */
function patch24(random: Random): Uint8Array {
  const bytes = new Uint8Array(24);
  bytes[random.below(24)] = random.between(1, 255);
  return bytes;
}
