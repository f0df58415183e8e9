import type { ParsedSnpReport } from '../codec/snp-report.ts';
import type { ParsedCertificate } from '../codec/x509.ts';
import type { CheckName } from '../rules.ts';
import type { ParsedSnpCertificate } from './parse.ts';

/** What each certificate is by its own word, and then by that of its issuer (rules C6 and S7). */
export interface SnpChain {
  readonly root: ParsedCertificate;
  readonly intermediate: ParsedCertificate;
  readonly leaf: ParsedSnpCertificate;
}

export type RoleReport =
  | { readonly ok: true; readonly chain: SnpChain }
  | { readonly ok: false; readonly detail: string };

export const roleCheck: CheckName = {
  id: 'C17',
  title: 'one root, one intermediate and one endorsement certificate, and nothing to choose between',
};

const ROOT = /^ARK-/;
const INTERMEDIATE = { VCEK: /^SEV-(?!VLEK-|VCEK$|VLEK$)/, VLEK: /^SEV-VLEK-/ } as const;

/**
 * C17: which certificate has which place follows from its common name alone, and there is exactly one for each place:
 * nothing is searched for. A host may keep a VCEK and a VLEK with their intermediates; the report names the one that
 * signed it. Where only the other one is there it is taken, so that rule S5 says what is wrong.
 */
export function assignRoles(certificates: readonly ParsedSnpCertificate[], report: ParsedSnpReport): RoleReport {
  const leaves = certificates.filter(({ endorsement }) => endorsement.kind !== null);
  const wanted = leaves.filter(({ endorsement }) => endorsement.kind === report.signingKey);
  const [leaf, ...otherLeaves] = wanted.length === 0 ? leaves : wanted;
  if (leaf === undefined) return missing('no endorsement certificate');
  if (otherLeaves.length > 0) return missing('two endorsement certificates of one kind');
  const kind = leaf.endorsement.kind === 'VLEK' ? 'VLEK' : 'VCEK';
  const others = certificates.filter(({ endorsement }) => endorsement.kind === null);
  const named = (pattern: RegExp): readonly ParsedCertificate[] =>
    others.map(({ certificate }) => certificate).filter(({ subject }) => pattern.test(subject.commonName ?? ''));
  const ofKind = named(INTERMEDIATE[kind]);
  const intermediates = ofKind.length === 0 ? named(/^SEV-/) : ofKind;
  const roots = named(ROOT);
  const [intermediate, root] = [intermediates[0], roots[0]];
  if (intermediate === undefined || intermediates.length > 1) return missing(`${intermediates.length} intermediates`);
  if (root === undefined || roots.length > 1) return missing(`${roots.length} roots`);
  return { ok: true, chain: { root, intermediate, leaf } };
}

function missing(detail: string): RoleReport {
  return { ok: false, detail };
}
