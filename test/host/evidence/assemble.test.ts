import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeCertificateTable, type TableEntry } from '../../../enclave/simulator/snp/table.ts';
import { EvidenceError, type HostEvent } from '../../../host/errors.ts';
import { type AssembleEvidence, createAssembler } from '../../../host/evidence/assemble.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeEvidence, encodeEvidence } from '../../../wire/message/evidence.ts';
import { createFakeLog, testConfiguration } from '../../support/fake-log.ts';
import { attestedBy, pemOf, vendorOf } from './snp-machine.ts';

const vendor = vendorOf('Genoa');
const machine = vendor.machine();
const other = vendor.machine();
const [leaf, intermediate, root] = machine.certificates;
const list = vendor.list(Date.now());
const info = createFakeLog(testConfiguration()).ready;

const base = mkdtempSync(join(tmpdir(), 'pm-certificates-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let folders = 0;
let events: HostEvent[];
let clock: number;

beforeEach(() => {
  events = [];
  clock = 0;
});

function folder(files: Readonly<Record<string, Uint8Array | string>>): string {
  const directory = join(base, String(folders++));
  mkdirSync(directory);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

function assembler(certificates: string | null): AssembleEvidence {
  return createAssembler({ certificates, onEvent: (event) => events.push(event), now: () => clock });
}

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return 'accepted';
  } catch (error) {
    if (error instanceof EvidenceError) return error.code;
    throw error;
  }
}

const entries: readonly TableEntry[] = [
  { kind: 'ark', content: root },
  { kind: 'revocationList', content: list },
  { kind: 'vcek', content: leaf },
  { kind: 'ask', content: intermediate },
];
const table = encodeCertificateTable(entries);
const complete = { certificates: [leaf, intermediate, root], revocationLists: [list] };

const possession = new Uint8Array(64);

describe('evidence of AWS Nitro', () => {
  it('is the document: its certificates are inside', async () => {
    const attested = { tee: 'aws-nitro', document: Uint8Array.of(1), certificateTable: null, possession } as const;
    expect(await assembler(null)(attested, info)).toEqual({
      version: 1,
      tee: 'aws-nitro',
      document: Uint8Array.of(1),
      certificates: [],
      revocationLists: [],
      ...info,
    });
  });
});

describe('evidence of SEV-SNP', () => {
  it('takes certificates and list from the machine’s own table', async () => {
    const attested = attestedBy(machine, table);
    const evidence = await assembler(null)(attested, info);
    expect(evidence).toEqual({ version: 1, tee: 'amd-sev-snp', document: attested.document, ...complete, ...info });
    expect(decodeEvidence(encodeEvidence(evidence))).toEqual(evidence);
  });

  it('takes them from a folder, in whatever files they are', async () => {
    const forms = [
      { 'vcek.der': leaf, 'ask.der': intermediate, 'ark.der': root, crl: list },
      { 'vcek.pem': pemOf('CERTIFICATE', leaf), cert_chain: pemOf('CERTIFICATE', intermediate, root), 'crl.der': list },
      { all: pemOf('CERTIFICATE', root, leaf, intermediate) + pemOf('X509 CRL', list), '.hidden': 'no certificate' },
      { 'other.der': other.certificates[0], a: leaf, b: intermediate, c: root, d: list },
    ];
    for (const files of forms) {
      expect(await assembler(folder(files))(attestedBy(machine), info)).toMatchObject(complete);
    }
  });

  it('adds from the folder what the table leaves out', async () => {
    const partial = encodeCertificateTable(entries.filter(({ kind }) => kind === 'vcek'));
    const chain = folder({ chain: pemOf('CERTIFICATE', intermediate, root), crl: list });
    expect(await assembler(chain)(attestedBy(machine, partial), info)).toMatchObject(complete);
  });

  it('does without a list where nobody has one', async () => {
    const withoutList = encodeCertificateTable(entries.filter(({ kind }) => kind !== 'revocationList'));
    const evidence = await assembler(null)(attestedBy(machine, withoutList), info);
    expect(evidence).toMatchObject({ certificates: complete.certificates, revocationLists: [] });
  });

  it('says once what is missing and where to fetch it, and takes it as soon as it is there', async () => {
    const directory = folder({ 'chain.pem': pemOf('CERTIFICATE', intermediate, root), 'crl.der': list });
    const assemble = assembler(directory);
    for (let i = 0; i < 3; i++) {
      expect(await codeOf(() => assemble(attestedBy(machine), info))).toBe('certificates_missing');
    }
    expect(events).toEqual([
      {
        event: 'certificates_missing',
        what: 'endorsement',
        from: expect.stringMatching(/^https:\/\/kdsintf\.amd\.com\/vcek\/v1\/Genoa\/[0-9a-f]{128}\?blSPL=10&/),
      },
    ]);
    writeFileSync(join(directory, 'vcek.der'), leaf);
    expect(await codeOf(() => assemble(attestedBy(machine), info))).toBe('certificates_missing');
    clock += 5_000;
    expect(await assemble(attestedBy(machine), info)).toMatchObject(complete);
  });

  it('reads the folder again after a while: lists are renewed', async () => {
    const directory = folder({ all: pemOf('CERTIFICATE', root, leaf, intermediate), crl: list });
    const assemble = assembler(directory);
    await assemble(attestedBy(machine), info);
    const newer = vendor.list(Date.now() + 60_000);
    writeFileSync(join(directory, 'crl'), newer);
    clock += 599_999;
    expect((await assemble(attestedBy(machine), info)).revocationLists).toEqual([list]);
    clock += 1;
    expect((await assemble(attestedBy(machine), info)).revocationLists).toEqual([newer]);
  });

  it('keeps what it read when the folder breaks later, and says so', async () => {
    const directory = folder({ all: pemOf('CERTIFICATE', root, leaf, intermediate), crl: list });
    const assemble = assembler(directory);
    writeFileSync(join(directory, 'note.txt'), 'fetched on Monday');
    clock += 600_000;
    expect(await assemble(attestedBy(machine), info)).toMatchObject(complete);
    expect(events).toEqual([{ event: 'evidence_failed', code: 'certificates_unreadable' }]);
  });

  it('is not made of a broken table, unless a folder stands in for it', async () => {
    const broken = table.slice(0, 40);
    expect(await codeOf(() => assembler(null)(attestedBy(machine, broken), info))).toBe('certificate_table_invalid');
    const directory = folder({ all: pemOf('CERTIFICATE', root, leaf, intermediate), crl: list });
    expect(await assembler(directory)(attestedBy(machine, broken), info)).toMatchObject(complete);
  });

  it.each([
    ['no report', new Uint8Array(100)],
    ['a report of an unknown version', Uint8Array.from(attestedBy(machine).document).fill(9, 0, 1)],
  ])('is not made of %s', async (_, document) => {
    const attested = { tee: 'amd-sev-snp', document, certificateTable: table, possession } as const;
    expect(await codeOf(() => assembler(null)(attested, info))).toBe('document_invalid');
  });
});

describe('a folder of certificates', () => {
  it.each<[string, () => string]>([
    ['is not there', () => join(base, 'nowhere')],
    ['is a file', () => join(folder({ file: leaf }), 'file')],
    ['holds a folder', () => join(folder({ a: leaf }), '..')],
    ['holds a note', () => folder({ note: 'no certificate' })],
    ['holds half a certificate', () => folder({ half: leaf.slice(0, 200) })],
    ['holds a private key', () => folder({ key: pemOf('PRIVATE KEY', leaf) })],
    ['holds PEM of something else', () => folder({ pem: pemOf('CERTIFICATE', new Uint8Array(20)) })],
    ['holds an empty file', () => folder({ empty: '' })],
    ['holds a huge file', () => folder({ huge: new Uint8Array(limits.snpTableBytes + 1) })],
    [
      'holds a link to nowhere',
      () => {
        const directory = folder({});
        symlinkSync('nowhere', join(directory, 'link'));
        return directory;
      },
    ],
    [
      'holds too many files',
      () => folder(Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`${index}.der`, leaf]))),
    ],
  ])('is refused at the start where it %s', async (_, make) => {
    const directory = make();
    expect(await codeOf(() => assembler(directory))).toBe('certificates_unreadable');
  });

  it('names the file that is wrong', () => {
    const directory = folder({ 'a.der': leaf, 'b.der': leaf.slice(0, 99) });
    expect(() => assembler(directory)).toThrow(join(directory, 'b.der'));
  });
});
