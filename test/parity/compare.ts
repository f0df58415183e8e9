import { type Pair, tolerances } from './tolerances.ts';
import { type Facts, outcomeOf, type Verdict } from './verdict.ts';

export type Comparison =
  /** `tolerance`: the name of the difference that is meant, or null where there is none. */
  { readonly agrees: true; readonly tolerance: string | null } | { readonly agrees: false; readonly why: string };

/** The same answer, the same facts and the same cause, or a difference that is named in test/parity/tolerances.ts. */
export function compare(pair: Pair): Comparison {
  const why = differenceOf(pair.typescript, pair.contract);
  if (why === null) return { agrees: true, tolerance: null };
  const tolerance = tolerances.find(({ applies }) => applies(pair));
  return tolerance === undefined ? { agrees: false, why } : { agrees: true, tolerance: tolerance.name };
}

function differenceOf(typescript: Verdict, contract: Verdict): string | null {
  if (typescript.accepted && contract.accepted) return differentFacts(typescript.facts, contract.facts);
  const outcomes = `TypeScript: ${outcomeOf(typescript)}, contract: ${outcomeOf(contract)}`;
  if (typescript.accepted || contract.accepted) return outcomes;
  const [cause = ''] = contract.causes;
  if (typescript.causes[0] === cause) return null;
  return `${outcomes}; TypeScript knows of ${typescript.causes.join(', ')}`;
}

function differentFacts(typescript: Facts, contract: Facts): string | null {
  const names = new Set([...Object.keys(typescript), ...Object.keys(contract)]);
  const different = [...names].filter((name) => typescript[name] !== contract[name]);
  if (different.length === 0) return null;
  return different.map((name) => `${name} is ${typescript[name]} in TypeScript, ${contract[name]} on chain`).join('; ');
}
