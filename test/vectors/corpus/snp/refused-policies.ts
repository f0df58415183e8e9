import { toHex } from '../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../wire/codec/json.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { ROOT_SHA256 } from '../base.ts';
import type { RefusedPolicy } from '../refused-policies.ts';
import { rootOf } from './base.ts';
import { SNP_POLICIES } from './policies.ts';

/** The same as for Nitro, for the rules that only SEV-SNP has. */
type Rules = { readonly [rule: string]: JsonValue };
const STRICT = SNP_POLICIES['strict'] as Rules;
const anyFloors: Rules = { Milan: 'any', Genoa: 'any', Turin: 'any' };
/** Right in itself, and short: there are many of these texts. */
const BASE: Rules = {
  ...STRICT,
  roots: [],
  measurements: [],
  tcb: { reported: anyFloors, committed: anyFloors, launch: anyFloors },
  ...Object.fromEntries(
    ['chips', 'hostData', 'familyIds', 'imageIds', 'idKeyDigests', 'authorKeyDigests', 'reportIds'].map((rule) => [
      rule,
      'any',
    ]),
  ),
};
const AMD_ROOT = '4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1';
const AWS_ROOT = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b';

function refused(id: string, list: string, title: string, source: string): RefusedPolicy {
  return {
    id: `snp-policy-text-${id}`,
    title,
    list,
    tee: 'amd-sev-snp',
    policy: Buffer.from(source).toString('base64url'),
    expect: { verdict: 'misuse', code: 'policy_invalid' },
  };
}

const answers = (changes: Rules): string => JSON.stringify({ ...BASE, ...changes });
const omit = (rules: JsonValue, name: string): Rules =>
  Object.fromEntries(Object.entries(rules as Rules).filter(([rule]) => rule !== name));
const within = (rule: string, changes: Rules): string => answers({ [rule]: { ...(BASE[rule] as Rules), ...changes } });
const lacking = (rule: string, name: string): string => answers({ [rule]: omit(BASE[rule] as Rules, name) });

const NESTED = ['products', 'tcb', 'firmware', 'guestPolicy', 'platform', 'mitigations', 'denied'] as const;

