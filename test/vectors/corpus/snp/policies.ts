import { concatBytes, toHex } from '../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../wire/codec/json.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { tbsOf } from '../certificate.ts';
import { BINDINGS, CHIP, CSP_ID, MEASUREMENT, machine, rootOf, TURIN_CHIP } from './base.ts';
import { EDITED_ROOTS } from './roots.ts';

type Rules = { readonly [rule: string]: JsonValue };

const least = (model: number, minimum: number): JsonValue => [{ model, stepping: 1, minimum }];
const floors: Rules = {
  Milan: { bootloader: 4, tee: 0, snp: 24, microcode: least(0x01, 219) },
  Genoa: { bootloader: 10, tee: 0, snp: 27, microcode: least(0x11, 88) },
  Turin: { fmc: 1, bootloader: 1, tee: 0, snp: 2, microcode: least(0x02, 71) },
};
const anyFloors: Rules = { Milan: 'any', Genoa: 'any', Turin: 'any' };
const firmware: Rules = { major: 1, minor: 55, build: 49 };
const digest = (bytes: Uint8Array): string => toHex(sha256(bytes));
const nobody = { certificates: [], chips: [], measurements: [] };

const guestPolicy: Rules = {
  debug: 'refuse',
  migrationAgent: 'refuse',
  smtAllowed: 'set',
  singleSocket: 'clear',
  cxlAllowed: 'clear',
  aes256Xts: 'clear',
  raplDisabled: 'clear',
  ciphertextHiding: 'clear',
  pageSwapDisabled: 'clear',
  minimumAbi: { major: 0, minor: 31 },
};

const platform: Rules = {
  smtEnabled: 'set',
  tsmeEnabled: 'clear',
  eccEnabled: 'set',
  raplDisabled: 'clear',
  ciphertextHiding: 'clear',
  aliasCheckComplete: 'set',
  iommuWriteSafe: 'clear',
  tioEnabled: 'clear',
  unknownBits: 'refuse',
};

/** Everything by value wherever a rule takes one; Milan's chip keys are off, as shipped policies have them. */
const strict: Rules = {
  version: 1,
  name: 'TEST VECTORS ONLY: strict',
  expires: '2031-01-01T00:00:00Z',
  tee: 'amd-sev-snp',
  level: 'simulated',
  roots: [
    ...(['Milan', 'Genoa', 'Turin'] as const).map((product) => digest(rootOf(product).ark.certificate)),
    ...Object.values(EDITED_ROOTS).map(digest),
  ],
  measurements: [toHex(MEASUREMENT)],
  reportVersions: [3, 5],
  maxAgeSeconds: 'any',
  products: { Milan: ['VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
  vmpl: [0],
  tcb: { reported: floors, committed: floors, launch: floors },
  provisionalFirmware: 'refuse',
  firmware: { current: firmware, committed: firmware },
  maskedChipId: 'refuse',
  chips: [toHex(CHIP), toHex(concatBytes(TURIN_CHIP, new Uint8Array(56)))],
  cspIds: [CSP_ID],
  guestPolicy,
  platform,
  minimumGuestSvn: 5,
  hostData: [toHex(BINDINGS.hostData)],
  familyIds: [toHex(BINDINGS.familyId)],
  imageIds: [toHex(BINDINGS.imageId)],
  idKeyDigests: [toHex(BINDINGS.idKeyDigest)],
  authorKeyDigests: [toHex(BINDINGS.authorKeyDigest)],
  reportIds: [toHex(BINDINGS.reportId)],
  migrationAgents: 'none',
  mitigations: { launch: '000000000000000b', current: '000000000000000b' },
  revocationList: 'required',
  configurations: 'any',
  runtimes: 'any',
  operators: 'any',
  chain: 'any',
  publishers: 'any',
  models: 'any',
  sealed: 'required',
  headers: 'client-only',
  anchors: 'none',
  denied: nobody,
};

const anyFirmware: Rules = {
  tcb: { reported: anyFloors, committed: anyFloors, launch: anyFloors },
  mitigations: { launch: 'any', current: 'any' },
};
const both = ['VCEK', 'VLEK'];

/** What each policy answers differently from `strict`. */
const variants: { readonly [name: string]: Rules } = {
  strict: {},
  'any-firmware': anyFirmware,
  'profiles-chip': {
    ...anyFirmware,
    reportVersions: [2, 3, 5],
    products: { Milan: both, Genoa: both, Turin: both },
  },
  'profiles-lent': { ...anyFirmware, reportVersions: [2, 3, 5], maskedChipId: 'vlek-only', chips: 'any' },
  'old-versions': { ...anyFirmware, reportVersions: [2, 3, 5] },
  'milan-chip-keys': { products: { Milan: both, Genoa: both, Turin: both } },
  'no-line': { products: { Milan: [], Genoa: [], Turin: [] } },
  'lent-keys': { maskedChipId: 'vlek-only', chips: 'any' },
  'masked-chips': { maskedChipId: 'allow' },
  'any-chip': { chips: 'any' },
  'any-cloud': { cspIds: 'any' },
  'other-cloud': { maskedChipId: 'vlek-only', chips: 'any', cspIds: ['CN=cc-zz-simulated-2.proofmark.invalid'] },
  'two-levels': { vmpl: [0, 1] },
  'provisional-firmware': { provisionalFirmware: 'allow' },
  'any-committed-firmware': { firmware: { current: firmware, committed: 'any' } },
  'debug-allowed': { guestPolicy: { ...guestPolicy, debug: 'allow' } },
  'any-bits': {
    platform: { ...Object.fromEntries(Object.keys(platform).map((bit) => [bit, 'any'])), unknownBits: 'ignore' },
  },
  'no-list-needed': { revocationList: 'any' },
  'any-measurement': { measurements: 'any' },
  'no-measurement': { measurements: [] },
  'denied-certificate': {
    denied: { ...nobody, certificates: [digest(tbsOf(machine().certificates[1]))] },
  },
  'denied-chip': { denied: { ...nobody, chips: [toHex(CHIP)] } },
  'denied-measurement': { denied: { ...nobody, measurements: [toHex(MEASUREMENT)] } },
  'expires-now': { expires: '2030-05-17T12:00:00Z' },
  'expired-a-second-ago': { expires: '2030-05-17T11:59:59Z' },
  'no-root': { roots: [] },
  hardware: { level: 'attested', roots: [] },
};

/** Whole policies, since nothing may be left out of one. */
export const SNP_POLICIES: { readonly [name: string]: Rules } = Object.fromEntries(
  Object.entries(variants).map(([name, answers]) => [
    name,
    { ...strict, ...answers, name: `TEST VECTORS ONLY: ${name}` },
  ]),
);
