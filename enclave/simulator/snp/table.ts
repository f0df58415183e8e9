import { concatBytes, fromHex } from '../../../wire/bytes.ts';

/**
 * The certificate table that a host hands to a guest with an extended report (GHCB specification 56421 section
 * 4.1.8.1): entries of GUID, offset and length, little-endian, ended by an entry of zeros; then the contents.
 */
const ENTRY_BYTES = 24;

const GUID = {
  ark: 'c0b406a4a803495297433fb6014cd0ae',
  /** Of the ASVK too. */
  ask: '4ab7b379bbac4fe4a02f05aef327c782',
  vcek: '63da758de6644564adc5f4b93be8accd',
  vlek: 'a8074bc2a25a483eaae639c045a0b8a1',
  revocationList: '92f81bc358114d3d97ffd19f88dc67ea',
} as const;

export interface TableEntry {
  readonly kind: keyof typeof GUID;
  readonly content: Uint8Array;
}

export function encodeCertificateTable(entries: readonly TableEntry[]): Uint8Array {
  const header = new DataView(new ArrayBuffer((entries.length + 1) * ENTRY_BYTES));
  let offset = header.byteLength;
  entries.forEach(({ kind, content }, index) => {
    const at = index * ENTRY_BYTES;
    new Uint8Array(header.buffer).set(fromHex(GUID[kind]), at);
    header.setUint32(at + 16, offset, true);
    header.setUint32(at + 20, content.length, true);
    offset += content.length;
  });
  return concatBytes(new Uint8Array(header.buffer), ...entries.map(({ content }) => content));
}
