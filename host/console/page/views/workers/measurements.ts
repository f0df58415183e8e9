import { readNitroClaims } from '../../../../../client/audit/nitro-claims.ts';
import { readSnpClaims } from '../../../../../client/audit/snp-claims.ts';
import type { WorkerPolicy } from '../../../../../verifier/index.ts';
import { asSnpEvidence } from '../../../../../verifier/worker/verify.ts';
import { equalBytes, toHex } from '../../../../../wire/bytes.ts';
import type { Evidence } from '../../../../../wire/message/evidence.ts';

/** One measurement as the evidence states it, beside what the policy takes. */
export interface MeasurementRow {
  readonly name: string;
  /** In hex; null where the evidence has none. */
  readonly reported: string | null;
  /** In hex: of the image of the policy that is nearest; `any` where the policy asks for none. */
  readonly wanted: readonly string[] | 'any' | 'no policy';
  readonly outcome: 'same' | 'differs' | 'not asked';
}

interface Named {
  readonly name: string;
  readonly bytes: Uint8Array | undefined;
}

type Wanted = readonly Uint8Array[] | 'any' | 'no policy';

export function measurementRows(evidence: Evidence, policy: WorkerPolicy | undefined): readonly MeasurementRow[] {
  return evidence.tee === 'aws-nitro' ? nitroRows(evidence, policy) : snpRows(evidence, policy);
}

function nitroRows(evidence: Evidence, policy: WorkerPolicy | undefined): readonly MeasurementRow[] {
  const pcrs = readNitroClaims(evidence.document)?.pcrs;
  const pcr = (index: number): Named => ({ name: `PCR${index}`, bytes: pcrs?.get(index) });
  const image = [0, 1, 2].map(pcr);
  const rules = policy?.tee === 'aws-nitro' ? policy : undefined;
  const wanted = imageWanted(image, rules?.images);
  return [
    ...image.map((one, index) => rowOf(one, wanted[index] ?? 'no policy')),
    ...(['3', '4', '8'] as const).map((index) => rowOf(pcr(Number(index)), rules?.pcrs[index] ?? 'no policy')),
  ];
}

interface Image {
  readonly pcr0: Uint8Array;
  readonly pcr1: Uint8Array;
  readonly pcr2: Uint8Array;
}

/** An image is accepted as a whole: what is shown beside the evidence is the one that has most in common with it. */
function imageWanted(reported: readonly Named[], images: readonly Image[] | 'any' | undefined): readonly Wanted[] {
  if (images === undefined || images === 'any') return reported.map(() => images ?? 'no policy');
  const tuples = images.map(({ pcr0, pcr1, pcr2 }) => [pcr0, pcr1, pcr2]);
  const inCommon = (tuple: readonly Uint8Array[]): number =>
    tuple.filter((bytes, index) => isSame(reported[index]?.bytes, bytes)).length;
  const [nearest] = [...tuples].sort((a, b) => inCommon(b) - inCommon(a));
  return reported.map((_, index) => {
    const bytes = nearest?.[index];
    return bytes === undefined ? [] : [bytes];
  });
}

function snpRows(evidence: Evidence, policy: WorkerPolicy | undefined): readonly MeasurementRow[] {
  const claims = readSnpClaims(asSnpEvidence(evidence));
  const rules = policy?.tee === 'amd-sev-snp' ? policy : undefined;
  const measurement = { name: 'launch measurement', bytes: claims?.report.measurement };
  return [rowOf(measurement, rules?.measurements ?? 'no policy')];
}

function rowOf({ name, bytes }: Named, wanted: Wanted): MeasurementRow {
  const reported = bytes === undefined ? null : toHex(bytes);
  if (wanted === 'any' || wanted === 'no policy') return { name, reported, wanted, outcome: 'not asked' };
  const same = wanted.some((one) => isSame(bytes, one));
  // Of a long list the one that fits is what a person compares; where none fits, all are.
  const shown = same && bytes !== undefined ? [bytes] : wanted;
  return { name, reported, wanted: shown.map(toHex), outcome: same ? 'same' : 'differs' };
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && equalBytes(a, b);
}