export const refusedSnpPolicies: readonly RefusedPolicy[] = [
  ...Object.keys(BASE).map((rule) =>
    refused(`no-${rule}`, 'P2', `the rule ${rule} is left out`, JSON.stringify(omit(BASE, rule))),
  ),
  ...NESTED.flatMap((rule) =>
    Object.keys(BASE[rule] as Rules).map((name) =>
      refused(`no-${rule}-${name}`, 'P2', `${rule}.${name} is left out`, lacking(rule, name)),
    ),
  ),
  ...NESTED.map((rule) =>
    refused(`unknown-${rule}`, 'P3', `${rule} has a rule that nobody knows`, within(rule, { more: 'any' })),
  ),
  refused('of-nitro', 'P3', 'it says that it is for AWS Nitro', answers({ tee: 'aws-nitro' })),
  refused(
    'hardware-with-own-root',
    'P4',
    'a hardware policy that names a self-made root',
    answers({ level: 'attested', roots: [toHex(sha256(rootOf('Genoa').ark.certificate))] }),
  ),
  refused(
    'hardware-with-nitro-root',
    'P4',
    "a hardware policy that names the other vendor's root",
    answers({ level: 'attested', roots: [AWS_ROOT] }),
  ),
  refused(
    'simulated-with-vendor-root',
    'P5',
    "a simulated policy that names AMD's root",
    answers({ roots: [ROOT_SHA256, AMD_ROOT] }),
  ),
  refused('any-vmpl', 'P2', 'vmpl is "any": levels must be named', answers({ vmpl: 'any' })),
  refused('vmpl-4', 'P11', 'a VMPL that no guest has', answers({ vmpl: [0, 4] })),
  refused('vmpl-host', 'P11', 'the VMPL of a report that the host asked for', answers({ vmpl: [0xffff_ffff] })),
  refused('version-4', 'P3', 'report version 4, which nobody has seen', answers({ reportVersions: [3, 4, 5] })),
  refused('any-version', 'P2', 'reportVersions is "any"', answers({ reportVersions: 'any' })),
  refused('any-product', 'P2', 'Milan is "any": kinds of key must be named', within('products', { Milan: 'any' })),
  refused('unknown-signer', 'P3', 'a kind of key that nobody knows', within('products', { Milan: ['VCEK', 'VDEK'] })),
  refused('unknown-product', 'P3', 'a product line that nobody knows', within('products', { Venice: ['VCEK'] })),
  refused('any-debug', 'P2', 'debug is "any": it must be allowed by name', within('guestPolicy', { debug: 'any' })),
  refused('any-migration', 'P2', 'migrationAgent is "any"', within('guestPolicy', { migrationAgent: 'any' })),
  refused('bit-number', 'P11', 'a bit as a number', within('platform', { aliasCheckComplete: 1 })),
  refused('bit-true', 'P11', 'a bit as true', within('platform', { aliasCheckComplete: true })),
  refused('short-measurement', 'P15', 'a measurement of 47 bytes', answers({ measurements: ['11'.repeat(47)] })),
  refused(
    'upper-case-measurement',
    'P15',
    'a measurement in upper-case digits',
    answers({ measurements: ['AB'.repeat(48)] }),
  ),
  refused(
    'prefixed-measurement',
    'P15',
    'a measurement that begins with 0x',
    answers({ measurements: [`0x${'11'.repeat(48)}`] }),
  ),
  refused(
    'short-chip',
    'P15',
    'a chip id of 8 bytes: it is written as in reports',
    answers({ chips: ['11'.repeat(8)] }),
  ),
  refused('mitigations-number', 'P11', 'mitigations as a number', within('mitigations', { launch: 11 })),
  refused('mitigations-short', 'P15', 'mitigations of 15 digits', within('mitigations', { launch: '0'.repeat(15) })),
  refused('tcb-256', 'P11', 'a level above 255', answers({ tcb: tcbWith({ snp: 256 }) })),
  refused('tcb-no-microcode', 'P2', 'a minimum without microcode', answers({ tcb: tcbLacking('microcode') })),
  refused(
    'tcb-fmc-on-genoa',
    'P3',
    'a minimum of FMC for Genoa, which has none',
    answers({ tcb: tcbWith({ fmc: 1 }) }),
  ),
  refused('turin-no-fmc', 'P2', 'Turin without a minimum of FMC', answers({ tcb: turinWithoutFmc() })),
  refused('any-list', 'P2', 'revocationList is "none"', answers({ revocationList: 'none' })),
  refused('anchors-any', 'P2', 'anchors is "any": cosigners must be named', answers({ anchors: 'any' })),
  refused('anchors-no-age', 'P2', 'cosigners without a maximum age of a key', answers({ anchors: { cosigners: [] } })),
  refused(
    'anchors-short-key',
    'P15',
    'a cosigner of 33 bytes',
    answers({ anchors: { cosigners: ['02'.repeat(33)], maxKeyAgeSeconds: 1 } }),
  ),
  refused(
    'age-minus-zero',
    'P11',
    'an age of -0 seconds',
    answers({}).replace('"maxAgeSeconds":"any"', '"maxAgeSeconds":-0'),
  ),
  refused(
    'duplicate-rule',
    'P11',
    'measurements twice',
    answers({}).replace('"measurements":', '"measurements":"any","measurements":'),
  ),
];

type Floors = { readonly reported: Rules; readonly committed: Rules; readonly launch: Rules };

function genoa(change: (floor: Rules) => Rules): JsonValue {
  const tcb = STRICT['tcb'] as unknown as Floors;
  return { ...tcb, reported: { ...tcb.reported, Genoa: change(tcb.reported['Genoa'] as Rules) } };
}

function tcbWith(changes: Rules): JsonValue {
  return genoa((floor) => ({ ...floor, ...changes }));
}

function tcbLacking(name: string): JsonValue {
  return genoa((floor) => omit(floor, name));
}

function turinWithoutFmc(): JsonValue {
  const tcb = STRICT['tcb'] as unknown as Floors;
  return { ...tcb, launch: { ...tcb.launch, Turin: omit(tcb.launch['Turin'] as Rules, 'fmc') } };
}
