import { X509Certificate } from 'node:crypto';
import type { SnpProof } from '../../../contracts/prover/snp/index.ts';
import { parsePem } from '../../../verifier/index.ts';
import { type RealSnpCase, realBytes } from '../../support/real-evidence.ts';
import { realSnpEvidence } from '../../support/real-snp.ts';
import { foreignHints } from './p384.ts';
import { rawSnpProof } from './snp.ts';

/** AMD's three roots, from the files beside the repository. */
export function realSnpRoots(): readonly Uint8Array[] {
  return ['milan', 'genoa', 'turin_vcek'].map((line) => caFile(`roots/amd_ask_ark_${line}.pem`).root);
}

function caFile(file: string): { readonly intermediate: Uint8Array; readonly root: Uint8Array } {
  const [intermediate, root] = parsePem(realBytes(file)).certificates;
  return { intermediate: intermediate as Uint8Array, root: root as Uint8Array };
}

/** Unix seconds at which the case is judged: its own, or a second after the leaf began. */
export function secondsOf(real: RealSnpCase): number {
  if (real.at !== undefined) return Date.parse(real.at) / 1000;
  const [leaf] = realSnpEvidence(real).certificates;
  return Date.parse(new X509Certificate(leaf as Uint8Array).validFrom) / 1000 + 1;
}

/** Certificates by their place in the files, so that cases whose certificates are bad have a proof too. */
export function realSnpProof(real: RealSnpCase): SnpProof {
  const { report, certificates } = realSnpEvidence(real);
  const { intermediate, root } = caFile(real.ca);
  return rawSnpProof({ report, endorsement: certificates[0] as Uint8Array, intermediate }, root, foreignHints());
}
