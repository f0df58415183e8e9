import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SnpProof } from '../../contracts/prover/snp/index.ts';
import type { SnpProduct } from '../../verifier/codec/snp-product.ts';
import type { SnpEvidence } from '../../verifier/index.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { basicConstraints, CA_USAGE, extension, LEAF_USAGE, NOW, testKey, validity } from '../support/certificates.ts';
import { NULL, name, unsigned } from '../support/der-writer.ts';
import { ia5, pss, type SnpChainOptions, snpRoot } from '../support/snp-certificates.ts';
import {
  le,
  profiles,
  type SnpChanges,
  snpEvidence,
  snpGuestPolicyJson,
  snpPlatformJson,
  snpPolicy,
  verifySnp,
} from '../support/snp-evidence.ts';
import { foreignHints } from './support/p384.ts';
import { rawSnpProof, rulingOf, type SnpWorld, snpProof, snpWorld } from './support/snp.ts';
import { expectedEvidence, expectedReport, rawTcbs } from './support/snp-facts.ts';

const DAY = 86_400_000;
const seconds = NOW / 1000;
const roots = (['Milan', 'Genoa', 'Turin'] as const).map(snpRoot);
const stranger = testKey();

/** Refuses what the contract refuses, and no more. */
const policy = snpPolicy({
  reportVersions: [2, 3, 5],
  products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
  measurements: 'any',
  vmpl: [0, 1, 2, 3],
  provisionalFirmware: 'allow',
  cspIds: 'any',
  guestPolicy: snpGuestPolicyJson({ migrationAgent: 'allow' }),
  migrationAgents: 'any',
  platform: snpPlatformJson({ aliasCheckComplete: 'any', unknownBits: 'ignore' }),
});

let world: SnpWorld;

beforeAll(async () => {
  world = await snpWorld(roots, seconds);
}, 120_000);

afterAll(() => world.chain.stop());

/** Root, intermediate, endorsement certificate, as the test chain is made. */
function proofOf({ report, certificates }: SnpEvidence): SnpProof {
  const [root, intermediate, endorsement] = certificates as readonly [Uint8Array, Uint8Array, Uint8Array];
  return rawSnpProof({ report, endorsement, intermediate }, root, foreignHints());
}

async function rulings(evidence: SnpEvidence, now = NOW): Promise<readonly [contract: string, verifier: string]> {
  const verdict = await verifySnp(evidence, { policy, now });
  const contract = await world.ask(proofOf(evidence), { time: now / 1000 });
  return [rulingOf(contract), verdict.verdict === 'accepted' ? 'accepted' : verdict.code];
}

const products: readonly SnpProduct[] = ['Milan', 'Genoa', 'Turin'];
const kinds = ['VCEK', 'VLEK'] as const;
const genuine = products.flatMap((product) =>
  kinds.flatMap((kind) => [2, 3, 5].map((version) => ({ product, kind, version }))),
);

