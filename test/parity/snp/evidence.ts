import {
  type Product,
  profiles,
  type SignerKind,
  type Tcb,
  tcbValues,
} from '../../../enclave/simulator/snp/product.ts';
import { encodeReport, type Patch, type ReportFields, signReport } from '../../../enclave/simulator/snp/report.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { NOW, SECOND } from '../../vectors/corpus/base.ts';
import type { CertificateEdit } from '../../vectors/corpus/certificate.ts';
import { type PublishedKey, publishedKey } from '../../vectors/corpus/keys.ts';
import { CHIP, editRsa, GUEST, machine, rootOf, TURIN_CHIP } from '../../vectors/corpus/snp/base.ts';
import { type PublishedRsaKey, snpKeys } from '../../vectors/corpus/snp/keys.ts';
import type { Random } from '../random.ts';
import { pointIn, type Statement } from '../statement.ts';

/** A report of one of the corpus's machines with one thing changed, and when it is judged. */
export interface SnpEdit {
  readonly product?: Product;
  readonly signer?: SignerKind;
  readonly version?: number;
  readonly fields?: Partial<ReportFields>;
  /** Written over the report before it is signed. */
  readonly patches?: readonly Patch[];
  readonly key?: PublishedKey;
  readonly leaf?: CertificateEdit;
  readonly intermediate?: CertificateEdit;
  readonly root?: CertificateEdit;
  /** Who signs the leaf or the intermediate instead of its issuer. */
  readonly leafSigner?: PublishedRsaKey;
  readonly intermediateSigner?: PublishedRsaKey;
  readonly at?: number;
  /** Of the finished bytes, after everything was signed. */
  readonly report?: (made: Uint8Array) => Uint8Array;
  readonly certificates?: (made: SnpChain) => SnpChain;
}

export type SnpChain = readonly [leaf: Uint8Array, intermediate: Uint8Array, root: Uint8Array];

export interface SnpShown {
  readonly product: Product;
  readonly signer: SignerKind;
  readonly report: Uint8Array;
  readonly certificates: SnpChain;
  /** In seconds. */
  readonly at: number;
  /** Of the report; the certificates are RSA's, which needs no hints. */
  readonly statement: Statement;
}

const SIGNED_BYTES = 0x2a0;
const SCALAR_FIELD = 72;

export const AT: number = NOW / SECOND;

export function chipOf(product: Product): Uint8Array {
  return product === 'Turin' ? TURIN_CHIP : CHIP;
}

export function snpEvidence(edit: SnpEdit): SnpShown {
  const { product = 'Genoa', signer = 'vcek' } = edit;
  const plain = machine({ product, signer }).certificates;
  const issuer = signer === 'vcek' ? snpKeys.ask : snpKeys.asvk;
  const certificates: SnpChain = [
    edited(plain[0], edit.leafSigner ?? issuer, edit.leaf, edit.leafSigner),
    edited(plain[1], edit.intermediateSigner ?? snpKeys.ark, edit.intermediate, edit.intermediateSigner),
    edited(plain[2], snpKeys.ark, edit.root, undefined),
  ];
  const shown = edit.certificates?.(certificates) ?? certificates;
  const made = signReport(reportBytes(edit), edit.key ?? keyOf(product, signer));
  const report = edit.report?.(made) ?? made;
  return { product, signer, report, certificates: shown, at: edit.at ?? AT, statement: statementOf(report, shown[0]) };
}

/** The key that the corpus's machine signs reports with. */
export function keyOf(product: Product, signer: SignerKind): PublishedKey {
  return publishedKey(`SEV-SNP ${product} ${signer} 0`);
}

function edited(
  certificate: Uint8Array,
  key: PublishedRsaKey,
  edit: CertificateEdit | undefined,
  signer: PublishedRsaKey | undefined,
): Uint8Array {
  return edit === undefined && signer === undefined ? certificate : editRsa(certificate, key, edit ?? {});
}

function reportBytes({ product = 'Genoa', signer = 'vcek', version = 5, fields = {}, patches = [] }: SnpEdit) {
  const profile = profiles[product];
  const chipId = signer === 'vlek' ? new Uint8Array(64) : concatBytes(chipOf(product), new Uint8Array(64)).slice(0, 64);
  const defaults: ReportFields = {
    version,
    guestSvn: 5,
    guestPolicy: 0x3001fn,
    familyId: new Uint8Array(16),
    imageId: new Uint8Array(16),
    vmpl: 0,
    signatureAlgorithm: 1,
    currentTcb: profile.tcb,
    platformInfo: profile.platformInfo,
    authorKeyEnabled: false,
    chipKeyMasked: false,
    signingKey: signer === 'vcek' ? 0 : 1,
    reportData: GUEST.reportData,
    measurement: GUEST.measurement,
    hostData: new Uint8Array(32),
    idKeyDigest: new Uint8Array(48),
    authorKeyDigest: new Uint8Array(48),
    reportId: new Uint8Array(32).fill(7),
    migrationAgentReportId: new Uint8Array(32).fill(0xff),
    reportedTcb: profile.tcb,
    cpu: profile.cpu,
    chipId,
    committedTcb: profile.tcb,
    currentFirmware: profile.firmware,
    committedFirmware: profile.firmware,
    launchTcb: profile.tcb,
    mitigations: { launch: profile.mitigations, current: profile.mitigations },
  };
  return encodeReport(product, { ...defaults, ...fields }, patches);
}

function statementOf(report: Uint8Array, leaf: Uint8Array): Statement {
  const scalar = (index: number): Uint8Array => {
    const from = SIGNED_BYTES + index * SCALAR_FIELD;
    return report.slice(from, from + 48).reverse();
  };
  const signature = concatBytes(scalar(0), scalar(1));
  return {
    message: report.slice(0, SIGNED_BYTES),
    signature: signature.length === 96 ? signature : null,
    point: pointIn(leaf),
  };
}

/** Machines that are right, so that changes do not all start from the same one. */
export function startOf(random: Random): SnpEdit {
  const product = random.pick(['Milan', 'Genoa', 'Turin'] as const);
  return {
    product,
    signer: random.pick(['vcek', 'vlek']),
    version: random.pick([2, 3, 5]),
    fields: {
      reportData: random.bytes(64),
      measurement: random.bytes(48),
      reportId: random.bytes(32),
      guestSvn: random.below(1_000),
    },
  };
}

/** What an edit does not speak of stays as it was drawn. */
export function onStart(start: SnpEdit, edit: SnpEdit): SnpEdit {
  return { ...start, ...edit, fields: { ...start.fields, ...edit.fields } };
}

export { type Product, profiles, rootOf, type SignerKind, type Tcb, tcbValues };
