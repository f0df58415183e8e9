import { describe, expect, it } from 'vitest';
import { readOvmf } from '../../../../enclave/image/formats/ovmf.ts';
import {
  firmwareDigest,
  launchDigestAfterFirmware,
  type SnpLaunch,
  snpLaunchDigest,
} from '../../../../enclave/image/formats/snp-launch.ts';
import { vcpuSignature, vcpuSignatureOf } from '../../../../enclave/image/formats/vcpu-types.ts';
import { fromHex, toHex, utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import { amdSev, ovmfX64, type SyntheticOvmf, syntheticOvmf } from './support/ovmf.ts';
import { refusalOf } from './support/refusal.ts';

const epyc = vcpuSignatureOf('EPYC-v4');
const nothing = new Uint8Array(0);
const emptyBoot = { kernel: nothing, initrd: nothing, commandLine: '' };
const withConsole = { ...emptyBoot, commandLine: 'console=ttyS0 loglevel=7' };
const base: SnpLaunch = { directBoot: null, vcpus: 1, vcpuSignature: epyc, guestFeatures: 0x1n, hypervisor: 'qemu' };

/**
 * Digests that sev-snp-measure publishes (github.com/virtee/sev-snp-measure, tests/test_guest.py) for firmware of
 * edk2-stable202405. Its pages are not here: the digests start from the published digest of those pages, and the
 * synthetic firmware has the published one's table and metadata.
 */
describe('the published launch digests of sev-snp-measure', () => {
  const amdSevPages = fromHex(
    '086e2e9149ebf45abdc3445fba5b2da8270bdbb04094d7a2c37faaa4b24af3aa16aff8c374c2a55c467a50da6d466b74',
  );
  // The published test gives no digest of these pages; sev-snp-measure 0.0.13 computed this one from its fixture.
  const ovmfX64Pages = fromHex(
    'b91e6fec73d2bcc57ad5fd400a426ce02731c22ea92bc894ce675e7c9921a822977d6cf025b85f8ef4f264bff8839d20',
  );

  it.each<readonly [string, Partial<SnpLaunch>, string]>([
    [
      'ovmf_hash_gen_default',
      { directBoot: emptyBoot, guestFeatures: 0x21n },
      '329c8ce0972ae52343b64d34a434a86f245dfd74f5ed7aae15d22efc78fb9683632b9b50e4e1d7fa41179ef98a7ef198',
    ],
    [
      'ovmf_hash_gen_feature_snp_only',
      { directBoot: emptyBoot },
      'ddc5224521617a536ee7ce9dd6224d1b58a8d4fda1c741f3ac99fc4bfa04ba6e9fc98646d4a07a9079397fa3852819b5',
    ],
    [
      'default',
      { directBoot: withConsole, guestFeatures: 0x21n },
      '803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb28c653360fe4b3aba7e534442e7e1e17895dfe778d0228977',
    ],
    [
      'guest_feature_snp_only',
      { directBoot: withConsole },
      '6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa',
    ],
    [
      'ec2_default',
      { directBoot: emptyBoot, guestFeatures: 0x21n, hypervisor: 'ec2' },
      '0ce9ccc06bab55eebe8abc234f3df6514883977a68a591b71052498ab52b2f1aa415db338033946ef93aa8278c0d67fb',
    ],
    [
      'ec2_feature_snp_only',
      { directBoot: emptyBoot, hypervisor: 'ec2' },
      '0883bd0eeb716e65b7b977a321c278d1e51b33b5c655fab985443bbcc65c086b9c15e8a0bd8811050dec7e24964e5056',
    ],
    [
      'gce_default',
      { directBoot: emptyBoot, hypervisor: 'gce' },
      '5da7106cf14cf46b1725ebab123eb9e53bd46a1e9f400cd0c08e7827b04b688ea8b4e403c8404efed4397ea5d5d0722e',
    ],
    [
      'gce_with_multiple_vcpus_default',
      { directBoot: emptyBoot, hypervisor: 'gce', vcpus: 4 },
      '5c5debf100fc339f90276e761ee1f1658d08922c3b20e2a2e6c7a6c3370b2452a15a00eae11886a93d6fd1e7ab81e29d',
    ],
    [
      'without_kernel_default',
      { guestFeatures: 0x21n },
      'e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b',
    ],
    [
      'without_kernel_feature_snp_only',
      {},
      '19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d',
    ],
    [
      'with_multiple_vcpus_default',
      { directBoot: emptyBoot, guestFeatures: 0x21n, vcpus: 4 },
      '4953b1fb416fa874980e8442b3706d345926d5f38879134e00813c5d7abcbe78eafe7b422907be0b4698e2414a631942',
    ],
    [
      'with_multiple_vcpus_feature_snp_only',
      { directBoot: emptyBoot, vcpus: 4 },
      '5061fffb019493a903613d56d54b94912a1a2f9e4502385f5c194616753720a92441310ba6c4933de877c36e23046ad5',
    ],
  ])('test_snp_%s', (_, launch, expected) => {
    const ovmf = readOvmf(syntheticOvmf());
    expect(toHex(launchDigestAfterFirmware(ovmf, amdSevPages, { ...base, ...launch }))).toBe(expected);
  });

  it.each<readonly [string, bigint, string]>([
    [
      'default',
      0x21n,
      '28797ae0afaba4005a81e629acebfb59e6687949d6be44007cd5506823b0dd66f146aaae26ff291eed7b493d8a64c385',
    ],
    [
      'kernel_feature_snp_only',
      0x1n,
      'da0296de8193586a5512078dcd719eccecbd87e2b825ad4148c44f665dc87df21e5b49e21523a9ad993afdb6a30b4005',
    ],
  ])('test_snp_with_ovmfx64_without_%s', (_, guestFeatures, expected) => {
    const ovmf = readOvmf(syntheticOvmf(ovmfX64));
    expect(toHex(launchDigestAfterFirmware(ovmf, ovmfX64Pages, { ...base, guestFeatures }))).toBe(expected);
  });

  it('test_snp_with_ovmfx64_and_kernel_should_fail', () => {
    const launch = { ...base, directBoot: emptyBoot };
    expect(refusalOf(() => snpLaunchDigest(syntheticOvmf(ovmfX64), launch))).toBe('firmware_without_kernel_hashes');
  });
});

/** Computed by sev-snp-measure 0.0.13 over the very bytes that syntheticOvmf makes. */
describe('launch digests that another program computed', () => {
  const directBoot = { kernel: utf8('a kernel'), initrd: utf8('an initrd'), commandLine: 'console=ttyS0' };

  it('agree on the pages of firmware', () => {
    expect(toHex(firmwareDigest(readOvmf(syntheticOvmf())))).toBe(
      '3452f22ae9d7b2252ad5e8a56b22ca22534f08847be3f16783c344bb5ffd647795cabd6ad8b8441ec245aecbb027ece6',
    );
    expect(toHex(firmwareDigest(readOvmf(syntheticOvmf(ovmfX64))))).toBe(
      '132b1097a75aba4e0419576e1f832c65516f3e4e74653a9efd93e7ffedcf8615469f20544f41b57da91da7c3b7955348',
    );
  });

  it.each<readonly [number, string, bigint, SnpLaunch['hypervisor'], string]>([
    [
      1,
      'EPYC',
      0x1n,
      'qemu',
      '1a8202b4dd67f30a5f6809c0ec3f978471e6a38ebfbb819f69879fe1507ca8ccf06c1b5c40890cdcee5d3b0ebdaa51b3',
    ],
    [
      4,
      'EPYC-Milan',
      0x1n,
      'qemu',
      '3d6677f02f4634f179a4dec10ef4ca02a05a05d1098c048981c05008cf17b14b11369c7c7d8aeb3e34a0d2fef813997c',
    ],
    [
      8,
      'EPYC-Genoa-v1',
      0x21n,
      'qemu',
      'e4f4f6d140c3bce64c77fc3b825060cf9321434bfae7b4bce8e9d93bbd2639703830d6dfc2a3cfabde8a607ab632f8b4',
    ],
    [
      3,
      'EPYC-Turin',
      0x1n,
      'qemu',
      '7b740ca7327942521aa07bc24e0f343263c58cb68d8e1eb2c32e80694ce99a1e6b95cd53c62a2dc52f8f396527ab3066',
    ],
    [
      2,
      'EPYC-Rome',
      0x1n,
      'qemu',
      '238b625b2bef989f1228ae3769deef9a32b36f426771d139cfce70a3afca5105d4794364960f99651e00b464473a1084',
    ],
    [
      2,
      'EPYC-v4',
      0x1n,
      'ec2',
      '58be04327b7169eeb550a1ed4417ad9755e8b19bc65566968c378ade4c7ef740bb60b665378f3a0e1c737e95bfa69b2b',
    ],
    [
      3,
      'EPYC-v4',
      0x1n,
      'gce',
      'a8da4b1c47b9a3228909ebed95c0e5f481ed13214bdbe63c761a8c80532eeba5a117389c7aba264443d0402f44cfc1b1',
    ],
  ])('agree for %i of %s, features %s, on %s', (vcpus, type, guestFeatures, hypervisor, expected) => {
    const launch: SnpLaunch = { directBoot, vcpus, vcpuSignature: vcpuSignatureOf(type), guestFeatures, hypervisor };
    expect(toHex(snpLaunchDigest(syntheticOvmf(), launch))).toBe(expected);
  });

  it('agree without an initrd and without a kernel', () => {
    const genoa = { ...base, vcpuSignature: vcpuSignatureOf('EPYC-Genoa') };
    expect(
      toHex(
        snpLaunchDigest(syntheticOvmf(), { ...genoa, directBoot: { ...directBoot, initrd: nothing, commandLine: '' } }),
      ),
    ).toBe('6a07dfdd7fc7cf49f9c12eb749b417bded71997eb1ac5b084ec14655e47a96eea8ca1747d29c82355b4c3a378479c134');
    expect(toHex(snpLaunchDigest(syntheticOvmf(ovmfX64), { ...genoa, vcpus: 2 }))).toBe(
      '9fd5403ea2297126d587c4f4dc69f0444032ee5e7edaa63f11abde997ee16e259d1a82ca5883c3d63a50dd25e7ef3494',
    );
  });
});

describe('a launch digest', () => {
  const whole: SnpLaunch = {
    ...base,
    directBoot: { kernel: utf8('k'), initrd: utf8('i'), commandLine: 'c' },
    vcpus: 2,
  };
  const digest = (launch: Partial<SnpLaunch> = {}, firmware: SyntheticOvmf = {}): string =>
    toHex(snpLaunchDigest(syntheticOvmf(firmware), { ...whole, ...launch }));

  it('changes with everything that it covers', () => {
    const boot = whole.directBoot as NonNullable<SnpLaunch['directBoot']>;
    const variants = [
      digest(),
      digest({ directBoot: { ...boot, kernel: utf8('K') } }),
      digest({ directBoot: { ...boot, initrd: utf8('I') } }),
      digest({ directBoot: { ...boot, commandLine: 'C' } }),
      digest({ directBoot: null }),
      digest({ vcpus: 1 }),
      digest({ vcpuSignature: epyc + 1 }),
      digest({ guestFeatures: 0x21n }),
      digest({ hypervisor: 'ec2' }),
      digest({ hypervisor: 'gce' }),
      digest({}, { resetVector: 0x80b008 }),
      digest({}, { hashTable: [0x810c10, 0x400] }),
      digest({}, { sections: amdSev.sections?.slice(0, -1) ?? null }),
      digest({}, { bytes: 12_288 }),
    ];
    expect(new Set(variants).size).toBe(variants.length);
  });

  it('is refused for a launch that no hypervisor makes', () => {
    const refused = (launch: Partial<SnpLaunch>): string => refusalOf(() => digest(launch));
    for (const vcpus of [0, -1, 1.5, limits.snpVcpus + 1]) expect(refused({ vcpus })).toBe('launch_invalid');
    for (const value of [-1, 0.5, 2 ** 32]) expect(refused({ vcpuSignature: value })).toBe('launch_invalid');
    for (const guestFeatures of [0n, 0x20n, -1n, 2n ** 64n + 1n])
      expect(refused({ guestFeatures })).toBe('launch_invalid');
  });

  it('needs a reset vector for a second virtual CPU', () => {
    const firmware = { resetVector: null };
    expect(refusalOf(() => digest({ vcpus: 1 }, firmware))).toBe('accepted');
    expect(refusalOf(() => digest({ vcpus: 2 }, firmware))).toBe('firmware_without_reset_vector');
  });

  it.each<readonly [string, SyntheticOvmf, string]>([
    [
      'has no page for hashes',
      { sections: amdSev.sections?.filter(([, , type]) => type !== 0x10) ?? null },
      'firmware_without_kernel_hashes',
    ],
    ['does not say where it looks', { hashTable: null }, 'firmware_without_kernel_hashes'],
    ['looks nowhere', { hashTable: [0, 0] }, 'firmware_without_kernel_hashes'],
    ['looks in another page', { hashTable: [0x811c00, 0x400] }, 'firmware_metadata'],
    ['looks before the page', { hashTable: [0x80fc00, 0x400] }, 'firmware_metadata'],
    ['looks across the end of the page', { hashTable: [0x810f60, 0x400] }, 'firmware_metadata'],
    ['reads less than a table', { hashTable: [0x810c00, 0x80] }, 'firmware_metadata'],
  ])('is refused for a kernel with firmware that %s', (_, firmware, code) => {
    expect(refusalOf(() => digest({}, firmware))).toBe(code);
  });
});

describe('types of virtual CPUs', () => {
  it('have the signature of AMD 25481', () => {
    expect(
      ['EPYC', 'EPYC-IBPB', 'EPYC-v4', 'EPYC-Rome-v2', 'EPYC-Milan', 'EPYC-Genoa', 'EPYC-Turin'].map(vcpuSignatureOf),
    ).toEqual([...[0x800f12, 0x800f12, 0x800f12, 0x830f10, 0xa00f11, 0xa10f10, 0xb00f00]]);
    expect(vcpuSignature(5, 2, 1)).toBe(0x521);
    expect(vcpuSignature(15, 0xff, 15)).toBe(0xf0fff);
  });

  it.each(['', 'epyc', 'EPYC-Rome-v', 'EPYC-v10', 'Skylake-Server', 'toString', 'constructor'])('refuse %j', (type) => {
    expect(refusalOf(() => vcpuSignatureOf(type))).toBe('vcpu_type_unknown');
  });

  it('refuse what no CPU is', () => {
    for (const [family, model, stepping] of [
      [-1, 0, 0],
      [0x10f, 0, 0],
      [25, 0x100, 0],
      [25, 0, 16],
      [25, 0.5, 0],
    ] as const) {
      expect(refusalOf(() => vcpuSignature(family, model, stepping))).toBe('vcpu_type_unknown');
    }
  });
});
