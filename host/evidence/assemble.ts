import { type ParsedSnpReport, parseSnpReport } from '../../verifier/codec/snp-report.ts';
import { parseSnpCertificateTable } from '../../verifier/codec/snp-table.ts';
import { VerifierError } from '../../verifier/errors.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import type { Attested, ReadyInfo } from '../../wire/message/link.ts';
import { type EventSink, EvidenceError } from '../errors.ts';
import { type CertificatePool, chooseCertificates } from './choose.ts';
import { readCertificateDirectory } from './directory.ts';
import { sourceAddress } from './source-address.ts';

/** DESIGN section 3: document, certificates, revocation lists, identity words and configuration, all at once. */
export type AssembleEvidence = (attested: Attested, info: ReadyInfo) => Promise<Evidence>;

export interface AssemblerOptions {
  /** A folder of certificates that were fetched beforehand; null where every machine brings its own table. */
  readonly certificates: string | null;
  readonly onEvent: EventSink;
  /** Milliseconds, from any beginning. */
  readonly now: () => number;
}

/** Lists are renewed while a host runs; a certificate that is looked for is looked for again sooner. */
const REREAD_MS = 600_000;
const REREAD_WHEN_MISSING_MS = 5_000;

/** Throws `EvidenceError` for a folder that cannot be read. */
export function createAssembler(options: AssemblerOptions): AssembleEvidence {
  const folder = options.certificates === null ? undefined : openFolder(options.certificates, options);
  let lastWanted: string | undefined;

  async function forSnp(attested: Attested, info: ReadyInfo): Promise<Evidence> {
    const report = readReport(attested.document);
    let choice = await chooseCertificates(report, merged(tableOf(attested, folder !== undefined), folder?.pool()));
    if (choice.kind === 'missing' && folder?.readAgain() === true) {
      choice = await chooseCertificates(report, merged(tableOf(attested, true), folder.pool()));
    }
    if (choice.kind === 'missing') {
      const wanted = sourceAddress(report, choice.what);
      // One line for the operator, not one for each client that asks.
      if (wanted !== lastWanted) options.onEvent({ event: 'certificates_missing', what: choice.what, from: wanted });
      lastWanted = wanted;
      throw new EvidenceError('certificates_missing', `${choice.what}: ${wanted}`);
    }
    lastWanted = undefined;
    const { certificates, revocationLists } = choice;
    return { version: 1, tee: attested.tee, document: attested.document, certificates, revocationLists, ...info };
  }

  return async (attested, info) => {
    if (attested.tee === 'amd-sev-snp') return forSnp(attested, info);
    // A Nitro document carries its certificates.
    return {
      version: 1,
      tee: attested.tee,
      document: attested.document,
      certificates: [],
      revocationLists: [],
      ...info,
    };
  };
}

interface Folder {
  pool(): CertificatePool;
  /** True where it was read anew. */
  readAgain(): boolean;
}

function openFolder(directory: string, { onEvent, now }: AssemblerOptions): Folder {
  let pool = readCertificateDirectory(directory);
  let readAt = now();

  function readAfter(milliseconds: number): boolean {
    if (now() - readAt < milliseconds) return false;
    readAt = now();
    try {
      pool = readCertificateDirectory(directory);
      return true;
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      // What was read before is still good for the machine it was read for.
      onEvent({ event: 'evidence_failed', code: error.code });
      return false;
    }
  }

  return {
    pool: () => {
      readAfter(REREAD_MS);
      return pool;
    },
    readAgain: () => readAfter(REREAD_WHEN_MISSING_MS),
  };
}

const NOTHING: CertificatePool = { certificates: [], revocationLists: [] };

function merged(table: CertificatePool, folder: CertificatePool = NOTHING): CertificatePool {
  return {
    certificates: [...table.certificates, ...folder.certificates],
    revocationLists: [...table.revocationLists, ...folder.revocationLists],
  };
}

/** The owner of the machine fills it in; where there is a folder, a broken one is as good as none. */
function tableOf({ certificateTable }: Attested, hasFolder: boolean): CertificatePool {
  if (certificateTable === null) return NOTHING;
  try {
    return parseSnpCertificateTable(certificateTable);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    if (hasFolder) return NOTHING;
    throw new EvidenceError('certificate_table_invalid', error.message);
  }
}

function readReport(document: Uint8Array): ParsedSnpReport {
  try {
    return parseSnpReport(document);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    throw new EvidenceError('document_invalid', error.code);
  }
}
