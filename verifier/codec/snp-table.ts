import { isZero, toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { VerifierError } from '../errors.ts';

/** What a host hands to its guest with an extended report. All of it is unproven. */
export interface SnpCertificateTable {
  readonly certificates: readonly Uint8Array[];
  readonly revocationLists: readonly Uint8Array[];
}

/** GHCB specification (AMD 56421) section 4.1.8.1: entries of GUID, offset and length; an entry of zeros ends the list. */
const ENTRY_BYTES = 24;
const GUID_BYTES = 16;

/** GUIDs in the order in which they are written. The intermediate of a VLEK is under the same GUID as that of a VCEK. */
const CERTIFICATES: ReadonlySet<string> = new Set([
  'c0b406a4a803495297433fb6014cd0ae',
  '4ab7b379bbac4fe4a02f05aef327c782',
  '63da758de6644564adc5f4b93be8accd',
  'a8074bc2a25a483eaae639c045a0b8a1',
]);
const REVOCATION_LIST = '92f81bc358114d3d97ffd19f88dc67ea';

interface Entry {
  readonly guid: string;
  readonly from: number;
  readonly to: number;
}

/** Certificates by GUID, as a host hands them to a guest (GHCB 56421 section 4.1.8.1). */
export function parseSnpCertificateTable(bytes: Uint8Array): SnpCertificateTable {
  if (bytes.length > limits.snpTableBytes) throw malformed(`more than ${limits.snpTableBytes} bytes`, 0);
  const entries = readEntries(bytes);
  const contents = (entry: Entry): Uint8Array => bytes.slice(entry.from, entry.to);
  return {
    // Entries under other GUIDs are a host's own affair; nothing is read from them.
    certificates: entries.filter(({ guid }) => CERTIFICATES.has(guid)).map(contents),
    revocationLists: entries.filter(({ guid }) => guid === REVOCATION_LIST).map(contents),
  };
}

function readEntries(bytes: Uint8Array): readonly Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (let at = 0; ; at += ENTRY_BYTES) {
    if (at + ENTRY_BYTES > bytes.length) throw malformed('no end of the list of entries', at);
    if (isZero(bytes.subarray(at, at + ENTRY_BYTES))) {
      checkOutside(entries, at + ENTRY_BYTES);
      return entries;
    }
    if (entries.length === limits.snpTableEntries) throw malformed('too many entries', at);
    const guid = toHex(bytes.subarray(at, at + GUID_BYTES));
    const from = view.getUint32(at + GUID_BYTES, true);
    const to = from + view.getUint32(at + GUID_BYTES + 4, true);
    if (to === from || to > bytes.length) throw malformed('an entry that is empty or outside of the table', at);
    if (seen.has(guid)) throw malformed('two entries of one GUID', at);
    seen.add(guid);
    entries.push({ guid, from, to });
  }
}

function checkOutside(entries: readonly Entry[], headerBytes: number): void {
  const inside = entries.findIndex(({ from }) => from < headerBytes);
  if (inside !== -1) throw malformed('an entry that lies within the list of entries', inside * ENTRY_BYTES);
}

function malformed(detail: string, offset: number): VerifierError {
  return new VerifierError('certificate_table_invalid', detail, { checkId: 'X1', offset });
}
