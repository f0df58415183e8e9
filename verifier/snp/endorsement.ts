import { concatBytes, equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import type { Awaitable } from '../../wire/crypto/suite.ts';
import type { ParsedRevocationList } from '../codec/crl.ts';
import { productOfCpu, type SnpProduct } from '../codec/snp-product.ts';
import type { ParsedSnpReport } from '../codec/snp-report.ts';
import { tcbLayout } from '../codec/snp-tcb.ts';
import { verifyP384 } from '../crypto/ecdsa.ts';
import { amdChain, type ChainContext, chainRules, isSignedBy } from '../crypto/path.ts';
import type { UntrustedCode } from '../errors.ts';
import type { Any } from '../policy/readers.ts';
import { type Finding, failed, notAsked, passed, type Rule } from '../rules.ts';
import type { SnpChain } from './roles.ts';

export interface EndorsementContext extends ChainContext {
  readonly report: ParsedSnpReport;
  readonly chain: SnpChain;
  readonly revocationList: ParsedRevocationList | null;
  /** What the caller expects. */
  readonly product: SnpProduct | Any;
  /** Begins at the first call; every call gives the same finding. */
  readonly reportSignature: () => Promise<EndorsementFinding>;
}

type EndorsementRule = Rule<EndorsementContext, UntrustedCode>;
type EndorsementFinding = Finding<UntrustedCode>;

/** CHIP_ID is 64 bytes; from Turin on the id has 8 and the rest is zero (verifier-checks, fact 6). */
const CHIP_ID_BYTES = 64;
const TURIN_HARDWARE_ID_BYTES = 8;

/** What makes a key AMD's word: who certified it, and that it is the key of this chip and TCB. */
export const endorsementRules: readonly EndorsementRule[] = [
  ...chainRules(amdChain).map(withTheReport),
  { id: 'S27', title: 'the intermediate is not on a revocation list of the root (C19)', run: intermediateIsNotRevoked },
  { id: 'S5', title: 'the report and its certificates name the same kind of key', run: kindsAgree },
  { id: 'S7', title: 'CPU, certificates and caller name the same product line', run: productsAgree },
  { id: 'S9', title: 'the certificate is for the reported TCB, level by level in its layout (S8)', run: levelsAgree },
  { id: 'S13', title: 'the certificate is of the chip that the report names', run: chipsAgree },
];

/** What makes the report the word of that key. On its own, since it is waited for: no other rule needs its finding. */
export const signatureRules: readonly EndorsementRule[] = [
  {
    id: 'S6',
    title: "the report's signature verifies under the endorsement key",
    run: ({ reportSignature }) => reportSignature(),
  },
];

/** The report's signature takes longer than all others together: begun with them, it runs beside and waits for its turn. */
function withTheReport(rule: Rule<ChainContext, UntrustedCode>): EndorsementRule {
  if (rule.id !== 'C18') return rule;
  const run = (context: EndorsementContext): Awaitable<EndorsementFinding> => {
    void context.reportSignature();
    return rule.run(context);
  };
  return { ...rule, run };
}

async function intermediateIsNotRevoked(context: EndorsementContext): Promise<EndorsementFinding> {
  const { revocationList, chain, suite, budget } = context;
  if (revocationList === null) return notAsked('no revocation list is shown');
  if (!budget.spend()) return failed('signature_budget', 'the revocation list');
  const byRoot =
    equalBytes(revocationList.issuer.raw, chain.root.subject.raw) &&
    (await isSignedBy(suite, chain.root.key, revocationList));
  if (!byRoot) return failed('revocation_list_signature', 'not by the root of this chain');
  const { serial } = chain.intermediate;
  if (revocationList.revoked.some((revoked) => equalBytes(revoked, serial))) {
    return failed('certificate_revoked', `serial ${toHex(serial)}`);
  }
  return passed(`${revocationList.revoked.length} revoked, as of ${new Date(revocationList.thisUpdate).toISOString()}`);
}

function kindsAgree({ report, chain }: EndorsementContext): EndorsementFinding {
  if (report.signingKey === 'none') return failed('report_unsigned', 'SIGNING_KEY is 7');
  const { kind, hardwareId, cspId } = chain.leaf.endorsement;
  // AMD 56860: with MASK_CHIP_KEY the VCEK is not used, so a report that names both contradicts itself.
  if (report.signingKey === 'VCEK' && report.chipKeyMasked) return failed('report_unsigned', 'MASK_CHIP_KEY is set');
  if (kind !== report.signingKey) return failed('endorsement_mismatch', `${report.signingKey} named, ${kind} shown`);
  const isVlek = kind === 'VLEK';
  if ((hardwareId === null) !== isVlek || (cspId !== null) !== isVlek) {
    return failed('endorsement_mismatch', 'a VCEK names a chip, a VLEK a cloud, and neither names both');
  }
  const issuer = chain.leaf.certificate.issuer.commonName ?? '';
  if (issuer.startsWith('SEV-VLEK-') !== isVlek) return failed('endorsement_mismatch', `issued by ${issuer}`);
  return passed(kind);
}

function productsAgree({ report, chain, product }: EndorsementContext): EndorsementFinding {
  const certified = chain.leaf.endorsement.product;
  if (certified === null) return failed('product_unknown', 'the certificate names no known product');
  const line = report.signingKey === 'VLEK' ? `SEV-VLEK-${certified}` : `SEV-${certified}`;
  const names = [chain.root.subject.commonName, chain.intermediate.subject.commonName];
  if (names[0] !== `ARK-${certified}` || names[1] !== line) {
    return failed('product_mismatch', `a certificate for ${certified} under ${names.join(' and ')}`);
  }
  if (product !== 'any' && product !== certified) {
    return failed('product_mismatch', `${product} expected, ${certified} certified`);
  }
  if (report.cpu === null) return passed(`${certified}, by the word of the certificate alone`);
  const reported = productOfCpu(report.cpu);
  const cpu = `family ${report.cpu.family}, model ${report.cpu.model}`;
  if (reported === undefined) return failed('product_unknown', cpu);
  return reported === certified ? passed(`${certified}, ${cpu}`) : failed('product_mismatch', `${reported}, ${cpu}`);
}

/** Bytes that are reserved take part: their levels are in the certificate too. */
function levelsAgree({ report, chain }: EndorsementContext): EndorsementFinding {
  const { levels } = chain.leaf.endorsement;
  for (const [index, name] of tcbLayout(provenProduct(chain)).entries()) {
    const certified = levels.get(name);
    const reported = report.reportedTcb[index] as number;
    if (certified === undefined) return failed('tcb_mismatch', `the certificate leaves out ${name}`);
    if (certified !== reported) return failed('tcb_mismatch', `${name}: ${reported} reported, ${certified} certified`);
  }
  return passed(toHex(report.reportedTcb));
}

function chipsAgree({ report, chain }: EndorsementContext): EndorsementFinding {
  const { hardwareId, product } = chain.leaf.endorsement;
  if (hardwareId === null) return passed('a VLEK is of a cloud, not of a chip');
  const length = product === 'Turin' ? TURIN_HARDWARE_ID_BYTES : CHIP_ID_BYTES;
  if (hardwareId.length !== length) return failed('chip_mismatch', `a hardware id of ${hardwareId.length} bytes`);
  if (isZero(report.chipId)) return passed('masked in the report, which the policy rules on');
  return equalBytes(paddedChipId(hardwareId), report.chipId)
    ? passed(toHex(hardwareId))
    : failed('chip_mismatch', `certified: ${toHex(hardwareId)}`);
}

/** The form that CHIP_ID has in a report. */
export function paddedChipId(hardwareId: Uint8Array): Uint8Array {
  return concatBytes(hardwareId, new Uint8Array(Math.max(0, CHIP_ID_BYTES - hardwareId.length)));
}

export async function reportSignatureVerifies({
  report,
  chain,
  suite,
  budget,
}: Pick<EndorsementContext, 'report' | 'chain' | 'suite' | 'budget'>): Promise<Finding<UntrustedCode>> {
  if (!budget.spend()) return failed('signature_budget', 'the report');
  const { key } = chain.leaf.certificate;
  const good = key.kind === 'P-384' && (await verifyP384(suite, key.point, report.signed, report.signature, 'beside'));
  return good ? passed('ECDSA P-384') : failed('report_signature', 'ECDSA P-384');
}

/** What rule S7 proved: it refuses a certificate without a product. */
export function provenProduct({ leaf }: SnpChain): SnpProduct {
  return leaf.endorsement.product as SnpProduct;
}
