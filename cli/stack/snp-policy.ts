import { type Measurement, snpMeasurement } from '../../enclave/simulator/measure.ts';
import type { SnpPlatform } from '../../enclave/simulator/platform.ts';
import { type Product, products, profiles } from '../../enclave/simulator/snp/product.ts';
import { toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';

/** What a policy for the simulated AMD chip of this machine says about hardware and image, rule by rule. */
export function snpSimulatorRules(
  platform: SnpPlatform,
  measurement: Measurement,
): { readonly [rule: string]: JsonValue } {
  const { product, signer, reportVersion } = platform;
  const floors = floorsOf(product);
  return {
    measurements: [toHex(snpMeasurement(measurement))],
    reportVersions: [reportVersion],
    products: forEach((line) => (line === product ? [signer.toUpperCase()] : [])),
    vmpl: [0],
    tcb: { reported: floors, committed: floors, launch: floors },
    provisionalFirmware: 'refuse',
    firmware: { current: 'any', committed: 'any' },
    maskedChipId: 'vlek-only',
    chips: 'any',
    cspIds: signer === 'vlek' ? 'any' : [],
    guestPolicy: {
      debug: 'refuse',
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
      aliasCheckComplete: 'set',
      iommuWriteSafe: 'any',
      tioEnabled: 'any',
      unknownBits: 'refuse',
    },
    minimumGuestSvn: 'any',
    hostData: 'any',
    familyIds: 'any',
    imageIds: 'any',
    idKeyDigests: 'any',
    authorKeyDigests: 'any',
    reportIds: 'any',
    migrationAgents: 'none',
    mitigations: { launch: 'any', current: 'any' },
    revocationList: 'required',
    maxAgeSeconds: 3_600,
    denied: { certificates: [], chips: [], measurements: [] },
  };
}

/** The levels that the simulated chip has, so that the rules are run and not switched off. */
function floorsOf(simulated: Product): JsonValue {
  const { tcb, cpu } = profiles[simulated];
  const { bootloader, tee, snp, microcode } = tcb;
  const floor = {
    ...(tcb.fmc === null ? {} : { fmc: tcb.fmc }),
    ...{ bootloader, tee, snp },
    microcode: [{ model: cpu.model, stepping: cpu.stepping, minimum: microcode }],
  };
  // The other lines have no signer in this policy.
  return forEach((line) => (line === simulated ? floor : 'any'));
}

function forEach(rule: (line: Product) => JsonValue): JsonValue {
  return Object.fromEntries(products.map((line) => [line, rule(line)]));
}
