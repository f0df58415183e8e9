import { time } from '../../../support/der-writer.ts';
import {
  CHALLENGE,
  HOUR,
  INSTANCE_ID,
  LEAF_BEGINS,
  LEAF_ENDS,
  MODULE_ID,
  NOW,
  OTHER,
  pcrsWith,
  SECOND,
  ZERO,
} from '../base.ts';
import type { CaseSpec, Refusal } from '../case.ts';
import { derSignature, nameOf } from '../certificate.ts';
import type { DocumentEdit } from '../document.ts';
import { malleated } from '../keys.ts';

/** Genuine evidence, as far as the corpus root makes it so, that one rule of the policy refuses. */
const [REGIONAL, INSTANCE_CA, LEAF] = [1, 3, 4] as const;

const refusedAs =
  (code: Refusal[1], check: string) =>
  (id: string, list: string, title: string, edit: DocumentEdit = {}, more: Partial<CaseSpec> = {}): CaseSpec => ({
    id: `policy-${id}`,
    list,
    title,
    expect: ['refused', code, check],
    edit,
    ...more,
  });

const policyEnd = refusedAs('policy_expired', 'P.expiry');
const deniedCertificate = refusedAs('certificate_denied', 'X14.certificate');
const deniedModule = refusedAs('module_denied', 'X14.module');
const deniedImage = refusedAs('image_denied', 'X14.image');
const debug = refusedAs('debug_mode', 'N17.debug');
const zero = refusedAs('measurement_zero', 'N17.zero');
const image = refusedAs('image_refused', 'N18.image');
const role = refusedAs('pcr3_refused', 'N18.pcr3');
const instance = refusedAs('pcr4_refused', 'N18.pcr4');
const signedBy = refusedAs('pcr8_refused', 'N18.pcr8');
const old = refusedAs('document_too_old', 'N19.age');
const future = refusedAs('document_from_future', 'N19.skew');
const outside = refusedAs('timestamp_outside_leaf', 'N20');
const noChallenge = refusedAs('challenge_missing', 'N21');
const otherChallenge = refusedAs('challenge_mismatch', 'N21');
const long = refusedAs('binding_too_long', 'N16.limit');
const unknown = refusedAs('field_unknown', 'N10');
const module = refusedAs('module_id_mismatch', 'N23');
const region = refusedAs('region_refused', 'N24');
const lifetime = refusedAs('leaf_lifetime', 'N25');

const registers = (changes: Parameters<typeof pcrsWith>[0]): DocumentEdit => ({ fields: { pcrs: pcrsWith(changes) } });
const onlyRegister0 = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [1 + index, null]));
const leafName = (commonName: string): DocumentEdit => ({
  chain: { [LEAF]: { subject: nameOf(['2.5.4.3', commonName]) } },
});
const instanceName = nameOf(['2.5.4.3', 'i-00000000000000000.zz-simulated-1.nitro-enclaves']);

