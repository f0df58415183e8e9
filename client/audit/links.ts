import { isVendorRoot } from '../../verifier/anchors.ts';
import type { ParsedCertificate } from '../../verifier/codec/x509.ts';
import type { Check } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { type AuditReport, fact, type LinkState, type TrustLink } from './report.ts';
import { haveAllPassed } from './standing.ts';

/** A link is proven by its own checks and by the link above it; a failed check breaks it, whatever is above. */
export function linkOf(
  checks: readonly Check[],
  above: TrustLink | undefined,
  link: Omit<TrustLink, 'state'>,
): TrustLink {
  const broken = checks.some(({ id, outcome }) => outcome === 'failed' && link.checks.includes(id));
  const proven = haveAllPassed(checks, link.checks) && (above === undefined || above.state === 'proven');
  return { ...link, state: broken ? 'broken' : proven ? 'proven' : 'unproven' };
}

const ROOT = 'C16';
const SIGNATURES = 'C18';
/** Rules that look at every certificate in turn, and name the first that breaks them. */
const CHAIN = ['C4', 'C6', 'C7', 'C8', 'C9', 'C10', 'C11', 'C12', 'C13', SIGNATURES] as const;

export interface ShownCertificate {
  readonly certificate: ParsedCertificate;
  readonly sha256: Uint8Array;
}

/** Root first, leaf last. */
export async function shownCertificates(
  certificates: readonly ParsedCertificate[],
  suite: Pick<Suite, 'sha256'>,
): Promise<readonly ShownCertificate[]> {
  const shown: ShownCertificate[] = [];
  for (const certificate of certificates) {
    shown.push({ certificate, sha256: await suite.sha256(certificate.bytes) });
  }
  return shown;
}

/** Whose root it is, once the chain leads to it and the signature of the evidence (`signature`: that check's id) holds. */
export function provenLevel(
  root: ShownCertificate | undefined,
  checks: readonly Check[],
  signature: string,
): AuditReport['level'] {
  if (root === undefined || !haveAllPassed(checks, [ROOT, signature])) return null;
  return isVendorRoot(root.sha256) ? 'attested' : 'simulated';
}

/** Root first, leaf last. */
export function certificateLinks(
  certificates: readonly ShownCertificate[],
  checks: readonly Check[],
): readonly TrustLink[] {
  const last = certificates.length - 1;
  return certificates.map(({ certificate, sha256 }, index) => {
    const { subject, notBefore, notAfter } = certificate;
    return {
      kind: index === 0 ? 'root' : index === last ? 'leaf' : 'ca',
      title: subject.commonName ?? '(no common name)',
      by: index === 0 ? rootWords(sha256) : 'signed with the key above',
      state: certificateState(index, last, checks),
      checks: index === 0 ? [ROOT] : CHAIN,
      facts: [
        fact('notBefore', 'valid from', seconds(notBefore)),
        fact('notAfter', 'valid until', seconds(notAfter)),
        fact('sha256', 'SHA-256', toHex(sha256)),
      ],
    };
  });
}

function rootWords(digest: Uint8Array): string {
  return isVendorRoot(digest)
    ? 'pinned: the vendor’s own, byte for byte'
    : 'somebody’s own: trusted only where the policy names it';
}

function certificateState(index: number, last: number, checks: readonly Check[]): LinkState {
  const failed = checks.find(({ id, outcome }) => outcome === 'failed' && (id === ROOT || isChainRule(id)));
  if (failed === undefined)
    return haveAllPassed(checks, index === 0 ? [ROOT] : [ROOT, ...CHAIN]) ? 'proven' : 'unproven';
  const at = failed.id === ROOT ? 0 : (failed.place?.certificate ?? last);
  if (index === at) return 'broken';
  if (failed.id === ROOT) return 'unproven';
  // The root is trusted for its bytes; signatures are checked from the root down, so those above the break hold.
  return index === 0 || (failed.id === SIGNATURES && index < at) ? 'proven' : 'unproven';
}

function seconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function isChainRule(id: string): boolean {
  return (CHAIN as readonly string[]).includes(id);
}
