import { profiles, type Tcb } from '../../../../../enclave/simulator/snp/product.ts';
import { concatBytes } from '../../../../../wire/bytes.ts';
import { filler } from '../../../golden/keys.ts';
import { CHALLENGE, HOUR, NOW } from '../../base.ts';
import type { Refusal } from '../../case.ts';
import { GUEST, JUST_OVER, OTHER_CHIP, revocationList, SOON } from '../base.ts';
import type { SnpCaseSpec } from '../case.ts';

/** Genuine evidence, as far as the corpus root makes it so, that one rule of the policy refuses. */
const refusedAs =
  (code: Refusal[1], check: string) =>
  (id: string, list: string, title: string, more: Partial<SnpCaseSpec>): SnpCaseSpec => ({
    id: `policy-${id}`,
    list,
    title,
    expect: ['refused', code, check],
    ...more,
  });

const genoa = profiles.Genoa.tcb;
const build = (number: number) => ({ major: 1, minor: 55, build: number });
const guest = (fields: NonNullable<SnpCaseSpec['guest']>, policy: SnpCaseSpec['policy'] = 'strict') => ({
  guest: fields,
  policy,
});
const other = (length: number): Uint8Array => filler('corpus: another value', length);

/** A machine with a certificate for a lower TCB than it runs: what a host reports to hide an update that it lacks. */
const lowerReported = (change: Partial<Tcb>): Partial<SnpCaseSpec> => ({
  machine: { tcb: { ...genoa, ...change } },
  guest: { currentTcb: genoa, committedTcb: genoa, launchTcb: genoa },
});

const guestBits: readonly (readonly [name: string, bit: bigint])[] = [
  ['smtAllowed', 16n],
  ['singleSocket', 20n],
  ['cxlAllowed', 21n],
  ['aes256Xts', 22n],
  ['raplDisabled', 23n],
  ['ciphertextHiding', 24n],
  ['pageSwapDisabled', 25n],
];
const platformBits: readonly (readonly [name: string, bit: bigint, code: Refusal[1]])[] = [
  ['smtEnabled', 0n, 'platform_refused'],
  ['tsmeEnabled', 1n, 'platform_refused'],
  ['eccEnabled', 2n, 'platform_refused'],
  ['raplDisabled', 3n, 'platform_refused'],
  ['ciphertextHiding', 4n, 'platform_refused'],
  ['aliasCheckComplete', 5n, 'alias_check_incomplete'],
  ['iommuWriteSafe', 6n, 'platform_refused'],
  ['tioEnabled', 7n, 'platform_refused'],
];
const guestPolicy = GUEST.guestPolicy as bigint;
const platformInfo = GUEST.platformInfo as bigint;

