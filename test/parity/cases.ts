import { equalBytes } from '../../wire/bytes.ts';
import { CHAIN } from '../vectors/corpus/base.ts';
import { tbsOf } from '../vectors/corpus/certificate.ts';
import type { Cache, ParityChain } from './chain.ts';
import type { Sort } from './change.ts';
import { type Comparison, compare } from './compare.ts';
import { hintsFor } from './hints.ts';
import { type NitroCase, nitroCase, nitroRound } from './nitro/index.ts';
import { snpCase, snpRound } from './snp/index.ts';
import { nitroInTypeScript, snpInTypeScript } from './typescript.ts';
import { outcomeOf, type Verdict } from './verdict.ts';

/** What became of one case: a line of a report. */
export interface Outcome {
  readonly id: string;
  readonly sort: Sort;
  readonly check: string;
  readonly kind: string;
  readonly verdict: string;
  readonly caches: readonly Cache[];
  readonly tolerances: readonly string[];
  readonly disagreements: readonly string[];
}

/** As many cases as it takes until every kind of both families had its turn. */
export const ROUND: number = 2 * Math.max(nitroRound, snpRound);

/** Families take turns. */
export function caseName(number: number): string {
  return `${number % 2 === 0 ? 'nitro' : 'snp'}:${Math.floor(number / 2)}`;
}

/** One case in four is asked warm too, and one Nitro case in eight where the leaf is remembered. */
function cachesFor(family: string, index: number): readonly Cache[] {
  if (index % 4 === 1) return ['cold', 'warm'];
  return family === 'nitro' && index % 8 === 3 ? ['cold', 'remembered'] : ['cold'];
}

export async function judgeCase(chain: ParityChain, id: string): Promise<Outcome> {
  const [family = '', digits = ''] = id.split(':');
  const index = Number(digits);
  if (!/^(nitro|snp)$/.test(family) || !Number.isSafeInteger(index) || digits === '') {
    throw new RangeError(`no case ${id}: nitro:1234 or snp:1234`);
  }
  const caches = cachesFor(family, index);
  return family === 'nitro' ? await judgeNitro(chain, index, caches) : await judgeSnp(chain, index, caches);
}

async function judgeNitro(chain: ParityChain, index: number, caches: readonly Cache[]): Promise<Outcome> {
  const made = nitroCase(index);
  const typescript = await nitroInTypeScript(made.document, made.at);
  const compared: Comparison[] = [];
  for (const cache of caches) {
    const contract = await chain.nitro(made, cache);
    compared.push(compare({ typescript, contract, cache, onlyKnownForged: onlyKnownForged(made, cache) }));
  }
  return outcome(made, typescript, caches, compared);
}

async function judgeSnp(chain: ParityChain, index: number, caches: readonly Cache[]): Promise<Outcome> {
  const made = snpCase(index);
  const typescript = await snpInTypeScript({ ...made, revocationLists: [] }, made.at);
  const compared: Comparison[] = [];
  for (const cache of caches) {
    const contract = await chain.snp(made, cache);
    compared.push(compare({ typescript, contract, cache, onlyKnownForged: false }));
  }
  return outcome(made, typescript, caches, compared);
}

/** Every certificate whose signature does not hold is one that the contract has seen proven in this place. */
function onlyKnownForged({ statements }: NitroCase, cache: Cache): boolean {
  const known = CHAIN.slice(1, cache === 'remembered' ? 5 : 4).map(tbsOf);
  return statements.slice(0, -1).every((statement, place) => {
    const tbs = known[place];
    return hintsFor(statement) !== null || (tbs !== undefined && equalBytes(tbs, statement.message));
  });
}

type Made = Pick<Outcome, 'id' | 'sort' | 'check' | 'kind'>;

function outcome(
  { id, sort, check, kind }: Made,
  typescript: Verdict,
  caches: readonly Cache[],
  compared: readonly Comparison[],
): Outcome {
  const tolerances = compared.flatMap((one) => (one.agrees && one.tolerance !== null ? [one.tolerance] : []));
  const disagreements = compared.flatMap((one, place) => (one.agrees ? [] : [`${caches[place]}: ${one.why}`]));
  return { id, sort, check, kind, verdict: outcomeOf(typescript), caches, tolerances, disagreements };
}
