import { deepStrictEqual } from 'node:assert/strict';
import { parsePem } from '../../../verifier/codec/pem.ts';
import { parseSnpCertificateTable } from '../../../verifier/codec/snp-table.ts';
import { concatBytes, fromHex, u32, utf8 } from '../../../wire/bytes.ts';
import { type Check, forCheck, oneOfMany, unlessMalformed } from '../refused.ts';

interface Contents {
  readonly certificates: readonly Uint8Array[];
  readonly revocationLists: readonly Uint8Array[];
}

const blocksOf = ({ certificates, revocationLists }: Contents): readonly Uint8Array[] => [
  ...certificates,
  ...revocationLists,
];

/** What a table gives is a piece of it and a copy, and no entry is empty. */
const table: Check = (data) => {
  const found = unlessMalformed(() => parseSnpCertificateTable(data));
  for (const block of found === undefined ? [] : blocksOf(found)) {
    if (block.length === 0 || block.buffer === data.buffer) throw new Error('an entry that is empty or no copy');
    if (Buffer.from(data).indexOf(block) < 0) throw new Error('an entry that is not in the table');
  }
};

/** What PEM text gives can be written as PEM text and reads as the same. */
const pem: Check = (data) => {
  const found = unlessMalformed(() => parsePem(data));
  if (found === undefined) return;
  const text = [
    ...found.certificates.map((block) => pemBlock('CERTIFICATE', block)),
    ...found.revocationLists.map((block) => pemBlock('X509 CRL', block)),
  ].join('');
  deepStrictEqual(parsePem(utf8(text)), found);
};

function pemBlock(label: string, contents: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(contents).toString('base64')}\n-----END ${label}-----\n`;
}

export const fuzz: Check = oneOfMany([table, pem]);

const VCEK = '63da758de6644564adc5f4b93be8accd';
const CRL = '92f81bc358114d3d97ffd19f88dc67ea';

function tableOf(entries: readonly (readonly [guid: string, contents: Uint8Array])[]): Uint8Array {
  let at = 24 * (entries.length + 1);
  const heads = entries.map(([guid, contents]) => {
    const head = concatBytes(fromHex(guid), u32(at).reverse(), u32(contents.length).reverse());
    at += contents.length;
    return head;
  });
  return concatBytes(...heads, new Uint8Array(24), ...entries.map(([, contents]) => contents));
}

const block = Uint8Array.of(0x30, 0x01, 0x02);

export const seeds: readonly Uint8Array[] = [
  forCheck(0, tableOf([])),
  forCheck(
    0,
    tableOf([
      [VCEK, block],
      [CRL, block],
      ['00112233445566778899aabbccddeeff', block],
    ]),
  ),
  forCheck(1, utf8(pemBlock('CERTIFICATE', block))),
  forCheck(1, utf8(`Comment\r\n${pemBlock('CERTIFICATE', block)}${pemBlock('X509 CRL', Uint8Array.of(0x30))}`)),
  forCheck(1, utf8(pemBlock('PRIVATE KEY', block))),
];
