import { parseCertificate } from '../../verifier/codec/x509.ts';
import {
  type Check,
  type ParsedNitroDocument,
  parseUnverifiedNitroDocument,
  VerifierError,
} from '../../verifier/index.ts';
import { isZero, toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { certificateLinks, linkOf, provenLevel, type ShownCertificate, shownCertificates } from './links.ts';
import { type AuditReport, type Fact, type FactGroup, fact, type Standing, type TrustLink } from './report.ts';
import { standingOf } from './standing.ts';

/** What a document says, with nothing believed yet; null where it cannot even be read. */
export function readNitroClaims(document: Uint8Array): ParsedNitroDocument | null {
  try {
    return parseUnverifiedNitroDocument(document).unverified;
  } catch (error) {
    if (error instanceof VerifierError) return null;
    throw error;
  }
}

/** When the leaf's validity begins: a time at which the certificates hold, for evidence whose time nobody knows. */
export function nitroLeafStart(claims: ParsedNitroDocument): number {
  return parseCertificate(claims.certificate).notBefore;
}

/** Milliseconds since 1970, inside the calendar; a document that claims another time is refused. */
export function timestampOf({ timestamp }: ParsedNitroDocument): number {
  return Math.min(Math.max(timestamp, 0), 8_640_000_000_000_000);
}

const SIGNATURE = 'N7';

export async function nitroCertificates(
  claims: ParsedNitroDocument | null,
  suite: Pick<Suite, 'sha256'>,
): Promise<readonly ShownCertificate[]> {
  const ders = claims === null ? [] : [...claims.caBundle, claims.certificate];
  return shownCertificates(
    ders.map((der) => parseCertificate(der)),
    suite,
  );
}

export function nitroLevel(shown: readonly ShownCertificate[], checks: readonly Check[]): AuditReport['level'] {
  return provenLevel(shown[0], checks, SIGNATURE);
}

export function nitroLinks(
  claims: ParsedNitroDocument | null,
  shown: readonly ShownCertificate[],
  checks: readonly Check[],
): readonly TrustLink[] {
  const certificates = certificateLinks(shown, checks);
  const document = linkOf(checks, certificates.at(-1), {
    kind: 'document',
    title: 'Attestation document',
    by: "signed with the leaf's key",
    checks: [SIGNATURE],
    facts: claims === null ? [] : [fact('moduleId', 'module', claims.moduleId), timeFact(claims)],
  });
  return [...certificates, claims === null ? { ...document, state: 'broken' } : document];
}

export function nitroGroups(
  claims: ParsedNitroDocument | null,
  checks: readonly Check[],
  accepted: boolean,
): readonly FactGroup[] {
  if (claims === null) return [];
  const standing: Standing = standingOf(checks, [SIGNATURE], accepted);
  return [{ key: 'document', title: 'Attestation document', standing, facts: documentFacts(claims) }];
}

function documentFacts(claims: ParsedNitroDocument): readonly Fact[] {
  const pcr = (index: number): string | null => {
    const value = claims.pcrs.get(index);
    return value === undefined ? null : toHex(value);
  };
  const measured = [0, 1, 2].map((index) => claims.pcrs.get(index));
  const others = [...claims.pcrs]
    .filter(([index, value]) => index > 2 && !isZero(value))
    .map(([index, value]) => `PCR${index} ${toHex(value)}`);
  return [
    fact('moduleId', 'module', claims.moduleId),
    timeFact(claims),
    fact(
      'debugMode',
      'debug mode',
      measured.every((value) => value !== undefined && isZero(value)),
    ),
    fact('pcr0', 'PCR0 (image)', pcr(0)),
    fact('pcr1', 'PCR1 (kernel)', pcr(1)),
    fact('pcr2', 'PCR2 (application)', pcr(2)),
    fact('otherPcrs', 'other PCRs', others),
    fact('publicKey', 'public_key', hexOrNull(claims.publicKey)),
    fact('userData', 'user_data', hexOrNull(claims.userData)),
    fact('nonce', 'nonce (challenge)', hexOrNull(claims.nonce)),
    fact('unknownFields', 'unknown fields', claims.unknownFields),
  ];
}

function timeFact({ timestamp }: ParsedNitroDocument): Fact {
  const date = new Date(timestamp);
  return fact('timestamp', 'made at', Number.isNaN(date.getTime()) ? `${timestamp} ms` : date.toISOString());
}

function hexOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : toHex(bytes);
}
