import type { CertificateEdit } from '../../vectors/corpus/certificate.ts';
import { type Change, changeAt, roundOf, type Sort } from '../change.ts';
import { randomOf } from '../random.ts';
import { encodingChanges } from './certificate.ts';
import { damageOfNitro } from './damage.ts';
import { type NitroEdit, type NitroEvidence, nitroEvidence, onStart, startOf } from './evidence.ts';
import { messageChanges } from './message.ts';
import { pathChanges } from './path.ts';
import { payloadChanges } from './payload.ts';
import { randomNitro } from './random-bytes.ts';
import { validNitro } from './valid.ts';

const REGIONAL = 1;
const LEAF = 4;

/** The same rules hold for every certificate of a chain, so that the place is drawn too. */
const encoded: readonly Change<NitroEdit>[] = encodingChanges.map(({ check, kind, draw }) => ({
  sort: 'resigned',
  check,
  kind: `certificate: ${kind}`,
  draw: (random) => {
    const place = random.between(REGIONAL, LEAF);
    const edit: CertificateEdit = draw(random, place);
    return { chain: { [place]: edit } };
  },
}));

export const nitroChanges: readonly Change<NitroEdit>[] = [
  ...validNitro,
  ...messageChanges,
  ...payloadChanges,
  ...encoded,
  ...pathChanges,
  ...randomNitro,
  ...damageOfNitro,
];

export interface NitroCase extends NitroEvidence {
  readonly id: string;
  readonly sort: Sort;
  readonly check: string;
  readonly kind: string;
}

/** Everything about a case follows from its number. */
export function nitroCase(index: number): NitroCase {
  const { sort, check, kind, draw } = changeAt(nitroChanges, index);
  const random = randomOf(`nitro ${index}`);
  return { id: `nitro:${index}`, sort, check, kind, ...nitroEvidence(onStart(startOf(random), draw(random))) };
}

export const nitroRound: number = roundOf(nitroChanges);