export const policyCases: readonly CaseSpec[] = [
  policyEnd('expired', 'P14', 'the policy ended a second ago', {}, { policy: 'expired-a-second-ago' }),
  policyEnd(
    'expired-millisecond',
    'P14',
    'the policy ended a millisecond ago',
    {},
    { policy: 'expires-now', at: NOW + 1 },
  ),
  deniedCertificate(
    'denied-certificate',
    'X21',
    'a CA certificate that the policy denies',
    {},
    { policy: 'denied-certificate' },
  ),
  deniedCertificate(
    'denied-certificate-twin',
    'X21',
    'the denied CA certificate with its signature (r, s) turned into (r, n - s)',
    { chain: { [REGIONAL]: { signature: (fixed) => derSignature(malleated(fixed)) } } },
    { policy: 'denied-certificate' },
  ),
  deniedModule('denied-module', 'X21', 'an enclave that the policy denies', {}, { policy: 'denied-module' }),
  deniedImage('denied-image', 'X21', 'an image that the policy denies', {}, { policy: 'denied-image' }),
  deniedImage(
    'denied-image-any',
    'X21',
    'a denied PCR0 with another PCR1, where any image is allowed',
    registers({ 1: OTHER }),
    { policy: 'denied-image-any' },
  ),
  debug('debug', 'V26', 'debug mode, where any image is allowed', registers({ 0: ZERO, 1: ZERO, 2: ZERO }), {
    policy: 'any-image',
  }),
  debug('debug-listed', 'V26', 'debug mode, where the zero image is listed', registers({ 0: ZERO, 1: ZERO, 2: ZERO }), {
    policy: 'zero-image',
  }),
  ...[0, 1, 2].flatMap((index) => [
    zero(`zero-${index}`, 'V26', `PCR${index} alone is zero`, registers({ [index]: ZERO }), { policy: 'any-image' }),
    zero(`absent-${index}`, 'V26', `PCR${index} is absent`, registers({ [index]: null }), { policy: 'any-image' }),
    image(`other-${index}`, 'V26', `another PCR${index}`, registers({ [index]: OTHER })),
  ]),
  zero('zero-debug-allowed', 'V26', 'PCR2 alone is zero, where debug mode is allowed', registers({ 2: ZERO }), {
    policy: 'debug-allowed',
  }),
  zero('one-register', 'V26', 'PCR0 is the only PCR', registers(onlyRegister0), {
    policy: 'debug-allowed-any-registers',
  }),
  image('no-image', 'P1', 'an empty list of images accepts nothing', {}, { policy: 'no-image' }),
  role('other-role', 'V30', 'the right image on a machine with another role', registers({ 3: OTHER })),
  role('absent-role', 'V26', 'PCR3, which the policy names, is absent', registers({ 3: null })),
  role('no-role', 'P1', 'an empty list of roles accepts nothing', {}, { policy: 'no-role' }),
  instance('other-instance', 'V30', 'the right image on another machine', registers({ 4: OTHER })),
  instance('absent-instance', 'V26', 'PCR4, which the policy names, is absent', registers({ 4: null })),
  signedBy('other-image-signer', 'V26', 'an image signed by somebody', registers({ 8: OTHER })),
  signedBy('absent-image-signer', 'V26', 'PCR8, which the policy names, is absent', registers({ 8: null })),
  old('too-old', 'V25', 'a millisecond older than allowed', {}, { at: NOW + 600 * SECOND + 1 }),
  old('hours-old', 'V25', 'two hours old, in a leaf that is still valid', {}, { at: LEAF_ENDS }),
  future('too-far-ahead', 'V25', 'a millisecond further ahead than allowed', {}, { at: NOW - 300 * SECOND - 1 }),
  outside(
    'before-leaf',
    'V25',
    'made a millisecond before its leaf',
    { fields: { timestamp: LEAF_BEGINS - 1 } },
    { policy: 'any-future' },
  ),
  outside(
    'after-leaf',
    'V25',
    'made a millisecond after its leaf',
    { fields: { timestamp: LEAF_ENDS + 1 } },
    { policy: 'any-future' },
  ),
  noChallenge('nonce-null', 'V29', 'the nonce is null', { fields: { nonce: null } }),
  noChallenge('nonce-absent', 'V29', 'the nonce is left out', { fields: { nonce: undefined } }),
  otherChallenge('nonce-empty', 'V29', 'the nonce is empty', { fields: { nonce: new Uint8Array(0) } }),
  otherChallenge('nonce-prefix', 'V29', 'the first 31 bytes of the challenge', {
    fields: { nonce: CHALLENGE.subarray(0, 31) },
  }),
  otherChallenge('nonce-longer', 'V29', 'the challenge and one byte more', {
    fields: { nonce: Uint8Array.from([...CHALLENGE, 0]) },
  }),
  otherChallenge(
    'nonce-other',
    'P10',
    'a recorded document: the challenge of another session',
    {},
    { challenge: CHALLENGE.map((byte) => byte ^ 1) },
  ),
  long('user-data-513', 'V29', 'user_data of 513 bytes under the limit of 512', {
    fields: { user_data: new Uint8Array(513) },
  }),
  long(
    'nonce-513',
    'V29',
    'a nonce of 513 bytes under the limit of 512',
    { fields: { nonce: new Uint8Array(513) } },
    { challenge: 'any' },
  ),
  unknown('unknown-field', 'V16', 'a field outside the specification', { fields: { hostname: 'example' } }),
  unknown('prototype-field', 'V23', 'a field named __proto__', { fields: { ['__proto__']: 1 } }),
  unknown('constructor-field', 'V23', 'a field named constructor', { fields: { constructor: 'x' } }),
  module('other-module', 'V30', "another enclave's module id", { fields: { module_id: 'i-1-enc2' } }),
  module('module-prefix', 'V30', 'the module id without its last digit', {
    fields: { module_id: MODULE_ID.slice(0, -1) },
  }),
  module(
    'module-of-other-instance',
    'V30',
    'a leaf of another instance than its CA',
    {
      chain: { [INSTANCE_CA]: { subject: instanceName }, [LEAF]: { issuer: instanceName } },
    },
    { policy: 'any-region' },
  ),
  region('other-region', 'V30', 'the right image in another region than allowed', {}, { policy: 'other-region' }),
  region('no-region', 'P1', 'an empty list of regions accepts nothing', {}, { policy: 'no-region' }),
  region(
    'leaf-of-other-region',
    'V30',
    'a leaf that names another region than its CA',
    leafName(`${MODULE_ID}.zz-simulated-2`),
    { policy: 'two-regions' },
  ),
  region('no-region-named', 'V30', 'a leaf whose name has no region', leafName(INSTANCE_ID), { policy: 'two-regions' }),
  lifetime('leaf-lifetime', 'X3', 'a leaf of three hours and a second', {
    chain: { [LEAF]: { notAfter: time(LEAF_ENDS + SECOND) } },
  }),
  lifetime('leaf-of-a-day', 'X3', 'a leaf of a day', {
    chain: { [LEAF]: { notAfter: time(LEAF_BEGINS + 24 * HOUR) } },
  }),
];
