import type { ParsedCertificate } from '../codec/x509.ts';

/** What AWS writes into common names: `<module id>.<region>.aws` and `<instance id>.<region>.aws.nitro-enclaves`. */
export interface CertifiedNames {
  readonly moduleId: string;
  readonly instanceId: string;
  readonly region: string;
}

/** The simulator's authority leaves out ".aws", since it must not speak in AWS's name. */
const LEAF = /^([^.]+)\.([a-z0-9-]+)(?:\.aws)?$/;
const INSTANCE_CA = /^([^.]+)\.([a-z0-9-]+)(?:\.aws)?\.nitro-enclaves$/;

/** The names in the leaf and its issuer, or undefined where they do not follow the pattern or contradict each other. */
export function certifiedNames(certificates: readonly ParsedCertificate[]): CertifiedNames | undefined {
  const leaf = LEAF.exec(certificates.at(-1)?.subject.commonName ?? '');
  const issuer = INSTANCE_CA.exec(certificates.at(-2)?.subject.commonName ?? '');
  if (leaf === null || issuer === null) return undefined;
  const [, moduleId, region] = leaf as unknown as readonly [string, string, string];
  const [, instanceId, issuerRegion] = issuer as unknown as readonly [string, string, string];
  if (region !== issuerRegion || !moduleId.startsWith(`${instanceId}-enc`)) return undefined;
  return { moduleId, instanceId, region };
}
