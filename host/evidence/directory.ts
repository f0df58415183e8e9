import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseRevocationList } from '../../verifier/codec/crl.ts';
import { parsePem } from '../../verifier/codec/pem.ts';
import { amdProfile, parseCertificate } from '../../verifier/codec/x509.ts';
import { VerifierError } from '../../verifier/errors.ts';
import { limits } from '../../wire/limits.ts';
import { EvidenceError } from '../errors.ts';
import type { CertificatePool } from './choose.ts';

/**
 * Certificates and revocation lists that were fetched beforehand: AMD's service throttles after a few requests and has
 * outages, so nothing is fetched while a client waits. Files hold one DER certificate or list, or PEM with any number;
 * names mean nothing. A file that holds neither is an error, since somebody meant something by it.
 */
export function readCertificateDirectory(directory: string): CertificatePool {
  const certificates: Uint8Array[] = [];
  const revocationLists: Uint8Array[] = [];
  for (const file of filesOf(directory)) {
    const found = readCertificateFile(file);
    certificates.push(...found.certificates);
    revocationLists.push(...found.revocationLists);
  }
  return { certificates, revocationLists };
}

function filesOf(directory: string): readonly string[] {
  // Editors and package managers leave hidden files behind.
  const names = attempt(directory, () => readdirSync(directory)).filter((name) => !name.startsWith('.'));
  if (names.length > limits.hostCertificateFiles) {
    throw new EvidenceError('certificates_unreadable', `${directory}: more than ${limits.hostCertificateFiles} files`);
  }
  return names.sort().map((name) => join(directory, name));
}

function readCertificateFile(path: string): CertificatePool {
  const { size } = attempt(path, () => statSync(path));
  if (size > limits.snpTableBytes) throw new EvidenceError('certificates_unreadable', `${path}: ${size} bytes`);
  const bytes = Uint8Array.from(attempt(path, () => readFileSync(path)));
  try {
    if (bytes[0] !== DER_SEQUENCE) return checked(parsePem(bytes));
    return isRevocationList(bytes)
      ? { certificates: [], revocationLists: [bytes] }
      : checked({ certificates: [bytes], revocationLists: [] });
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    throw new EvidenceError('certificates_unreadable', `${path}: no certificate or list: ${error.code}`);
  }
}

/** How DER of either kind begins, and PEM never does. */
const DER_SEQUENCE = 0x30;

function isRevocationList(bytes: Uint8Array): boolean {
  try {
    parseRevocationList(bytes);
    return true;
  } catch (error) {
    if (error instanceof VerifierError) return false;
    throw error;
  }
}

function checked(pool: CertificatePool): CertificatePool {
  for (const certificate of pool.certificates) parseCertificate(certificate, amdProfile);
  for (const list of pool.revocationLists) parseRevocationList(list);
  return pool;
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EvidenceError('certificates_unreadable', `${path}: ${code}`);
  }
}
