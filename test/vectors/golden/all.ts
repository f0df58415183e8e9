import { noiseGolden } from '../noise-golden.ts';
import { anchorVectors } from './anchors.ts';
import { auditorVectors } from './auditors.ts';
import { commitmentVectors } from './commitments.ts';
import { hubVectors } from './hub.ts';
import { integerVectors } from './integers.ts';
import {
  authorisationVectors,
  identityVectors,
  type Json,
  receiptVectors,
  requestVectors,
  statementVectors,
} from './messages.ts';
import { proofVectors } from './proofs.ts';

/** Every golden file under attestations/vectors/wire/ with the text that it must have. */
export async function goldenFiles(): Promise<ReadonlyMap<string, string>> {
  const files: readonly (readonly [string, unknown])[] = [
    ['identity.json', identityVectors()],
    ['statements.json', statementVectors()],
    ['request.json', requestVectors()],
    ['receipt.json', receiptVectors()],
    ['authorisations.json', authorisationVectors()],
    ['anchors.json', anchorVectors()],
    ['auditors.json', auditorVectors()],
    ['integers.json', integerVectors()],
    ['commitments.json', commitmentVectors()],
    ['hub.json', hubVectors()],
    ['proofs.json', proofVectors()],
    ['noise.json', await noiseGolden()],
  ];
  return new Map(files.map(([name, value]) => [name, `${JSON.stringify(value as Json, null, 2)}\n`]));
}
