import type { Attempt, Done, LocalChain } from '../../contracts/deploy/index.ts';
import { CommandError } from '../exit-codes.ts';
import { heading, type Style } from '../report.ts';

export const demoLevels = ['attested', 'replayed', 'recomputed', 'proved'] as const;

export type DemoLevel = (typeof demoLevels)[number];

/** What came of one question at one level: the same words for all, so that they can be held against each other. */
export interface Settled {
  readonly level: DemoLevel;
  readonly model: string;
  readonly modelId: string;
  readonly question: readonly bigint[];
  readonly answer: bigint;
  readonly answeredBy: string;
  /** Of the contract that says whether an answer counts. */
  readonly verifier: string;
  /** What has to be believed of whoever prepared it. */
  readonly setup: string;
  /** By the chain, before it paid. */
  readonly checked: readonly string[];
  readonly refused: readonly Refused[];
  readonly paid: bigint;
  readonly cost: Cost;
  readonly notProven: readonly string[];
}

/** An answer that is wrong in one way, with the name of the error that it met. */
export interface Refused {
  readonly what: string;
  readonly code: string;
}

export interface Cost {
  /** Of the transaction that settles. */
  readonly gas: bigint;
  /** From the question, mined, to the settlement, mined. */
  readonly seconds: number;
  /** Of the settling transaction's data: the answer, and all that speaks for it. */
  readonly bytes: number;
  /** Of whoever adds to the answer what this level wants besides. */
  readonly effort: { readonly who: 'auditors' | 'prover'; readonly seconds: number; readonly told: string } | 'none';
}

/** Tries an answer without sending it. One that is refused by another name, or not at all, is a fault, and no demonstration. */
export async function refusedAs(
  local: LocalChain,
  what: string,
  attempt: Attempt,
  { code, block }: { readonly code: string; readonly block: `0x${string}` | 'latest' },
): Promise<Refused> {
  const { refusalOf } = await import('../../contracts/deploy/index.ts');
  const met = await refusalOf(local, attempt, block);
  if (met !== code) throw new CommandError(`${what}: ${met} instead of ${code}`);
  return { what, code };
}

export function settledText(settled: Settled, style: Style): string {
  const { cost } = settled;
  return (
    heading(`Settled at the level ${settled.level}`, style) +
    rows([
      ['model', settled.model],
      ['model id', settled.modelId],
      ['asked', settled.question.join(' ')],
      ['answer', `${settled.answer}, by ${settled.answeredBy}`],
      ['verifier', settled.verifier],
      ['setup', settled.setup],
      ['paid', `${settled.paid}, once`],
    ]) +
    heading('Checked by the chain', style) +
    settled.checked.map((check) => `  ✓ ${check}\n`).join('') +
    heading('Refused', style) +
    settled.refused.map(({ what, code }) => `  ✗ ${what.padEnd(WIDTH)} ${code}\n`).join('') +
    heading('Cost', style) +
    rows([
      ['gas', cost.gas.toLocaleString('en-US')],
      ['seconds', cost.seconds.toFixed(2)],
      ['bytes', cost.bytes.toLocaleString('en-US')],
      cost.effort === 'none'
        ? ['besides', 'nobody does more than answer']
        : [cost.effort.who, `${cost.effort.seconds.toFixed(2)} s; ${cost.effort.told}`],
    ]) +
    heading('Not proven', style) +
    settled.notProven.map((reason) => `  ! ${reason}\n`).join('')
  );
}

/** attestations/schemas/proofmark-demo-level.schema.json */
export function settledJson(settled: Settled, transactions: readonly Done[]): string {
  const facts = {
    ...settled,
    transactions: transactions.map(({ what, hash, gasUsed }) => ({ what, hash, gasUsed })),
  };
  return JSON.stringify(facts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

const WIDTH = 46;

function rows(named: readonly (readonly [name: string, value: string])[]): string {
  return named.map(([name, value]) => `  ${name.padEnd(20)}${value}\n`).join('');
}
