import type { SnpCpu } from './snp-report.ts';

/** AMD's names for what has its own root. Siena and Bergamo are under Genoa's. */
export type SnpProduct = 'Milan' | 'Genoa' | 'Turin';

const MODELS: readonly { readonly family: number; readonly from: number; readonly to: number; product: SnpProduct }[] =
  [
    { family: 0x19, from: 0x00, to: 0x0f, product: 'Milan' },
    { family: 0x19, from: 0x10, to: 0x1f, product: 'Genoa' },
    { family: 0x19, from: 0xa0, to: 0xaf, product: 'Genoa' },
    { family: 0x1a, from: 0x00, to: 0x11, product: 'Turin' },
  ];

/** AMD 57230, "Determining the product name". undefined for any CPU whose certificates and TCB layout are not known. */
export function productOfCpu({ family, model }: SnpCpu): SnpProduct | undefined {
  return MODELS.find((range) => range.family === family && range.from <= model && model <= range.to)?.product;
}
