import type { Address } from 'viem';
import { array, boolean, either, integer, literal, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { ChainError } from './errors.ts';

/** What a policy of a chain begins with: attestations/schemas/proofmark-chain-policy.schema.json. Every rule is answered. */
interface SetupFile {
  readonly simulated: boolean;
  readonly images: readonly { readonly image: string; readonly provenance: string }[];
  readonly configs: Listed;
  readonly runtimes: Listed;
  readonly executions: Listed;
  readonly operators: Listed;
  readonly platforms: Listed;
  readonly clouds: Listed;
  readonly deniedPlatforms: readonly string[];
  readonly deniedCertificates: readonly string[];
  readonly hardware: Hardware;
  readonly floors: readonly { readonly product: number; readonly minimum: string }[];
  readonly microcode: readonly Microcode[];
}

type Listed = 'any' | readonly string[];

interface Microcode {
  readonly product: number;
  readonly model: number;
  readonly stepping: number;
  readonly minimum: number;
}

interface Hardware {
  readonly lines: number;
  readonly reportVersions: number;
  readonly vmpls: number;
  readonly vlekMayHideChip: boolean;
  readonly provisionalFirmware: boolean;
  readonly minimumAbi: number;
  readonly minimumGuestSvn: number;
  readonly guestSet: number;
  readonly guestClear: number;
  readonly platformSet: number;
  readonly platformClear: number;
  readonly unknownPlatformBits: boolean;
  readonly expiresAt: number;
}

const word = text({ min: 64, max: 66, pattern: /^(0x)?[0-9a-f]{64}$/ });
const words = array(word, { min: 0, max: limits.policyListItems });
const listed: Reader<Listed> = either(literal('any'), words);
const uint = (bits: number): Reader<number> => integer({ min: 0, max: 2 ** bits - 1 });

const reader: Reader<SetupFile> = object<SetupFile>({
  simulated: boolean(),
  images: array(object({ image: word, provenance: word }), { min: 0, max: limits.policyListItems }),
  configs: listed,
  runtimes: listed,
  executions: listed,
  operators: listed,
  platforms: listed,
  clouds: listed,
  deniedPlatforms: words,
  deniedCertificates: words,
  hardware: object<Hardware>({
    lines: uint(8),
    reportVersions: uint(8),
    vmpls: uint(8),
    vlekMayHideChip: boolean(),
    provisionalFirmware: boolean(),
    minimumAbi: uint(16),
    minimumGuestSvn: uint(32),
    guestSet: uint(32),
    guestClear: uint(32),
    platformSet: uint(8),
    platformClear: uint(8),
    unknownPlatformBits: boolean(),
    expiresAt: uint(48),
  }),
  floors: array(object({ product: uint(8), minimum: text({ min: 3, max: 18, pattern: /^(any|0x[0-9a-f]{16})$/ }) }), {
    min: 0,
    max: 3,
  }),
  microcode: array(object<Microcode>({ product: uint(8), model: uint(8), stepping: uint(8), minimum: uint(8) }), {
    min: 0,
    max: 64,
  }),
});

/** The constructor's argument. */
export function policySetup(name: string, bytes: Uint8Array, registry: Address): object {
  let file: SetupFile;
  try {
    file = reader(parseJson(bytes, limits.policyBytes), 'setup');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ChainError('setup_invalid', `${name}: ${error.message}`, { cause: error });
  }
  const { images, deniedPlatforms, deniedCertificates, floors, microcode, hardware, simulated, ...lists } = file;
  const allowed = (list: Listed): object =>
    list === 'any' ? { any: true, ids: [] } : { any: false, ids: list.map(prefixed) };
  return {
    registry,
    simulated,
    images: images.map(({ image, provenance }) => ({ image: prefixed(image), provenance: prefixed(provenance) })),
    ...Object.fromEntries(Object.entries(lists).map(([list, value]) => [list, allowed(value)])),
    deniedPlatforms: deniedPlatforms.map(prefixed),
    deniedCertificates: deniedCertificates.map(prefixed),
    hardware,
    floors: floors.map(({ product, minimum }) => {
      const any = minimum === 'any';
      const floor = { any, anyMicrocode: false, minimum: any ? 0n : BigInt(minimum) };
      return { product, floors: { reported: floor, committed: floor, launch: floor } };
    }),
    microcode: microcode.map(({ product, model, stepping, minimum: least }) => ({
      ...{ product, model, stepping },
      minima: { stated: true, reported: least, committed: least, launch: least },
    })),
  };
}

function prefixed(digits: string): string {
  return digits.startsWith('0x') ? digits : `0x${digits}`;
}

const DEBUG = 2 ** 19;
const MIGRATE_MA = 2 ** 18;
const ALIAS_CHECK_COMPLETE = 2 ** 5;

/** contracts/src/policy/SnpDefaults.sol, around one image of one vendor; a start to edit, whose lists say what is taken. */
export function setupTemplate(start: {
  readonly image: string;
  readonly provenance: string;
  readonly simulated: boolean;
  readonly expiresAt: number;
}): object {
  const { image, provenance, simulated, expiresAt } = start;
  return {
    simulated,
    images: [{ image, provenance }],
    ...{ configs: [], runtimes: 'any', executions: 'any', operators: [], platforms: 'any', clouds: [] },
    ...{ deniedPlatforms: [], deniedCertificates: [] },
    hardware: {
      // All but Milan's VCEKs, whose root seed software can read out.
      lines: 0x7d,
      reportVersions: 0x28,
      vmpls: 1,
      vlekMayHideChip: true,
      provisionalFirmware: false,
      minimumAbi: 0,
      minimumGuestSvn: 0,
      guestSet: 0,
      guestClear: DEBUG + MIGRATE_MA,
      platformSet: ALIAS_CHECK_COMPLETE,
      platformClear: 0,
      unknownPlatformBits: false,
      expiresAt,
    },
    floors: [
      { product: 1, minimum: '0x0400000000001800' },
      { product: 2, minimum: '0x0a00000000001b00' },
      { product: 3, minimum: '0x0001000200000000' },
    ],
    microcode: [
      { product: 1, model: 1, stepping: 1, minimum: 219 },
      { product: 1, model: 1, stepping: 2, minimum: 68 },
      { product: 2, model: 17, stepping: 1, minimum: 84 },
      { product: 2, model: 17, stepping: 2, minimum: 79 },
      { product: 2, model: 160, stepping: 2, minimum: 25 },
      { product: 3, model: 2, stepping: 1, minimum: 71 },
    ],
  };
}
