import { SimulatorError } from '../errors.ts';

/**
 * What tells AMD's product lines apart in reports and certificates (SEV-SNP ABI specification 56860, and the real
 * evidence that it was read from; verifier-checks, "SEV facts measured").
 */
export const products = ['Milan', 'Genoa', 'Turin'] as const;

export type Product = (typeof products)[number];

/** A chip's own key, or one that AMD lends to a cloud for its fleet. */
export type SignerKind = 'vcek' | 'vlek';

/** Security patch levels, one byte each. Only Turin has an `fmc`. */
export interface Tcb {
  readonly fmc: number | null;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

export interface Cpu {
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
}

export interface Firmware {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** One byte of a TCB version, and the last arc of the object identifier that certifies it. */
interface TcbByte {
  readonly component: keyof Tcb | 'reserved';
  readonly arc: number;
}

export interface ProductProfile {
  /** AMD's serial numbers begin with it. */
  readonly line: number;
  readonly cpu: Cpu;
  /** The product name in leaf certificates, some of which carry a stepping. */
  readonly leafName: Readonly<Record<SignerKind, string>>;
  /** The structVersion in leaf certificates. */
  readonly leafVersion: number;
  /** CHIP_ID always has 64 bytes in reports; a shorter hardware id is followed by zeros. */
  readonly chipIdBytes: number;
  readonly tcbBytes: readonly TcbByte[];
  readonly tcb: Tcb;
  readonly firmware: Firmware;
  readonly platformInfo: bigint;
  readonly mitigations: bigint;
}

/** Also the order of the extensions in certificates. */
const ZEN3_TCB: readonly TcbByte[] = [
  { component: 'bootloader', arc: 1 },
  { component: 'tee', arc: 2 },
  { component: 'reserved', arc: 4 },
  { component: 'reserved', arc: 5 },
  { component: 'reserved', arc: 6 },
  { component: 'reserved', arc: 7 },
  { component: 'snp', arc: 3 },
  { component: 'microcode', arc: 8 },
];

const TURIN_TCB: readonly TcbByte[] = [
  { component: 'fmc', arc: 9 },
  { component: 'bootloader', arc: 1 },
  { component: 'tee', arc: 2 },
  { component: 'snp', arc: 3 },
  { component: 'reserved', arc: 5 },
  { component: 'reserved', arc: 6 },
  { component: 'reserved', arc: 7 },
  { component: 'microcode', arc: 8 },
];

export const profiles: Readonly<Record<Product, ProductProfile>> = {
  Milan: {
    line: 1,
    cpu: { family: 0x19, model: 0x01, stepping: 1 },
    leafName: { vcek: 'Milan-B0', vlek: 'Milan' },
    leafVersion: 0,
    chipIdBytes: 64,
    tcbBytes: ZEN3_TCB,
    tcb: { fmc: null, bootloader: 4, tee: 0, snp: 24, microcode: 219 },
    firmware: { major: 1, minor: 55, build: 29 },
    platformInfo: 0x25n,
    mitigations: 0n,
  },
  Genoa: {
    line: 2,
    cpu: { family: 0x19, model: 0x11, stepping: 1 },
    leafName: { vcek: 'Genoa', vlek: 'Genoa' },
    leafVersion: 0,
    chipIdBytes: 64,
    tcbBytes: ZEN3_TCB,
    tcb: { fmc: null, bootloader: 10, tee: 0, snp: 27, microcode: 88 },
    firmware: { major: 1, minor: 55, build: 49 },
    platformInfo: 0x25n,
    mitigations: 0x0bn,
  },
  Turin: {
    line: 3,
    cpu: { family: 0x1a, model: 0x02, stepping: 1 },
    leafName: { vcek: 'Turin', vlek: 'Turin' },
    leafVersion: 1,
    chipIdBytes: 8,
    tcbBytes: TURIN_TCB,
    // Real chips have been seen with fmc 0; with 1, a reader that takes the wrong layout cannot pass by luck.
    tcb: { fmc: 1, bootloader: 1, tee: 0, snp: 2, microcode: 71 },
    firmware: { major: 1, minor: 55, build: 61 },
    platformInfo: 0x67n,
    mitigations: 0n,
  },
};

export interface TcbValue {
  readonly arc: number;
  readonly value: number;
}

/** A TCB version byte by byte, each with the arc that certifies it. */
export function tcbValues(product: Product, tcb: Tcb): readonly TcbValue[] {
  const { tcbBytes } = profiles[product];
  if ((tcb.fmc !== null) !== tcbBytes.some(({ component }) => component === 'fmc')) {
    throw new SimulatorError('argument_invalid', `fmc ${tcb.fmc} on ${product}`);
  }
  return tcbBytes.map(({ component, arc }) => ({ arc, value: component === 'reserved' ? 0 : level(component, tcb) }));
}

function level(component: keyof Tcb, tcb: Tcb): number {
  const value = tcb[component];
  if (value === null || !Number.isInteger(value) || value < 0 || value > 0xff) {
    throw new SimulatorError('argument_invalid', `${component} ${value} does not fit in a byte`);
  }
  return value;
}

export function encodeTcb(product: Product, tcb: Tcb): Uint8Array {
  return Uint8Array.from(tcbValues(product, tcb), ({ value }) => value);
}
