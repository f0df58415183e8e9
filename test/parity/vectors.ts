import { readFileSync } from 'node:fs';
import { parseCoseSign1 } from '../../verifier/codec/cose.ts';
import { parseNitroDocument } from '../../verifier/codec/nitro-document.ts';
import { parseSnpEndorsement } from '../../verifier/codec/snp-certificate.ts';
import { parseSnpReport } from '../../verifier/codec/snp-report.ts';
import { amdProfile, parseCertificate } from '../../verifier/codec/x509.ts';
import { VerifierError } from '../../verifier/errors.ts';
import type { SnpEvidence } from '../../verifier/index.ts';
import { assignRoles } from '../../verifier/snp/roles.ts';
import { concatBytes, equalBytes, fromBase64url } from '../../wire/bytes.ts';
import type { CorpusCase } from '../vectors/corpus/case.ts';
import type { SnpCorpusCase } from '../vectors/corpus/snp/case.ts';
import type { SnpParts } from './chain.ts';
import type { NitroEvidence } from './nitro/evidence.ts';
import { pointIn, statementOf } from './statement.ts';

/** Published evidence in the form in which it is compared. */
export interface NitroVector extends NitroEvidence {
  readonly id: string;
}

export interface SnpVector extends SnpParts {
  readonly id: string;
}

const folder = new URL('../../attestations/vectors/evidence/', import.meta.url);
const FAMILIES = {
  nitro: ['accepted', 'certificate', 'message', 'path', 'payload', 'policy'],
  snp: ['accepted', 'certificate', 'endorsement', 'policy', 'report'],
} as const;

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as T;
}

/** The policies that go with them are left aside: a contract has none, and asks what test/parity/policies.ts asks. */
export function nitroVectors(): readonly NitroVector[] {
  return FAMILIES.nitro
    .flatMap((family) => read<readonly CorpusCase[]>(`nitro/${family}.json`))
    .map(({ id, document, at }) => ({ id, ...nitroEvidenceOf(fromBase64url(document), secondsOf(at)) }));
}

/** Those that show three certificates, or more of which the verifier takes three: a contract has no place for others. */
export function snpVectors(): readonly SnpVector[] {
  const kept = read<Readonly<Record<string, string>>>('snp/certificates.json');
  return FAMILIES.snp
    .flatMap((family) => read<readonly SnpCorpusCase[]>(`snp/${family}.json`))
    .flatMap(({ id, report, certificates, at }) => {
      const shown = certificates.map((name) => fromBase64url(kept[name] as string));
      const parts = snpPartsOf(
        { report: fromBase64url(report), certificates: shown, revocationLists: [] },
        secondsOf(at),
      );
      return parts === null ? [] : [{ id, ...parts }];
    });
}

export function secondsOf(date: string): number {
  return Math.floor(Date.parse(date) / 1_000);
}

/** What somebody would have to prove; nothing where the document cannot be read, since no contract comes so far. */
export function nitroEvidenceOf(document: Uint8Array, at: number): NitroEvidence {
  try {
    const cose = parseCoseSign1(document);
    const { caBundle, certificate } = parseNitroDocument(cose.payload);
    const certificates = [...caBundle, certificate];
    const statements = [
      ...caBundle.map((issuer, index) => statementOf(certificates[index + 1] as Uint8Array, issuer)),
      { message: cose.signed, signature: cose.signature, point: pointIn(certificate) },
    ];
    return { document, at, certificates, statements };
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    return { document, at, certificates: [], statements: [] };
  }
}

export function snpPartsOf(evidence: SnpEvidence, at: number): SnpParts | null {
  const certificates = threeOf(evidence);
  if (certificates === null) return null;
  const { report } = evidence;
  const scalar = (from: number): Uint8Array => report.slice(from, from + 48).reverse();
  const signature = concatBytes(scalar(0x2a0), scalar(0x2e8));
  const statement = {
    message: report.slice(0, 0x2a0),
    signature: signature.length === 96 ? signature : null,
    point: pointIn(certificates[0]),
  };
  return { report, certificates, at, statement };
}

/** By their roles; in the order shown where they have none and are three all the same. */
function threeOf({ report, certificates }: SnpEvidence): SnpParts['certificates'] | null {
  const different = certificates.filter((one, at) => certificates.findIndex((other) => equalBytes(one, other)) === at);
  try {
    const parsed = different.map((bytes) => {
      const certificate = parseCertificate(bytes, amdProfile);
      return { certificate, endorsement: parseSnpEndorsement(certificate) };
    });
    const roles = assignRoles(parsed, parseSnpReport(report));
    if (roles.ok) {
      const { leaf, intermediate, root } = roles.chain;
      return [leaf.certificate.bytes, intermediate.bytes, root.bytes];
    }
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
  }
  const [leaf, intermediate, root, ...more] = certificates;
  const three = leaf !== undefined && intermediate !== undefined && root !== undefined && more.length === 0;
  return three ? [leaf, intermediate, root] : null;
}
