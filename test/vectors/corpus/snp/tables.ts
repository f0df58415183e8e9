import { encodeCertificateTable, type TableEntry } from '../../../../enclave/simulator/snp/table.ts';
import { concatBytes, fromHex } from '../../../../wire/bytes.ts';
import { CHALLENGE, NOW } from '../base.ts';
import { type Expectation, nameIn, type Refusal, writeExpectation } from '../case.ts';
import { GUEST, machine, revocationList } from './base.ts';
import { SNP_POLICIES } from './policies.ts';

/** A report with its certificates as a host hands them to a guest: one table by GUID (GHCB 56421 section 4.1.8.1). */
export interface TableCase {
  readonly id: string;
  readonly title: string;
  readonly list: string;
  readonly tee: 'amd-sev-snp';
  readonly report: string;
  readonly table: string;
  readonly at: string;
  readonly challenge: string;
  readonly policy: string;
  readonly expect: Expectation;
}

const ENTRY = 24;
const [leaf, intermediate, root] = machine().certificates;
const list = revocationList('Genoa');
const report = machine().report(GUEST);
const entries: readonly TableEntry[] = [
  { kind: 'vcek', content: leaf },
  { kind: 'ask', content: intermediate },
  { kind: 'ark', content: root },
  { kind: 'revocationList', content: list },
];
const good = encodeCertificateTable(entries);
const without = (...kinds: readonly TableEntry['kind'][]): Uint8Array =>
  encodeCertificateTable(entries.filter(({ kind }) => !kinds.includes(kind)));

type Edit = (view: DataView, bytes: Uint8Array) => void;

/** The right table with numbers written over. */
function edited(edit: Edit): Uint8Array {
  const bytes = Uint8Array.from(good);
  edit(new DataView(bytes.buffer), bytes);
  return bytes;
}

const offsetAt = (entry: number): number => entry * ENTRY + 16;
const lengthAt = (entry: number): number => entry * ENTRY + 20;

const malformed: Refusal = ['malformed', 'certificate_table_invalid', 'X1'];
const incomplete: Refusal = ['untrusted', 'chain_incomplete', 'C17'];

const specs: readonly (readonly [id: string, title: string, table: Uint8Array, expect: 'accepted' | Refusal])[] = [
  ['usual', 'leaf, intermediate, root and list', good, 'accepted'],
  ['unordered', 'the same in another order', encodeCertificateTable([...entries].reverse()), 'accepted'],
  [
    'unordered-contents',
    'contents in another order than their entries',
    edited((view, bytes) => {
      const [from, last] = [good.length - list.length, (entries.length + 1) * ENTRY];
      bytes.copyWithin(last + list.length, last, from);
      bytes.set(list, last);
      for (const entry of [0, 1, 2])
        view.setUint32(offsetAt(entry), view.getUint32(offsetAt(entry), true) + list.length, true);
      view.setUint32(offsetAt(3), last, true);
    }),
    'accepted',
  ],
  [
    'shared-content',
    'a second entry, under a GUID that nobody knows, for the same bytes as the first',
    withEntry((view, bytes) => {
      bytes.fill(0xee, 4 * ENTRY, 4 * ENTRY + 16);
      view.setUint32(offsetAt(4), view.getUint32(offsetAt(0), true), true);
      view.setUint32(lengthAt(4), view.getUint32(lengthAt(0), true), true);
    }),
    'accepted',
  ],
  [
    'trailing',
    'zeros after the last content, as a host pads to whole pages',
    concatBytes(good, new Uint8Array(64)),
    'accepted',
  ],
  [
    'no-list',
    'without the list that the policy wants',
    without('revocationList'),
    ['refused', 'revocation_unknown', 'S27.shown'],
  ],
  ['no-leaf', 'without an endorsement certificate', without('vcek'), incomplete],
  ['no-intermediate', 'without an intermediate', without('ask'), incomplete],
  ['no-root', 'without a root', without('ark'), incomplete],
  ['only-end', 'no entry at all', new Uint8Array(ENTRY), incomplete],
  [
    'leaf-as-list',
    'the leaf under the GUID of revocation lists',
    encodeCertificateTable([...entries.slice(1, 3), { kind: 'revocationList', content: leaf }]),
    ['malformed', 'revocation_list_invalid', 'C19.form'],
  ],
  ['empty', 'no byte', new Uint8Array(0), malformed],
  ['no-end', 'the list of entries has no end', good.slice(0, 4 * ENTRY), malformed],
  ['cut-end', 'the entry of zeros is cut off', good.slice(0, 4 * ENTRY + 23), malformed],
  ['cut', 'the last byte of the last content is missing', good.slice(0, -1), malformed],
  [
    'duplicate-guid',
    'two leaves under one GUID',
    encodeCertificateTable([...entries, { kind: 'vcek', content: leaf }]),
    malformed,
  ],
  [
    'out-of-range',
    'an entry that begins after the end',
    edited((view) => view.setUint32(offsetAt(2), good.length, true)),
    malformed,
  ],
  [
    'too-long',
    'an entry that ends a byte after the end',
    edited((view) => view.setUint32(lengthAt(3), list.length + 1, true)),
    malformed,
  ],
  [
    'wrapping',
    'offset and length that add up to less than 2^32',
    edited((view) => {
      view.setUint32(offsetAt(2), 0xffff_fff0, true);
      view.setUint32(lengthAt(2), 0x20, true);
    }),
    malformed,
  ],
  ['length-zero', 'an entry without content', edited((view) => view.setUint32(lengthAt(1), 0, true)), malformed],
  [
    'within-entries',
    'a content that lies within the list of entries',
    edited((view) => view.setUint32(offsetAt(1), ENTRY, true)),
    malformed,
  ],
  [
    'overlapping',
    'a leaf that reaches into the intermediate',
    edited((view) => view.setUint32(lengthAt(0), leaf.length + 8, true)),
    ['malformed', 'der_invalid', 'C1'],
  ],
  ['too-many', 'seventeen entries', tableOfMany(17), malformed],
  ['too-large', '65537 bytes', concatBytes(good, new Uint8Array(65_537 - good.length)), malformed],
];

/** The right table with one entry more and the room for it. */
function withEntry(edit: Edit): Uint8Array {
  const bytes = concatBytes(good.subarray(0, 4 * ENTRY), new Uint8Array(ENTRY), good.subarray(4 * ENTRY));
  const view = new DataView(bytes.buffer);
  for (const entry of [0, 1, 2, 3])
    view.setUint32(offsetAt(entry), view.getUint32(offsetAt(entry), true) + ENTRY, true);
  edit(view, bytes);
  return bytes;
}

function tableOfMany(count: number): Uint8Array {
  const header = new DataView(new ArrayBuffer((count + 1) * ENTRY));
  for (let entry = 0; entry < count; entry++) {
    new Uint8Array(header.buffer).set(fromHex('ff'.repeat(15)), entry * ENTRY);
    header.setUint8(entry * ENTRY + 15, entry);
    header.setUint32(offsetAt(entry), header.byteLength, true);
    header.setUint32(lengthAt(entry), 1, true);
  }
  return concatBytes(new Uint8Array(header.buffer), Uint8Array.of(0));
}

export const tableCases: readonly TableCase[] = specs.map(([id, title, table, expect]) => ({
  id: `snp-table-${id}`,
  title,
  list: 'S17',
  tee: 'amd-sev-snp',
  report: text(report),
  table: text(table),
  at: new Date(NOW).toISOString(),
  challenge: text(CHALLENGE),
  policy: nameIn(SNP_POLICIES, 'strict'),
  expect: writeExpectation(expect),
}));

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
