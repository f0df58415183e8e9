import { anchors } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';

/**
 * What a batch without a policy asks: is this genuine evidence of a vendor's hardware, and not in debug mode? Nobody
 * should rely on such a verdict, which is why these are no policy files: they live here, for looking at many pieces of
 * evidence. Every rule is answered all the same.
 */
export const nitroSurvey: JsonValue = {
  version: 1,
  name: 'survey of AWS Nitro evidence: any image, any age; no debug mode',
  expires: '2099-12-31T23:59:59Z',
  tee: 'aws-nitro',
  level: 'attested',
  roots: anchors.filter(({ tee }) => tee === 'aws-nitro').map(({ sha256 }) => sha256),
  images: 'any',
  pcrs: { '3': 'any', '4': 'any', '8': 'any' },
  debug: 'refuse',
  maxAgeSeconds: 'any',
  futureSkewSeconds: 300,
  leafLifetimeSeconds: 'any',
  moduleId: 'any',
  regions: 'any',
  unknownFields: 'ignore',
  userDataLimit: 1024,
  configurations: 'any',
  runtimes: 'any',
  operators: 'any',
  chain: 'any',
  publishers: 'any',
  models: 'any',
  sealed: 'any',
  headers: 'any',
  anchors: 'none',
  denied: { certificates: [], modules: [], images: [] },
};

const anyProductLine: JsonValue = { Milan: 'any', Genoa: 'any', Turin: 'any' };

/** `vmpls`: privilege levels that reports may have been asked for from. */
export function snpSurvey(vmpls: readonly number[]): JsonValue {
  return {
    version: 1,
    name: 'survey of AMD SEV-SNP evidence: any measurement, TCB and product line; no debugging',
    expires: '2099-12-31T23:59:59Z',
    tee: 'amd-sev-snp',
    level: 'attested',
    roots: anchors.filter(({ tee }) => tee === 'amd-sev-snp').map(({ sha256 }) => sha256),
    measurements: 'any',
    reportVersions: [2, 3, 5],
    maxAgeSeconds: 'any',
    products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
    vmpl: vmpls,
    tcb: { reported: anyProductLine, committed: anyProductLine, launch: anyProductLine },
    provisionalFirmware: 'allow',
    firmware: { current: 'any', committed: 'any' },
    maskedChipId: 'vlek-only',
    chips: 'any',
    cspIds: 'any',
    guestPolicy: {
      debug: 'refuse',
      // Always refused by the checklist (S15): a migration agent may hand the guest to another machine.
      migrationAgent: 'refuse',
      smtAllowed: 'any',
      singleSocket: 'any',
      cxlAllowed: 'any',
      aes256Xts: 'any',
      raplDisabled: 'any',
      ciphertextHiding: 'any',
      pageSwapDisabled: 'any',
      minimumAbi: 'any',
    },
    platform: {
      smtEnabled: 'any',
      tsmeEnabled: 'any',
      eccEnabled: 'any',
      raplDisabled: 'any',
      ciphertextHiding: 'any',
      aliasCheckComplete: 'any',
      iommuWriteSafe: 'any',
      tioEnabled: 'any',
      unknownBits: 'ignore',
    },
    minimumGuestSvn: 'any',
    hostData: 'any',
    familyIds: 'any',
    imageIds: 'any',
    idKeyDigests: 'any',
    authorKeyDigests: 'any',
    reportIds: 'any',
    migrationAgents: 'any',
    mitigations: { launch: 'any', current: 'any' },
    revocationList: 'any',
    configurations: 'any',
    runtimes: 'any',
    operators: 'any',
    chain: 'any',
    publishers: 'any',
    models: 'any',
    sealed: 'any',
    headers: 'any',
    anchors: 'none',
    denied: { certificates: [], chips: [], measurements: [] },
  };
}
