import { constants, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { systemChance } from '../../enclave/simulator/signing.ts';
import { createSnpRoot, makeSnpAuthority } from '../../enclave/simulator/snp/authority.ts';
import { parseSnpReport } from '../../verifier/codec/snp-report.ts';
import { amdProfile, parseCertificate } from '../../verifier/codec/x509.ts';
import { parseSnpPolicy, type SnpEvidence, type SnpPolicy } from '../../verifier/index.ts';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { SNP_CHALLENGE, SNP_MEASUREMENT, snpPolicyJson } from '../support/snp-evidence.ts';
import { snpKeys } from '../vectors/corpus/snp/keys.ts';
import { BenchError } from './report.ts';

export const SNP_NOW: number = Date.UTC(2030, 4, 17);

export interface SnpReports {
  readonly policy: SnpPolicy;
  /** Each of a chip of its own, under the same intermediate. */
  readonly reports: readonly SnpEvidence[];
}

/** RSA keys take seconds to make, so the published ones sign; how long they take to verify is the same. */
export function makeSnpReports(count: number): SnpReports {
  const root = createSnpRoot({ product: 'Genoa', now: SNP_NOW, keys: snpKeys, chance: systemChance });
  const reports = Array.from({ length: count }, (): SnpEvidence => {
    const chip = makeSnpAuthority({ root, signer: 'vcek', now: SNP_NOW, chance: systemChance });
    const reportData = concatBytes(systemChance.bytes(32), SNP_CHALLENGE);
    const report = chip.report({ reportData, measurement: SNP_MEASUREMENT });
    return { report, certificates: chip.certificates, revocationLists: [] };
  });
  const roots = [toHex(sha256(root.ark.certificate))];
  return { policy: parseSnpPolicy(snpPolicyJson({ roots })), reports };
}

/** The three signatures on keys that were imported before: the intermediate's, the leaf's and the report's. */
export function bareSnpSignatures({ report, certificates }: SnpEvidence): readonly (() => boolean)[] {
  const [leaf, intermediate, root] = certificates as readonly [Uint8Array, Uint8Array, Uint8Array];
  const { signed, signature } = parseSnpReport(report);
  const key = { key: new X509Certificate(leaf).publicKey, dsaEncoding: 'ieee-p1363' } as const;
  return [
    bareRsa(intermediate, new X509Certificate(root).publicKey),
    bareRsa(leaf, new X509Certificate(intermediate).publicKey),
    () => verify('sha384', signed, key, signature),
  ];
}

function bareRsa(certificate: Uint8Array, issuer: KeyObject): () => boolean {
  const { tbs, signature } = parseCertificate(certificate, amdProfile);
  if (signature.kind !== 'RSASSA-PSS') throw new BenchError('bench_invalid', 'the simulator signs with RSASSA-PSS');
  // Out of the certificate the key would carry parameters of its own.
  const key = createPublicKey({ key: issuer.export({ format: 'jwk' }), format: 'jwk' });
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
  return () => verify('sha384', tbs, options, signature.value);
}
