import { CHALLENGE, NOW } from '../../base.ts';
import { withS } from '../../keys.ts';
import { JUST_OVER, machine, OTHER_CHIP, type Product, revocationList, SOON } from '../base.ts';
import type { SnpCaseSpec } from '../case.ts';

const accepted = (id: string, list: string, title: string, more: Partial<SnpCaseSpec> = {}): SnpCaseSpec => ({
  id: `ok-${id}`,
  list,
  title,
  expect: 'accepted',
  ...more,
});

/** Every line, kind of key and version that is defined; what the strict policy asks of one line is asked of all. */
const profiles = (['Milan', 'Genoa', 'Turin'] as const).flatMap((product: Product) =>
  (['vcek', 'vlek'] as const).flatMap((signer) =>
    ([2, 3, 5] as const).map((version) =>
      accepted(
        `${product.toLowerCase()}-${signer}-${version}`,
        'S2',
        `${product}, ${signer.toUpperCase()}, version ${version}`,
        {
          machine: { product, signer },
          guest: { version },
          policy: signer === 'vlek' ? 'profiles-lent' : 'profiles-chip',
        },
      ),
    ),
  ),
);

const scalars =
  (half: 'high' | 'low') =>
  (report: Uint8Array): Uint8Array => {
    const changed = Uint8Array.from(report);
    const part = (at: number): Uint8Array => report.slice(at, at + 48).reverse();
    const signature = withS(Uint8Array.from([...part(0x2a0), ...part(0x2e8)]), half);
    changed.set(signature.slice(48).reverse(), 0x2e8);
    return changed;
  };

export const acceptedSnpCases: readonly SnpCaseSpec[] = [
  accepted('strict', 'S2', 'Genoa, VCEK, version 5, under a policy that names everything'),
  ...profiles,
  accepted('milan-lent-key', 'S13', 'Milan with a lent key, where its chip keys are off', {
    machine: { product: 'Milan', signer: 'vlek' },
    policy: 'lent-keys',
  }),
  accepted('milan-chip-key', 'S13', 'Milan with a chip key, where the policy trusts it', {
    machine: { product: 'Milan' },
    policy: 'milan-chip-keys',
  }),
  accepted('other-order', 'S12', 'the certificates in another order', {
    certificates: (made) => [...made].reverse(),
  }),
  accepted('certificates-twice', 'S12', 'every certificate twice, as two files of one host hold them', {
    certificates: (made) => [...made, ...made],
  }),
  accepted('both-kinds', 'S11', 'the certificates of a lent key beside those of the chip key', {
    certificates: (made) => [...machine({ signer: 'vlek' }).certificates, ...made.slice(0, 2)],
  }),
  accepted('high-s', 'S21', "the report's signature with its high s", { report: scalars('high') }),
  accepted('low-s', 'S21', 'the same report with the low s', { report: scalars('low') }),
  accepted('level-1', 'S6', 'VMPL 1, where the policy allows it', { guest: { vmpl: 1 }, policy: 'two-levels' }),
  accepted('masked-chip', 'S10', 'a report that hides its chip, where the policy allows it', {
    guest: { chipId: new Uint8Array(64) },
    policy: 'masked-chips',
  }),
  accepted('provisional', 'S9', 'firmware that is not committed, where the policy allows it', {
    guest: { currentFirmware: { major: 1, minor: 55, build: 50 } },
    policy: 'provisional-firmware',
  }),
  accepted('debug-allowed', 'S3', 'a debug policy, where the policy allows it by name', {
    guest: { guestPolicy: 0xb001fn },
    policy: 'debug-allowed',
  }),
  accepted('any-bits', 'S19', 'unknown bits of the platform, where the policy ignores them', {
    guest: { platformInfo: 0x1_0000_0142n },
    policy: 'any-bits',
  }),
  accepted('no-list', 'S16', 'no revocation list, where the policy wants none', {
    lists: [],
    policy: 'no-list-needed',
  }),
  accepted('list-edges', 'S16', 'a revocation list in its first and last second', {
    lists: [revocationList('Genoa', { thisUpdate: NOW, nextUpdate: NOW })],
  }),
  accepted('list-of-others', 'S16', 'a revocation list that names another intermediate', {
    lists: [revocationList('Genoa', { revoked: [{ serial: Uint8Array.of(9, 9, 9), at: JUST_OVER }] })],
  }),
  accepted('any-challenge', 'S15', 'a challenge where the caller asks for none', { challenge: 'any' }),
  accepted('product-named', 'S12', 'the line that the caller expects', { product: 'Genoa' }),
  accepted('policy-last-moment', 'P14', 'judged at the last moment of the policy', { policy: 'expires-now' }),
  accepted('other-challenge', 'S15', 'another challenge that is the one asked for', {
    guest: { reportData: Uint8Array.from([...new Uint8Array(32), ...CHALLENGE.map((byte) => byte ^ 0xff)]) },
    challenge: CHALLENGE.map((byte) => byte ^ 0xff),
  }),
  accepted('any-measurement', 'P2', 'an unknown measurement, where the policy says "any"', {
    guest: { measurement: OTHER_CHIP.slice(0, 48) },
    policy: 'any-measurement',
  }),
  accepted('higher-svn', 'S20', 'a higher security version of the guest than asked for', { guest: { guestSvn: 6 } }),
  accepted('more-mitigations', 'S19', 'more mitigations than asked for', {
    guest: { mitigations: { launch: 0xffn, current: 0xffn } },
  }),
  accepted('leaf-of-a-second', 'X1', 'a leaf that ends at the moment asked about', {
    machine: { alterLeaf: (request) => ({ ...request, notAfter: SOON - 1_000 }) },
  }),
];
