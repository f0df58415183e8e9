import { X509Certificate } from 'node:crypto';
import {
  anchors,
  parsePem,
  parseSnpPolicy,
  type SnpEvidence,
  type SnpFacts,
  type SnpOptions,
  type SnpPolicy,
  type Verdict,
  type Verified,
  verifySnpReport,
} from '../../verifier/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { type RealSnpCase, realBytes } from './real-evidence.ts';
import { type JsonChanges, snpPlatformJson, snpPolicyJson } from './snp-evidence.ts';

/** Asks nothing about image, age, TCB, platform or product: those machines are other people's. */
export function realSnpPolicy(changes: JsonChanges = {}): SnpPolicy {
  return parseSnpPolicy(
    snpPolicyJson({
      level: 'attested',
      roots: anchors.filter(({ tee }) => tee === 'amd-sev-snp').map(({ sha256 }) => sha256),
      measurements: 'any',
      reportVersions: [2, 3, 5],
      products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
      vmpl: [0, 1],
      provisionalFirmware: 'allow',
      cspIds: 'any',
      platform: snpPlatformJson({ aliasCheckComplete: 'any' }),
      ...changes,
    }),
  );
}

const open = realSnpPolicy();

/** DER or PEM, as the file has it. */
function certificatesIn(file: string): readonly Uint8Array[] {
  const bytes = realBytes(file);
  return bytes[0] === 0x30 ? [bytes] : parsePem(bytes).certificates;
}

export function realSnpEvidence({ file, leaf, ca, encoding }: RealSnpCase): SnpEvidence {
  const bytes = realBytes(file);
  const report = encoding === 'hex' ? fromHex(new TextDecoder().decode(bytes).trim().toLowerCase()) : bytes;
  return { report, certificates: [...certificatesIn(leaf), ...certificatesIn(ca)], revocationLists: [] };
}

/** A second after the leaf began, where the case names no time. */
export function timeOfReal(real: RealSnpCase): number {
  if (real.at !== undefined) return Date.parse(real.at);
  const [leaf] = certificatesIn(real.leaf);
  return Date.parse(new X509Certificate(leaf as Uint8Array).validFrom) + 1_000;
}

export function verifyReal(
  real: RealSnpCase,
  options: Partial<SnpOptions> = {},
  evidence: SnpEvidence = realSnpEvidence(real),
): Promise<Verdict<Verified<SnpFacts>>> {
  return verifySnpReport(evidence, {
    policy: open,
    now: timeOfReal(real),
    challenge: 'any',
    product: 'any',
    suite: nodeSuite,
    cache: 'none',
    ...options,
  });
}

const MASKS = [0x01, 0x80, 0xff] as const;

export interface SnpFlipOptions {
  /** Every which byte is changed. */
  readonly stride: number;
  readonly masks: 'all' | 'in turn';
}

/** Places at which a changed report was not refused: there must be none. */
export async function acceptedFlips(real: RealSnpCase, { stride, masks }: SnpFlipOptions): Promise<readonly string[]> {
  const evidence = realSnpEvidence(real);
  const accepted: string[] = [];
  for (let at = 0; at < evidence.report.length; at += stride) {
    const chosen = masks === 'all' ? MASKS : [MASKS[(at / stride) % MASKS.length] as number];
    for (const mask of chosen) {
      const report = Uint8Array.from(evidence.report);
      report[at] = (report[at] as number) ^ mask;
      const verdict = await verifyReal(real, {}, { ...evidence, report });
      if (verdict.verdict === 'accepted') accepted.push(`byte ${at} xor ${mask}`);
    }
  }
  return accepted;
}
