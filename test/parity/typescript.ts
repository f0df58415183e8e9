import { type SnpEvidence, type SnpFacts, verifyNitroDocument, verifySnpReport } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { nitroPolicyOf, snpPolicyOf } from './policies.ts';
import { type Level, nitroReasons, snpReasons } from './reasons.ts';
import type { Verdict } from './verdict.ts';

/** What the TypeScript verifier says, under the policies that ask what contracts ask. */
const policies = {
  nitro: { simulated: nitroPolicyOf('simulated'), attested: nitroPolicyOf('attested') },
  snp: { simulated: snpPolicyOf('simulated'), attested: snpPolicyOf('attested') },
} as const;

const hex = (bytes: Uint8Array): string => `0x${toHex(bytes)}`;
const optional = (bytes: Uint8Array | null): string => (bytes === null ? 'none' : hex(bytes));

export async function nitroInTypeScript(
  document: Uint8Array,
  at: number,
  level: Level = 'simulated',
): Promise<Verdict> {
  const verdict = await verifyNitroDocument(document, {
    policy: policies.nitro[level],
    now: at * 1_000,
    challenge: 'any',
    suite: nodeSuite,
    cache: 'none',
  });
  if (verdict.verdict !== 'accepted') return refusal(verdict.code, await nitroReasons(document, at, level));
  const { proven } = verdict;
  const registers = [...proven.pcrs].sort(([a], [b]) => a - b);
  return {
    accepted: true,
    facts: {
      simulated: String(proven.level === 'simulated'),
      documentId: hex(proven.documentId),
      moduleId: proven.moduleId,
      timestamp: String(proven.timestamp),
      ...Object.fromEntries(registers.map(([index, value]) => [`pcr${index}`, hex(value)])),
      publicKey: optional(proven.publicKey),
      userData: optional(proven.userData),
      nonce: optional(proven.nonce),
      notBefore: String(Math.max(0, proven.validity.notBefore / 1_000)),
      notAfter: String(proven.validity.notAfter / 1_000),
      certificates: proven.certificates.map(({ tbsSha256 }) => hex(tbsSha256)).join(' '),
    },
  };
}

export async function snpInTypeScript(evidence: SnpEvidence, at: number, level: Level = 'simulated'): Promise<Verdict> {
  const verdict = await verifySnpReport(evidence, {
    policy: policies.snp[level],
    now: at * 1_000,
    challenge: 'any',
    product: 'any',
    suite: nodeSuite,
    cache: 'none',
  });
  if (verdict.verdict !== 'accepted') return refusal(verdict.code, await snpReasons(evidence, at, level));
  const { proven } = verdict;
  const raw = (offset: number): string => hex(evidence.report.slice(offset, offset + 8));
  return {
    accepted: true,
    facts: {
      root: hex(proven.root.sha256),
      documentId: hex(proven.documentId),
      version: String(proven.reportVersion),
      product: proven.product,
      signer: proven.signer,
      cpu: proven.cpu === null ? 'none' : `${proven.cpu.family} ${proven.cpu.model} ${proven.cpu.stepping}`,
      vmpl: String(proven.vmpl),
      guestSvn: String(proven.guestSvn),
      guestPolicy: String(proven.guestPolicy),
      platformInfo: String(proven.platformInfo),
      measurement: hex(proven.measurement),
      hostData: hex(proven.hostData),
      familyId: hex(proven.familyId),
      imageId: hex(proven.imageId),
      idKeyDigest: hex(proven.idKeyDigest),
      authorKeyDigest: hex(proven.authorKeyDigest),
      authorKeyEnabled: String(proven.authorKeyEnabled),
      reportId: hex(proven.reportId),
      migrationAgentReportId: hex(proven.migrationAgentReportId),
      userData: hex(proven.userData),
      nonce: hex(proven.nonce),
      // In the report's own bytes: the verifier hands them out by component, as its tests show.
      reportedTcb: raw(0x180),
      committedTcb: raw(0x1e0),
      currentTcb: raw(0x38),
      launchTcb: raw(0x1f0),
      currentFirmware: firmware(proven.firmware.current),
      committedFirmware: firmware(proven.firmware.committed),
      mitigations: proven.mitigations === null ? 'none' : `${proven.mitigations.launch} ${proven.mitigations.current}`,
      chipId: optional(proven.chipId),
      cspId: proven.cspId ?? 'none',
      notBefore: String(Math.max(0, proven.validity.notBefore / 1_000)),
      notAfter: String(proven.validity.notAfter / 1_000),
      certificates: proven.certificates.map(({ tbsSha256 }) => hex(tbsSha256)).join(' '),
    },
  };
}

function firmware({ major, minor, build }: SnpFacts['firmware']['current']): string {
  return `${major} ${minor} ${build}`;
}

/** The verifier's own reason first; the parts have to find it too, or they were not asked the same. */
function refusal(code: string, reasons: readonly string[]): Verdict {
  if (!reasons.includes(code)) throw new RangeError(`${code} is not among the reasons found: ${reasons.join(', ')}`);
  return { accepted: false, causes: [code, ...reasons.filter((reason) => reason !== code)] };
}
