import type { Platform } from '../../enclave/simulator/platform.ts';
import { UsageError } from '../exit-codes.ts';
import { type Parsed, textOption } from './arguments.ts';

/** Options of every command that starts a simulated enclave. */
export const platformOptions = { tee: { type: 'string' }, product: { type: 'string' } } as const;

const PRODUCTS = { milan: 'Milan', genoa: 'Genoa', turin: 'Turin' } as const;

/** Whose hardware is simulated: AWS Nitro, or AMD SEV-SNP on one product line. */
export function platformOption(parsed: Parsed): Platform {
  const tee = textOption(parsed, 'tee') ?? 'aws-nitro';
  const product = textOption(parsed, 'product');
  if (tee === 'aws-nitro') {
    if (product !== undefined) throw new UsageError('--product belongs to --tee amd-sev-snp');
    return { tee, role: null };
  }
  if (tee !== 'amd-sev-snp') throw new UsageError(`--tee ${tee} is not aws-nitro or amd-sev-snp`);
  const name = product ?? 'genoa';
  if (!Object.hasOwn(PRODUCTS, name)) throw new UsageError(`--product ${name} is not milan, genoa or turin`);
  return { tee, product: PRODUCTS[name as keyof typeof PRODUCTS], signer: 'vcek', reportVersion: 5 };
}
