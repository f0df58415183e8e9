import type { SnpProduct } from './snp-product.ts';

/** One security patch level: what a certificate has an extension for, and a TCB_VERSION a byte. */
export type SplName = 'fmc' | 'bootloader' | 'tee' | 'snp' | 'spl4' | 'spl5' | 'spl6' | 'spl7' | 'microcode';

/** TCB_VERSION by component. `fmc` exists from Turin on. */
export interface SnpTcb {
  readonly fmc: number | null;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

/** AMD 56860 section 2.2: what each of the eight bytes is. Reserved ones are known by their extension's number. */
const ZEN3_ZEN4: readonly SplName[] = ['bootloader', 'tee', 'spl4', 'spl5', 'spl6', 'spl7', 'snp', 'microcode'];
const ZEN5: readonly SplName[] = ['fmc', 'bootloader', 'tee', 'snp', 'spl5', 'spl6', 'spl7', 'microcode'];

export function tcbLayout(product: SnpProduct): readonly SplName[] {
  return product === 'Turin' ? ZEN5 : ZEN3_ZEN4;
}

export function readTcb(raw: Uint8Array, product: SnpProduct): SnpTcb {
  const layout = tcbLayout(product);
  const level = (name: SplName): number => raw[layout.indexOf(name)] as number;
  return {
    fmc: product === 'Turin' ? level('fmc') : null,
    bootloader: level('bootloader'),
    tee: level('tee'),
    snp: level('snp'),
    microcode: level('microcode'),
  };
}

/** Component by component: a TCB is no ordered number, since one part may go back while another goes ahead. */
export function isTcbAtMost(lower: Uint8Array, upper: Uint8Array): boolean {
  return lower.every((level, index) => level <= (upper[index] as number));
}
