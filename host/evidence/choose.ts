import { parseRevocationList } from '../../verifier/codec/crl.ts';
import { parseSnpEndorsement, type SnpEndorsement } from '../../verifier/codec/snp-certificate.ts';
import { productOfCpu } from '../../verifier/codec/snp-product.ts';
import type { ParsedSnpReport } from '../../verifier/codec/snp-report.ts';
import { tcbLayout } from '../../verifier/codec/snp-tcb.ts';
import { amdProfile, type ParsedCertificate, parseCertificate } from '../../verifier/codec/x509.ts';
import { verifyP384 } from '../../verifier/crypto/ecdsa.ts';
import { isSignedBy } from '../../verifier/crypto/path.ts';
import { VerifierError } from '../../verifier/errors.ts';
import { paddedChipId } from '../../verifier/snp/endorsement.ts';
import { equalBytes, isZero } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';

/** Certificates and lists from anywhere, in any order, for any number of machines. */
export interface CertificatePool {
  readonly certificates: readonly Uint8Array[];
  readonly revocationLists: readonly Uint8Array[];
}

/** Just what one report needs: leaf, ASK or ASVK, ARK, and the newest list of that root. */
export type Choice =
  | {
      readonly kind: 'chain';
      readonly certificates: readonly Uint8Array[];
      readonly revocationLists: readonly Uint8Array[];
    }
  | { readonly kind: 'missing'; readonly what: 'endorsement' | 'intermediate' | 'root' };

/**
 * A convenience for clients and no judgement: they verify what they get. But evidence with another machine's
 * certificates verifies nowhere, so each link is taken only where its signature holds.
 */
export async function chooseCertificates(report: ParsedSnpReport, pool: CertificatePool): Promise<Choice> {
  const certificates = pool.certificates.flatMap(readable);
  const leaf = await find(certificates, async ({ certificate, endorsement }) => {
    if (!endorses(endorsement, report) || certificate.key.kind !== 'P-384') return false;
    return verifyP384(nodeSuite, certificate.key.point, report.signed, report.signature);
  });
  if (leaf === undefined) return { kind: 'missing', what: 'endorsement' };
  const issuerOf = (issued: ParsedCertificate) =>
    find(
      certificates,
      async ({ certificate }) =>
        equalBytes(certificate.subject.raw, issued.issuer.raw) &&
        (await isSignedBy(nodeSuite, certificate.key, issued)),
    );
  const intermediate = await issuerOf(leaf.certificate);
  if (intermediate === undefined) return { kind: 'missing', what: 'intermediate' };
  const root = await issuerOf(intermediate.certificate);
  if (root === undefined) return { kind: 'missing', what: 'root' };
  return {
    kind: 'chain',
    certificates: [leaf, intermediate, root].map(({ certificate }) => certificate.bytes),
    revocationLists: await newestList(pool.revocationLists, root.certificate),
  };
}

interface Readable {
  readonly certificate: ParsedCertificate;
  readonly endorsement: SnpEndorsement;
}

/** What cannot be read cannot be what is looked for. */
function readable(source: Uint8Array): readonly Readable[] {
  return unlessMalformed(() => {
    const certificate = parseCertificate(source, amdProfile);
    return { certificate, endorsement: parseSnpEndorsement(certificate) };
  });
}

function unlessMalformed<T>(read: () => T): readonly T[] {
  try {
    return [read()];
  } catch (error) {
    if (error instanceof VerifierError) return [];
    throw error;
  }
}

/** AMD issues a VCEK for one chip at one TCB: after a firmware update the old one is of no use. */
function endorses({ kind, product, levels, hardwareId }: SnpEndorsement, report: ParsedSnpReport): boolean {
  if (kind === null || kind !== report.signingKey || product === null) return false;
  if (report.cpu !== null && productOfCpu(report.cpu) !== product) return false;
  if (!tcbLayout(product).every((name, index) => levels.get(name) === report.reportedTcb[index])) return false;
  if (kind === 'VLEK' || isZero(report.chipId)) return true;
  return hardwareId !== null && equalBytes(paddedChipId(hardwareId), report.chipId);
}

async function newestList(sources: readonly Uint8Array[], root: ParsedCertificate): Promise<readonly Uint8Array[]> {
  const lists = sources
    .flatMap((bytes) => unlessMalformed(() => ({ bytes, list: parseRevocationList(bytes) })))
    .sort((one, other) => other.list.thisUpdate - one.list.thisUpdate);
  const newest = await find(
    lists,
    async ({ list }) => equalBytes(list.issuer.raw, root.subject.raw) && (await isSignedBy(nodeSuite, root.key, list)),
  );
  return newest === undefined ? [] : [newest.bytes];
}

async function find<T>(items: readonly T[], fits: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await fits(item)) return item;
  return undefined;
}
