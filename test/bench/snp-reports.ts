import { constants, createPublicKey, KeyObject, verify, webcrypto, X509Certificate } from 'node:crypto';
import { systemChance } from '../../enclave/simulator/signing.ts';
import { createSnpRoot, makeSnpAuthority } from '../../enclave/simulator/snp/authority.ts';
import { parseSnpReport } from '../../verifier/codec/snp-report.ts';
import { amdProfile, parseCertificate } from '../../verifier/codec/x509.ts';
import { parseSnpPolicy, type SnpEvidence, type SnpPolicy } from '../../verifier/index.ts';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import { importPoint, sha256 } from '../../wire/crypto/node.ts';
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

export interface BareSnpSignatures {
  /** The intermediate's, the leaf's and the report's. */
  readonly signatures: readonly (() => boolean)[];
  /** The same, but for the report's key, which is read from its point: no verifier has met this chip before. */
  readonly onNewChip: () => Promise<boolean>;
}

/** The RSA keys were imported before, here and in the verifier: AMD has nine of them, and one of a chip for each TCB. */
export function bareSnpSignatures({ report, certificates }: SnpEvidence): BareSnpSignatures {
  const [leaf, intermediate, root] = certificates as readonly [Uint8Array, Uint8Array, Uint8Array];
  const { signed, signature } = parseSnpReport(report);
  const { key } = parseCertificate(leaf, amdProfile);
  if (key.kind !== 'P-384') throw new BenchError('bench_invalid', 'the simulator makes P-384 keys');
  const chain = [
    bareRsa(intermediate, new X509Certificate(root).publicKey),
    bareRsa(leaf, new X509Certificate(intermediate).publicKey),
  ];
  const reportBy = (publicKey: KeyObject): boolean =>
    verify('sha384', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  const known = importPoint('P-384', key.point);
  return {
    signatures: [...chain, () => reportBy(known)],
    onNewChip: async () => chain.every((holds) => holds()) && reportBy(await quickestImport(key.point)),
  };
}

/** Of the four ways that Node has, with about 0.04 ms; SPKI in DER takes three times, JWK ten times as long. */
async function quickestImport(point: Uint8Array): Promise<KeyObject> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-384' };
  return KeyObject.from(await webcrypto.subtle.importKey('raw', point, algorithm, false, ['verify']));
}

function bareRsa(certificate: Uint8Array, issuer: KeyObject): () => boolean {
  const { tbs, signature } = parseCertificate(certificate, amdProfile);
  if (signature.kind !== 'RSASSA-PSS') throw new BenchError('bench_invalid', 'the simulator signs with RSASSA-PSS');
  // Out of the certificate the key would carry parameters of its own.
  const key = createPublicKey({ key: issuer.export({ format: 'jwk' }), format: 'jwk' });
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
  return () => verify('sha384', tbs, options, signature.value);
}
