import { anchors, type NitroPolicy, parsePolicy, parseSnpPolicy, type SnpPolicy } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { ROOT_SHA256 } from '../vectors/corpus/base.ts';
import { STRICT } from '../vectors/corpus/policies.ts';
import { rootOf } from '../vectors/corpus/snp/base.ts';
import { SNP_POLICIES } from '../vectors/corpus/snp/policies.ts';

/**
 * The policies under which TypeScript judges what contracts judge without one. Where a contract takes no view the answer
 * is "any"; where it takes one, it is the contract's.
 */
type Rules = { readonly [rule: string]: JsonValue };

const anyOf = (rules: JsonValue | undefined, answers: Rules): Rules => ({
  ...Object.fromEntries(Object.keys(rules as Rules).map((name) => [name, 'any'])),
  ...answers,
});

const FOR_EVER = '9999-12-31T23:59:59Z';

/** Simulated evidence under the corpus's root, or AWS's own. */
export function nitroPolicyOf(level: 'simulated' | 'attested'): NitroPolicy {
  return parsePolicy({
    ...STRICT,
    name: 'what NitroVerifier asks',
    expires: FOR_EVER,
    level,
    roots: level === 'simulated' ? [ROOT_SHA256] : pinned('aws-nitro'),
    images: 'any',
    pcrs: { '3': 'any', '4': 'any', '8': 'any' },
    maxAgeSeconds: 'any',
    regions: 'any',
    // Three hours and the minute that AWS dates leaves back, as in the default policy.
    leafLifetimeSeconds: 10_860,
  });
}

const anyFloors: Rules = { Milan: 'any', Genoa: 'any', Turin: 'any' };
const everySigner: Rules = { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] };

export function snpPolicyOf(level: 'simulated' | 'attested'): SnpPolicy {
  const strict = SNP_POLICIES['strict'] as Rules;
  const simulated = (['Milan', 'Genoa', 'Turin'] as const).map((line) => toHex(sha256(rootOf(line).ark.certificate)));
  return parseSnpPolicy({
    ...strict,
    name: 'what SevSnpVerifier asks',
    expires: FOR_EVER,
    level,
    roots: level === 'simulated' ? simulated : pinned('amd-sev-snp'),
    measurements: 'any',
    reportVersions: [2, 3, 5],
    products: everySigner,
    vmpl: [0, 1, 2, 3],
    tcb: { reported: anyFloors, committed: anyFloors, launch: anyFloors },
    provisionalFirmware: 'allow',
    firmware: { current: 'any', committed: 'any' },
    maskedChipId: 'vlek-only',
    chips: 'any',
    cspIds: 'any',
    guestPolicy: anyOf(strict['guestPolicy'], { debug: 'refuse', migrationAgent: 'allow' }),
    platform: anyOf(strict['platform'], { unknownBits: 'ignore' }),
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
  });
}

function pinned(tee: 'aws-nitro' | 'amd-sev-snp'): readonly string[] {
  return anchors.filter((anchor) => anchor.tee === tee).map(({ sha256: digest }) => digest);
}
