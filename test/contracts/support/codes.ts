import { type Hex, toFunctionSelector } from 'viem';
import { ChainError } from '../../../contracts/tools/anvil.ts';
import { codeMeanings } from '../../../verifier/errors.ts';

/** Errors of contracts that judge evidence are named as the codes of the TypeScript verifier. */
export function errorName(code: string): string {
  return code.replaceAll(/(^|_)([a-z])/g, (_all, _bar, letter: string) => letter.toUpperCase());
}

const codes = [codeMeanings.malformed, codeMeanings.untrusted, codeMeanings.refused].flatMap((group) =>
  Object.keys(group),
);
const codeOfSelector = new Map<string, string>(codes.map((code) => [toFunctionSelector(`${errorName(code)}()`), code]));

/** The code for what a contract reverted with, or the raw data where it has none. */
export function codeOf(data: Hex | undefined): string {
  return codeOfSelector.get(data ?? '0x') ?? `no code for ${data}`;
}

/** What a call came to: its result, or the code of its revert. */
export async function orCode(call: Promise<Hex>): Promise<{ readonly data: Hex } | { readonly code: string }> {
  try {
    return { data: await call };
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    return { code: codeOf(error.data) };
  }
}
