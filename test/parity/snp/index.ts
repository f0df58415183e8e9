import { type Change, changeAt, roundOf, type Sort } from '../change.ts';
import { randomOf } from '../random.ts';
import { certificateChanges } from './certificate.ts';
import { damageOfSnp } from './damage.ts';
import { onStart, type SnpShown, snpEvidence, startOf } from './evidence.ts';
import { randomSnp } from './random-bytes.ts';
import { reportChanges } from './report.ts';
import { type SnpDraw, validSnp } from './valid.ts';

export const snpChanges: readonly Change<SnpDraw>[] = [
  ...validSnp,
  ...reportChanges,
  ...certificateChanges,
  ...randomSnp,
  ...damageOfSnp,
];

export interface SnpCase extends SnpShown {
  readonly id: string;
  readonly sort: Sort;
  readonly check: string;
  readonly kind: string;
}

/** Everything about a case follows from its number. */
export function snpCase(index: number): SnpCase {
  const { sort, check, kind, draw } = changeAt(snpChanges, index);
  const random = randomOf(`snp ${index}`);
  const change = draw(random);
  const start = startOf(random);
  return { id: `snp:${index}`, sort, check, kind, ...snpEvidence(onStart(start, change(start))) };
}

export const snpRound: number = roundOf(snpChanges);