export const snpPolicyCases: readonly SnpCaseSpec[] = [
  refusedAs('policy_expired', 'P.expiry')('expired', 'P14', 'the policy ended a second ago', {
    policy: 'expired-a-second-ago',
  }),
  refusedAs('certificate_denied', 'X14.certificate')(
    'denied-certificate',
    'X21',
    'an intermediate that the policy denies',
    { policy: 'denied-certificate' },
  ),
  refusedAs('chip_denied', 'X14.chip')('denied-chip', 'S10', 'a chip that the policy denies', {
    policy: 'denied-chip',
  }),
  refusedAs('measurement_denied', 'X14.measurement')(
    'denied-measurement',
    'S20',
    'a measurement that the policy denies',
    { policy: 'denied-measurement' },
  ),
  refusedAs('product_line_refused', 'S28')('milan-chip-key', 'S13', 'a chip key of Milan, whose root seed is out', {
    machine: { product: 'Milan' },
  }),
  refusedAs('product_line_refused', 'S28')('no-line', 'P1', 'a policy that trusts no line', { policy: 'no-line' }),
  refusedAs('report_version_refused', 'S2.policy')('version-2', 'S2', 'version 2 under a policy for 3 and 5', {
    ...guest({ version: 2 }, 'any-firmware'),
  }),
  refusedAs('guest_debug', 'S15.debug')(
    'debug',
    'S3',
    'the host may debug the guest',
    guest({ guestPolicy: guestPolicy | (1n << 19n) }),
  ),
  refusedAs('guest_migratable', 'S15.migrationAgent')(
    'migration',
    'S4',
    'a migration agent may take the guest',
    guest({ guestPolicy: guestPolicy | (1n << 18n) }),
  ),
  ...guestBits.map(([name, bit]) =>
    refusedAs('guest_policy_refused', `S15.${name}`)(
      `guest-${name}`,
      'S19',
      `${name} of the guest policy is the other way round`,
      guest({ guestPolicy: guestPolicy ^ (1n << bit) }),
    ),
  ),
  refusedAs('guest_policy_refused', 'S15.abi')(
    'abi',
    'S9',
    'the guest demands an ABI of 0.30, where 0.31 is wanted',
    guest({ guestPolicy: guestPolicy - 1n }),
  ),
  ...[1, 2, 3].map((vmpl) =>
    refusedAs('vmpl_refused', 'S17')(`vmpl-${vmpl}`, 'S6', `VMPL ${vmpl} under a policy for 0`, guest({ vmpl })),
  ),
  refusedAs('vmpl_refused', 'S17')(
    'asked-by-host',
    'S6',
    'a report that the host asked for',
    guest({ vmpl: 0xffff_ffff }),
  ),
  refusedAs('measurement_refused', 'S19')(
    'other-measurement',
    'S20',
    'another measurement',
    guest({ measurement: other(48) }),
  ),
  refusedAs('measurement_refused', 'S19')('no-measurement', 'P1', 'an empty list of measurements accepts nothing', {
    policy: 'no-measurement',
  }),
  refusedAs('host_data_refused', 'S21')('host-data', 'S15', 'other data of the host', guest({ hostData: other(32) })),
  refusedAs('family_refused', 'S22.family')('family', 'S17', 'another family', guest({ familyId: other(16) })),
  refusedAs('image_id_refused', 'S22.image')('image-id', 'S17', 'another image id', guest({ imageId: other(16) })),
  refusedAs('id_key_refused', 'S23.id')(
    'id-key',
    'S17',
    'another key signed the ID block',
    guest({ idKeyDigest: other(48) }),
  ),
  refusedAs('id_key_refused', 'S23.id')(
    'no-id-key',
    'S17',
    'there was no ID block',
    guest({ idKeyDigest: new Uint8Array(48) }),
  ),
  refusedAs('author_key_refused', 'S23.author')(
    'author-key',
    'S17',
    'another author key',
    guest({ authorKeyDigest: other(48) }),
  ),
  refusedAs('author_key_refused', 'S23.author')(
    'author-key-off',
    'S17',
    'the right author key, not in use',
    guest({ authorKeyEnabled: false }),
  ),
  refusedAs('report_id_refused', 'S24')('report-id', 'S17', 'another report id', guest({ reportId: other(32) })),
  refusedAs('migration_agent_refused', 'S24.agent')(
    'agent',
    'S4',
    'a migration agent',
    guest({ migrationAgentReportId: other(32) }),
  ),
  refusedAs('guest_svn_too_low', 'S18')(
    'guest-svn',
    'S20',
    'the right measurement with a lower security version',
    guest({ guestSvn: 4 }),
  ),
  refusedAs('challenge_mismatch', 'S20')(
    'no-challenge',
    'S15',
    'the second half of report_data is zero',
    guest({ reportData: concatBytes(filler('corpus identity'), new Uint8Array(32)) }),
  ),
  refusedAs('challenge_mismatch', 'S20')(
    'swapped-halves',
    'S15',
    'the challenge in the first half of report_data',
    guest({ reportData: concatBytes(CHALLENGE, filler('corpus identity')) }),
  ),
  refusedAs('challenge_mismatch', 'S20')(
    'other-challenge',
    'P10',
    'a recorded report: the challenge of another session',
    { challenge: CHALLENGE.map((byte) => byte ^ 1) },
  ),
  refusedAs('tcb_order', 'S10')(
    'committed-above',
    'S9',
    'the committed TCB is above the current one',
    guest({ committedTcb: { ...genoa, snp: genoa.snp + 1 } }, 'provisional-firmware'),
  ),
  refusedAs('tcb_order', 'S10')('reported-above', 'S9', 'the reported TCB is above the current one', {
    machine: { tcb: { ...genoa, microcode: genoa.microcode + 1 } },
    guest: { currentTcb: genoa, committedTcb: genoa },
  }),
  refusedAs('tcb_order', 'S10')(
    'firmware-above',
    'S9',
    'the committed firmware is above the current one',
    guest({ committedFirmware: build(50) }, 'provisional-firmware'),
  ),
  refusedAs('firmware_provisional', 'S10.provisional')(
    'provisional',
    'S9',
    'firmware that can go back',
    guest({ currentFirmware: build(50) }),
  ),
  ...(['bootloader', 'snp', 'microcode'] as const).map((name) =>
    refusedAs('tcb_too_low', 'S11.reported')(
      `reported-${name}`,
      'S8',
      `the reported ${name} is one below the minimum`,
      lowerReported({ [name]: genoa[name] - 1 }),
    ),
  ),
  refusedAs('tcb_too_low', 'S11.reported')('turin-fmc', 'S14', "Turin's fmc is one below the minimum", {
    machine: { product: 'Turin', tcb: { ...profiles.Turin.tcb, fmc: 0 } },
    guest: { currentTcb: profiles.Turin.tcb, committedTcb: profiles.Turin.tcb, launchTcb: profiles.Turin.tcb },
  }),
  refusedAs('tcb_too_low', 'S11.committed')(
    'committed',
    'S9',
    'the committed TCB is below the minimum',
    guest({ committedTcb: { ...genoa, snp: genoa.snp - 1 } }, 'provisional-firmware'),
  ),
  refusedAs('tcb_too_low', 'S11.launch')(
    'launch',
    'S9',
    'the TCB at launch was below the minimum',
    guest({ launchTcb: { ...genoa, snp: genoa.snp - 1 } }),
  ),
  refusedAs('firmware_too_old', 'S12.current')(
    'firmware',
    'S9',
    'firmware that is too old',
    guest({ currentFirmware: build(48), committedFirmware: build(48) }, 'any-committed-firmware'),
  ),
  refusedAs('firmware_too_old', 'S12.committed')(
    'committed-firmware',
    'S9',
    'committed firmware that is too old',
    guest({ committedFirmware: build(48) }, 'provisional-firmware'),
  ),
  refusedAs('mitigation_missing', 'S25.launch')(
    'mitigation-launch',
    'S19',
    'a mitigation was missing at launch',
    guest({ mitigations: { launch: 0x09n, current: 0x0bn } }),
  ),
  refusedAs('mitigation_missing', 'S25.current')(
    'mitigation',
    'S19',
    'a mitigation is missing',
    guest({ mitigations: { launch: 0x0bn, current: 0xf4n } }),
  ),
  ...platformBits.map(([name, bit, code]) =>
    refusedAs(code, `S16.${name}`)(
      `platform-${name}`,
      name === 'aliasCheckComplete' ? 'S18' : 'S19',
      `${name} of the platform is the other way round`,
      guest({ platformInfo: platformInfo ^ (1n << bit) }),
    ),
  ),
  refusedAs('platform_refused', 'S16.unknown')(
    'platform-unknown',
    'S19',
    'a bit of the platform that nobody knows',
    guest({ platformInfo: platformInfo | (1n << 8n) }),
  ),
  refusedAs('chip_masked', 'S13.masked')(
    'masked',
    'S10',
    'a report that hides its chip',
    guest({ chipId: new Uint8Array(64) }),
  ),
  refusedAs('chip_refused', 'S14')('other-chip', 'S10', 'another machine', { machine: { chipId: OTHER_CHIP } }),
  refusedAs('csp_refused', 'S26')('other-cloud', 'S11', 'a key lent to another cloud', {
    machine: { signer: 'vlek' },
    policy: 'other-cloud',
  }),
  refusedAs('revocation_unknown', 'S27.shown')('no-list', 'S16', 'no revocation list', { lists: [] }),
  refusedAs('revocation_stale', 'S27.fresh')('stale-list', 'X20', 'a revocation list that ended a second ago', {
    lists: [revocationList('Genoa', { nextUpdate: JUST_OVER })],
  }),
  refusedAs('revocation_stale', 'S27.fresh')('future-list', 'X20', 'a revocation list that begins in a second', {
    lists: [revocationList('Genoa', { thisUpdate: SOON, nextUpdate: NOW + HOUR })],
  }),
];