describe('SevSnpVerifier on simulated reports', () => {
  it.each(genuine)('proves what the verifier proves: $product, $kind, version $version', async (changes) => {
    const evidence = snpEvidence(changes);
    const verdict = await verifySnp(evidence, { policy });
    if (verdict.verdict !== 'accepted') throw new Error(verdict.code);
    const proof = await snpProof(evidence);
    const chipId = evidence.report.slice(0x1a0, 0x1e0);
    const tcbs = rawTcbs(evidence.report);
    expect(await world.ask(proof, { time: seconds })).toEqual({ facts: expectedReport(verdict.proven, tcbs, chipId) });
    const answer = await world.ask(proof, { time: seconds, name: 'verify' });
    expect(answer).toEqual({ facts: expectedEvidence(verdict.proven, tcbs, chipId) });
  });

  it('takes the number of a chip in a report by a VLEK too', async () => {
    const evidence = snpEvidence({ kind: 'VLEK', patches: { 416: profiles.Genoa.chipId } });
    const answer = await world.ask(await snpProof(evidence), { time: seconds, name: 'verify' });
    expect(answer).toHaveProperty('facts.platformId', expect.stringMatching(/^0x(?!0{64})/));
  });

  const flip = (offset: number, mask: number): SnpChanges => ({ signedPatches: { [offset]: [mask] } });
  const levels = profiles.Genoa.endorsement.levels;
  const milan = profiles.Milan.endorsement;

  /** List S of the attacks, and the rest of what the verifier refuses: each with the code that both must give. */
  const cases: readonly (readonly [says: string, changes: SnpChanges, code: string])[] = [
    ['S2 version 1', { version: 1 }, 'report_version_unknown'],
    ['S2 version 4', { version: 4 }, 'report_version_unknown'],
    ['S2 version 99', { version: 99 }, 'report_version_unknown'],
    ['S2 version 5 in a wider number', { patches: { 0: [5, 0, 0, 1] } }, 'report_version_unknown'],
    ['S3 DEBUG', { patches: { 8: le(0x0b_0000, 8) } }, 'guest_debug'],
    ['S4 MIGRATE_MA, which policies rule on', { patches: { 8: le(0x07_0000, 8) } }, 'accepted'],
    ['S5 bit 17 clear', { patches: { 8: le(0x01_0000, 8) } }, 'report_reserved'],
    ['S5 bit 26 set', { patches: { 8: le(0x0403_0000, 8) } }, 'report_reserved'],
    ['S5 bit 63 set', { patches: { 15: [0x80] } }, 'report_reserved'],
    ['S5 reserved 0x4c', { patches: { 79: [1] } }, 'report_reserved'],
    ['S5 KEY_INFO bit 5', { patches: { 72: [0x20] } }, 'report_reserved'],
    ['S5 KEY_INFO highest bit', { patches: { 75: [0x80] } }, 'report_reserved'],
    ['S5 reserved before CHIP_ID', { patches: { 415: [1] } }, 'report_reserved'],
    ['S5 reserved behind the CPU', { patches: { 395: [1] } }, 'report_reserved'],
    ['S5 a CPU in version 2', { version: 2, patches: { 392: [0x19] } }, 'report_reserved'],
    ['S5 reserved 0x1eb', { patches: { 491: [1] } }, 'report_reserved'],
    ['S5 reserved 0x1ef', { patches: { 495: [1] } }, 'report_reserved'],
    ['S5 mitigations in version 3', { version: 3, patches: { 504: [1] } }, 'report_reserved'],
    ['S5 mitigations in version 3, last byte', { version: 3, patches: { 519: [1] } }, 'report_reserved'],
    ['S5 first byte behind them', { patches: { 520: [1] } }, 'report_reserved'],
    ['S5 last byte that is signed', { patches: { 671: [1] } }, 'report_reserved'],
    ['S5 first byte behind the signature', flip(0x330, 1), 'report_reserved'],
    ['S5 last byte of all', flip(0x49f, 1), 'report_reserved'],
    ['S6 VMPL 3', { patches: { 48: le(3, 4) } }, 'accepted'],
    ['S6 VMPL 4', { patches: { 48: le(4, 4) } }, 'vmpl_refused'],
    ['S6 a report for the host', { patches: { 48: le(0xffff_ffff, 4) } }, 'vmpl_refused'],
    ['S6 VMPL 256', { patches: { 48: le(256, 4) } }, 'vmpl_refused'],
    ['S7 another algorithm', { patches: { 52: le(2, 4) } }, 'report_signature_algorithm'],
    ['S5 SIGNING_KEY 2', { patches: { 72: [2 << 2] } }, 'report_signer_unknown'],
    ['S5 no signing key', { patches: { 72: [7 << 2] } }, 'report_unsigned'],
    ['S5 a VCEK that is masked', { patches: { 72: [2] } }, 'report_unsigned'],
    ['S5 an author key', { patches: { 72: [1] } }, 'accepted'],
    ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((index) => {
      const tcb = Uint8Array.from(profiles.Genoa.tcb);
      tcb[index] = (tcb[index] as number) + 1;
      const every = { 56: tcb, 480: tcb, 496: tcb };
      return [
        [
          `S8 reported byte ${index} above the certificate`,
          { patches: { ...every, 384: tcb } },
          'tcb_mismatch',
        ] as const,
        [`S9 committed byte ${index} above current`, { patches: { 480: tcb } }, 'tcb_order'] as const,
        [`S9 current byte ${index} above the others`, { patches: { 56: tcb } }, 'accepted'] as const,
      ];
    }),
    ...(Object.keys(levels) as (keyof typeof levels)[]).map((spl) => {
      const { [spl]: _left, ...rest } = levels;
      return [`S8 no level ${spl}`, { endorsement: { levels: rest } }, 'tcb_mismatch'] as const;
    }),
    ['S8 a level of 256', levelOf(Uint8Array.of(1, 0)), 'certificate_extension'],
    ['S8 a level of 255 in two bytes of DER', levelOf(Uint8Array.of(255)), 'tcb_mismatch'],
    ['S8 Turin without fmc', turinWithout('fmc'), 'tcb_mismatch'],
    ['S8 Turin needs no fourth level', turinWithout('spl4'), 'accepted'],
    ['S9 reported above current', { patches: { 56: [9], 480: [9] } }, 'tcb_order'],
    ['S9 committed firmware above current', { patches: { 492: [56] } }, 'tcb_order'],
    ['S9 committed major above current', { patches: { 494: [2] } }, 'tcb_order'],
    ['S9 provisional firmware', { patches: { 488: [56] } }, 'accepted'],
    ['S10 another chip', { patches: { 479: [0] } }, 'chip_mismatch'],
    ['S10 a masked chip', { patches: { 416: new Uint8Array(64) } }, 'chip_masked'],
    ['S10 a hardware id of 8 bytes', { endorsement: { hardwareId: new Uint8Array(8).fill(1) } }, 'chip_mismatch'],
    ['S10 a hardware id of 66 bytes', { endorsement: { hardwareId: new Uint8Array(66).fill(1) } }, 'chip_mismatch'],
    ['S10 Turin with 64 bytes', turinId(profiles.Turin.chipId), 'chip_mismatch'],
    ['S10 Turin with a tail', { product: 'Turin', patches: { 424: [1] } }, 'chip_mismatch'],
    ['S10 Turin with a last byte', { product: 'Turin', patches: { 479: [1] } }, 'chip_mismatch'],
    ['S11 a VLEK report with a VCEK', { patches: { 72: le(4, 4) } }, 'endorsement_mismatch'],
    ['S11 a VCEK report with a VLEK', { kind: 'VLEK', patches: { 72: le(0, 4) } }, 'endorsement_mismatch'],
    ['S11 a VCEK that names a cloud', { endorsement: { cspId: ia5('CN=x') } }, 'endorsement_mismatch'],
    ['S11 a VCEK without chip', { endorsement: { hardwareId: null } }, 'endorsement_mismatch'],
    ['S11 a VLEK without cloud', { kind: 'VLEK', endorsement: { cspId: null } }, 'endorsement_mismatch'],
    ['S11 a VLEK that names a chip', { kind: 'VLEK', endorsement: { hardwareId: le(1, 8) } }, 'endorsement_mismatch'],
    ['S12 Milan under Genoa', { endorsement: { productName: milan.productName } }, 'product_mismatch'],
    ['S12 a Milan CPU under Genoa', { patches: { 392: profiles.Milan.cpu } }, 'product_mismatch'],
    ['S12 Siena under Genoa', { patches: { 392: [0x19, 0xa0, 2] } }, 'accepted'],
    ['S12 model 0x20', { patches: { 392: [0x19, 0x20, 0] } }, 'product_unknown'],
    ['S12 model 0xb0', { patches: { 392: [0x19, 0xb0, 0] } }, 'product_unknown'],
    ['S12 a later Turin', { product: 'Turin', patches: { 392: [0x1a, 0x12, 0] } }, 'product_unknown'],
    ['S12 family 0x17', { patches: { 392: [0x17, 0x31, 0] } }, 'product_unknown'],
    ['S12 no product name', { endorsement: { productName: null } }, 'product_unknown'],
    ['S12 another product name', { endorsement: { productName: ia5('Venice') } }, 'product_unknown'],
    ['S12 a stepping', { endorsement: { productName: ia5('Genoa-B1') } }, 'accepted'],
    ['S12 a small stepping', { endorsement: { productName: ia5('Genoa-b1') } }, 'product_unknown'],
    ['S12 a longer stepping', { endorsement: { productName: ia5('Genoa-B10') } }, 'product_unknown'],
    ['S12 a product name with a line break', { endorsement: { productName: ia5('Genoa\n') } }, 'certificate_extension'],
    ['S12 a structure version of 2', { endorsement: { structVersion: unsigned(2) } }, 'certificate_extension'],
    [
      'S14 a Turin report in the layout before it',
      { product: 'Turin', patches: tcbs([1, 0, 0, 0, 0, 0, 2, 71]) },
      'tcb_mismatch',
    ],
    ['S16 a salt of 32', { chain: { leaf: { salt: 32 } } }, 'certificate_signature'],
    [
      'S16 a salt of 32, and it says so',
      { chain: { leaf: { salt: 32, algorithm: pss(32) } } },
      'algorithm_not_allowed',
    ],
    ['S16 a salt of 32 in the intermediate', { chain: { intermediate: { salt: 32 } } }, 'certificate_signature'],
    ['S16 a root of somebody else', { chain: { root: { serial: unsigned(77) } } }, 'root_not_trusted'],
    ['S21 r with padding', flip(672 + 48, 1), 'report_signature_format'],
    ['S21 s with padding', flip(744 + 71, 1), 'report_signature_format'],
    ['S21 r = 0', { signedPatches: { 672: new Uint8Array(48) } }, 'report_signature'],
    ['S21 s = n and above', { signedPatches: { 744: new Uint8Array(48).fill(0xff) } }, 'report_signature'],
    ['a signed byte', { signedPatches: { 80: [0x23] } }, 'report_signature'],
    ['X the intermediate no CA', { chain: { intermediate: { extensions: [CA_USAGE] } } }, 'issuer_not_ca'],
    ['X5 cA is false', intermediateWith(basicConstraints('leaf'), CA_USAGE), 'issuer_not_ca'],
    ['X4 not critical', intermediateWith(basicConstraints('ca', 0, 'plain'), CA_USAGE), 'issuer_not_ca'],
    ['X7 no keyCertSign', intermediateWith(basicConstraints('ca', 0)), 'ca_key_usage'],
    [
      'X9 an unknown critical extension above',
      intermediateWith(basicConstraints('ca'), CA_USAGE, extension('1.2.3', NULL, 'critical')),
      'critical_extension_unknown',
    ],
    [
      'X9 an unknown critical extension',
      { endorsement: { more: [extension('1.2.3', NULL, 'critical')] } },
      'critical_extension_unknown',
    ],
    [
      'X10 an extension twice',
      { endorsement: { more: [extension('1.3.6.1.4.1.3704.1.4', NULL, 'plain')] } },
      'certificate_extension_duplicate',
    ],
    ['X8 a leaf that is a CA', { endorsement: { more: [basicConstraints('ca')] } }, 'leaf_is_ca'],
    ['X8 a leaf that signs certificates', { endorsement: { more: [CA_USAGE] } }, 'leaf_key_usage'],
    ['X8 a leaf that signs', { endorsement: { more: [LEAF_USAGE] } }, 'accepted'],
    ['X the trailer field spelt out in the leaf', { chain: { leaf: { algorithm: pss(48, 'spelt out') } } }, 'accepted'],
    ['X15 a P-256 key', { chain: { leaf: { spki: testKey('P-256').spki } } }, 'key_not_allowed'],
    ['X15 a point off the curve', { chain: { leaf: { spki: offCurve() } } }, 'certificate_key'],
    ['X16 another key under the name', { chain: { leaf: { spki: stranger.spki } } }, 'report_signature'],
    ['X19 serial 0 in the intermediate', { chain: { intermediate: { serial: unsigned(0) } } }, 'certificate_serial'],
    ['X the leaf of another name, number 0', { chain: { leaf: { subject: name('SEV-XCEK') } } }, 'certificate_serial'],
    [
      'X the leaf of another name',
      { chain: { leaf: { subject: name('SEV-XCEK'), serial: unsigned(1) } } },
      'chain_incomplete',
    ],
    ['X the intermediate of another name', { chain: { intermediate: { subject: name('ASK') } } }, 'chain_incomplete'],
    ['X the issuer is another', { chain: { leaf: { issuer: name('SEV-Milan') } } }, 'issuer_mismatch'],
    [
      'X the signature shorter',
      { chain: { leaf: { signature: (made) => made.subarray(1) } } },
      'certificate_signature_format',
    ],
    [
      'X another signature',
      { chain: { leaf: { signature: (made) => Uint8Array.from(made, (b, i) => (i === 300 ? b ^ 1 : b)) } } },
      'certificate_signature',
    ],
    ['X1 the leaf has ended', times('leaf', -10, -1), 'certificate_expired'],
    ['X2 the leaf has not begun', times('leaf', 1, 10), 'certificate_not_yet_valid'],
    ['X1 the intermediate has ended', times('intermediate', -10, -1), 'certificate_expired'],
    ['X2 the intermediate has not begun', times('intermediate', 1, 10), 'certificate_not_yet_valid'],
  ];

  it.each(cases)('%s', async (_says, changes, code) => {
    expect(await rulings(snpEvidence(changes))).toEqual([code, code]);
  });

  it('S1 a report of another length', async () => {
    const evidence = snpEvidence();
    for (const report of [evidence.report.subarray(0, 1183), concatBytes(evidence.report, Uint8Array.of(0))]) {
      expect(await rulings({ ...evidence, report })).toEqual(['report_length', 'report_length']);
    }
  });

  it('S15 names both halves of report_data and judges neither', async () => {
    const evidence = snpEvidence({ patches: { 80: new Uint8Array(64).fill(0x77) } });
    const answer = await world.ask(await snpProof(evidence), { time: seconds });
    expect(answer).toMatchObject({ facts: { identity: `0x${'77'.repeat(32)}`, challenge: `0x${'77'.repeat(32)}` } });
  });

  it('S21 accepts (r, n - s) as the same document', async () => {
    const { report, certificates } = snpEvidence();
    const n = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n;
    const s = BigInt(`0x${Buffer.from(report.slice(744, 792)).reverse().toString('hex')}`);
    const other = Uint8Array.from(report);
    other.set(Buffer.from((n - s).toString(16).padStart(96, '0'), 'hex').reverse(), 744);
    const [one, two] = [report, other].map((bytes) => snpProof({ report: bytes, certificates, revocationLists: [] }));
    expect(await world.ask(await (two as Promise<SnpProof>), { time: seconds })).toEqual(
      await world.ask(await (one as Promise<SnpProof>), { time: seconds }),
    );
  });

  it('an instant at each end of validity', async () => {
    const evidence = snpEvidence({ chain: { leaf: { validity: validity(NOW - DAY, NOW + DAY) } } });
    for (const [now, code] of [
      [NOW - DAY - 1000, 'certificate_not_yet_valid'],
      [NOW - DAY, 'accepted'],
      [NOW + DAY, 'accepted'],
      [NOW + DAY + 1000, 'certificate_expired'],
    ] as const) {
      expect(await rulings(evidence, now)).toEqual([code, code]);
    }
  });

  it('evidence that is cut, longer, or of parts of other lengths', async () => {
    const { evidence, hints } = await snpProof(snpEvidence());
    const other = (bytes: Uint8Array): Promise<unknown> => world.ask({ evidence: bytes, hints }, { time: seconds });
    for (const end of [0, 1, 37, 38, 1000, evidence.length - 1]) {
      expect(await other(evidence.subarray(0, end))).toEqual({ code: 'evidence_invalid' });
    }
    expect(await other(concatBytes(evidence, Uint8Array.of(0)))).toEqual({ code: 'evidence_invalid' });
    for (const at of [0, 1, 2, 3, 4, 5]) {
      const changed = Uint8Array.from(evidence);
      changed[at] = (changed[at] as number) ^ 1;
      expect(await other(changed)).toEqual({ code: 'evidence_invalid' });
    }
    // The end of one part given to the next.
    const moved = Uint8Array.from(evidence);
    moved[3] = (moved[3] as number) - 1;
    moved[5] = (moved[5] as number) + 1;
    expect(await other(moved)).toEqual({ code: 'der_invalid' });
  });

  it('hints that are wrong, missing or too many only revert', async () => {
    const { evidence, hints } = await snpProof(snpEvidence());
    const others = [
      foreignHints(),
      new Uint8Array(0),
      hints.subarray(0, hints.length - 1),
      concatBytes(hints, Uint8Array.of(0)),
      Uint8Array.from(hints, (byte, at) => (at === 5000 ? byte ^ 1 : byte)),
    ];
    for (const wrong of others) {
      const answer = await world.ask({ evidence, hints: wrong }, { time: seconds });
      expect(answer).toEqual({ code: 'report_signature' });
    }
  });

  it('reverts with little gas, and never answers', async () => {
    const proof = await snpProof(snpEvidence());
    for (const gas of [400_000n, 700_000n, 1_000_000n, 1_300_000n]) {
      expect(await world.ask(proof, { time: seconds, gas })).toHaveProperty('code');
    }
  });

  /** In place of the level of the trusted execution environment. */
  function levelOf(value: Uint8Array): SnpChanges {
    const { tee: _left, ...rest } = profiles.Genoa.endorsement.levels;
    const more = [extension('1.3.6.1.4.1.3704.1.3.2', unsigned(value), 'plain')];
    return { endorsement: { levels: rest, more } };
  }

  function turinWithout(spl: string): SnpChanges {
    const rest = Object.entries(profiles.Turin.endorsement.levels).filter(([level]) => level !== spl);
    return { product: 'Turin', endorsement: { levels: Object.fromEntries(rest) } };
  }

  function turinId(hardwareId: Uint8Array): SnpChanges {
    return { product: 'Turin', endorsement: { hardwareId } };
  }

  function tcbs(tcb: readonly number[]): Exclude<SnpChanges['patches'], undefined> {
    return { 56: tcb, 384: tcb, 480: tcb, 496: tcb };
  }

  function intermediateWith(...extensions: readonly Uint8Array[]): SnpChanges {
    return { chain: { intermediate: { extensions } } };
  }

  function times(place: 'leaf' | 'intermediate', from: number, to: number): SnpChanges {
    const chain: Partial<SnpChainOptions> = { [place]: { validity: validity(NOW + from * DAY, NOW + to * DAY) } };
    return { chain };
  }

  /** The stranger's key with its last byte changed. */
  function offCurve(): Uint8Array {
    const spki = Uint8Array.from(stranger.spki);
    spki[spki.length - 1] = (spki[spki.length - 1] as number) ^ 1;
    return spki;
  }
});
