import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRevocationList } from '../../../verifier/codec/crl.ts';
import { type MalformedCode, parsePem, parseSnpCertificateTable, VerifierError } from '../../../verifier/index.ts';
import { concatBytes, fromHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { extension, NOW } from '../../support/certificates.ts';
import { bits, der, NULL, octets, oid, sequence, set, text, unsigned } from '../../support/der-writer.ts';
import { ia5, revocationEntry, revocationList } from '../../support/snp-certificates.ts';
import { le, type SnpChanges, snpCertificates, snpEvidence, snpReport, verifySnp } from '../../support/snp-evidence.ts';

type Case = readonly [says: string, code: MalformedCode, checkId: string, evidence: SnpChanges];

const at = (offset: number, ...bytes: readonly number[]): SnpChanges => ({ patches: { [offset]: bytes } });
const leaf = (change: NonNullable<SnpChanges['chain']>): SnpChanges => ({ chain: change });
const more = (...extensions: readonly Uint8Array[]): SnpChanges => ({ endorsement: { more: extensions } });
const amd = (arc: string, value: Uint8Array): SnpChanges =>
  more(extension(`1.3.6.1.4.1.3704.1.${arc}`, value, 'plain'));
const lists = (...revocationLists: readonly Uint8Array[]): SnpChanges => ({ revocationLists });

const reserved: readonly Case[] = [
  ...[0x4c, 0x4f, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x208, 0x29f].map(
    (offset): Case => [`S4 a byte at 0x${offset.toString(16)}`, 'report_reserved', 'S4', at(offset, 1)],
  ),
  ...[0x188, 0x18a, 0x1f8, 0x207].map(
    (offset): Case => [
      `a byte of a later version at 0x${offset.toString(16)} of version 2`,
      'report_reserved',
      'S4',
      { version: 2, ...at(offset, 1) },
    ],
  ),
  ['a mitigation vector in version 3', 'report_reserved', 'S4', { version: 3, ...at(0x1f8, 1) }],
  ['a byte behind the signature', 'report_reserved', 'S4', { signedPatches: { [0x330]: [1] } }],
  ['the last byte', 'report_reserved', 'S4', { signedPatches: { [0x49f]: [1] } }],
  ['a reserved bit of KEY_INFO', 'report_reserved', 'S4', at(0x48, 0x20)],
  ['the highest bit of KEY_INFO', 'report_reserved', 'S4', at(0x4b, 0x80)],
  ['S5 bit 17 of the policy clear', 'report_reserved', 'S15.form', { patches: { 8: le(0x1_0000, 8) } }],
  ['S5 bit 26 of the policy', 'report_reserved', 'S15.form', at(0x0b, 0x04)],
  ['the highest bit of the policy', 'report_reserved', 'S15.form', at(0x0f, 0x80)],
];

const cases: readonly Case[] = [
  ...[0, 1, 4, 6, 99].map(
    (version): Case => [`S2 version ${version}`, 'report_version_unknown', 'S2', { patches: { 0: le(version, 4) } }],
  ),
  ['a version of four bytes', 'report_version_unknown', 'S2', at(3, 1)],
  ['S7 another signature algorithm', 'report_signature_algorithm', 'S3', at(0x34, 2)],
  ['S7 no signature algorithm', 'report_signature_algorithm', 'S3', at(0x34, 0)],
  ...reserved,
  ...[2, 3, 4, 5, 6].map(
    (key): Case => [`a key of kind ${key}`, 'report_signer_unknown', 'S5.form', at(0x48, key << 2)],
  ),
  ['S21 r of 49 bytes', 'report_signature_format', 'S6.form', { signedPatches: { [0x2a0 + 48]: [1] } }],
  ['S21 s of 72 bytes', 'report_signature_format', 'S6.form', { signedPatches: { [0x2a0 + 143]: [1] } }],

  ['a certificate of garbage', 'der_invalid', 'C1', { certificates: [Uint8Array.of(1, 2, 3)] }],
  ['no bytes for a certificate', 'certificate_too_large', 'X1', { certificates: [new Uint8Array(0)] }],
  [
    'seventeen certificates',
    'certificates_invalid',
    'X1',
    { certificates: Array.from({ length: 17 }, () => Uint8Array.of(0x30, 0)) },
  ],
  ['a CA with the number zero', 'certificate_serial', 'C15', leaf({ intermediate: { serial: unsigned(0) } })],
  ['a negative number', 'certificate_serial', 'C15', leaf({ leaf: { serial: der(2, Uint8Array.of(0xff)) } })],
  [
    'a signature of 511 bytes',
    'certificate_signature_format',
    'C18',
    leaf({ leaf: { signature: (made) => made.subarray(1) } }),
  ],
  ['an RSA key with something behind it', 'der_invalid', 'C1', leaf({ intermediate: { spki: longRsaKey() } })],
  ['a level of two bytes', 'certificate_extension', 'C1', { endorsement: { levels: { fmc: 0 }, more: [spl256()] } }],
  ['a level that is text', 'der_invalid', 'C1', amd('3.9', ia5('1'))],
  ['a level with something behind it', 'der_invalid', 'C1', amd('3.9', concatBytes(unsigned(1), NULL))],
  ['a level twice', 'certificate_extension_duplicate', 'C14', amd('3.1', unsigned(10))],
  ['extensions of an unknown version', 'certificate_extension', 'C1', { endorsement: { structVersion: unsigned(2) } }],
  ['a product in another string', 'der_invalid', 'C1', { endorsement: { productName: text('Genoa') } }],
  ['an empty product', 'certificate_extension', 'C1', { endorsement: { productName: ia5('') } }],
  ['a cloud with a line break', 'certificate_extension', 'C1', { kind: 'VLEK', endorsement: { cspId: ia5('a\nb') } }],
  [
    'a cloud of 129 characters',
    'certificate_extension',
    'C1',
    { kind: 'VLEK', endorsement: { cspId: ia5('a'.repeat(129)) } },
  ],

  [
    'two revocation lists',
    'revocation_list_invalid',
    'C19.form',
    lists(revocationList('Genoa'), revocationList('Genoa')),
  ],
  ['a list of garbage', 'revocation_list_invalid', 'C19.form', lists(Uint8Array.of(1))],
  ['a list of more than any size', 'revocation_list_invalid', 'C19.form', lists(new Uint8Array(65_537))],
  ['a list of version 1', 'revocation_list_invalid', 'C19.form', lists(revocationList('Genoa', { version: [] }))],
  [
    'a list of version 3',
    'revocation_list_invalid',
    'C19.form',
    lists(revocationList('Genoa', { version: [unsigned(2)] })),
  ],
  [
    'a list of version 257',
    'revocation_list_invalid',
    'C19.form',
    lists(revocationList('Genoa', { version: [unsigned(Uint8Array.of(1, 0))] })),
  ],
  [
    'an empty list that is written',
    'revocation_list_invalid',
    'C19.form',
    lists(revocationList('Genoa', { revoked: 'empty and written' })),
  ],
  [
    'X20 a list without an end',
    'revocation_list_invalid',
    'C19.form',
    lists(revocationList('Genoa', { nextUpdate: null })),
  ],
  [
    'X20 a delta list',
    'revocation_list_invalid',
    'C19.form',
    lists(revocationList('Genoa', { extensions: [extension('2.5.29.27', unsigned(1), 'critical')] })),
  ],
  [
    'an entry with a critical extension',
    'revocation_list_invalid',
    'C19.form',
    lists(
      revocationList('Genoa', {
        revoked: [revocationEntry(unsigned(1), [extension('2.5.29.29', sequence(), 'critical')])],
      }),
    ),
  ],
  [
    'more entries than a list can have',
    'revocation_list_invalid',
    'C19.form',
    lists(revocationList('Genoa', { revoked: Array.from({ length: 1_025 }, () => revocationEntry(unsigned(1))) })),
  ],
  [
    'more extensions than a list can have',
    'revocation_list_invalid',
    'C19.form',
    lists(
      revocationList('Genoa', {
        extensions: Array.from({ length: 33 }, () => extension('2.5.29.20', unsigned(1), 'plain')),
      }),
    ),
  ],
];

function longRsaKey(): Uint8Array {
  const numbers = sequence(unsigned(new Uint8Array(512).fill(0xff)), unsigned(Uint8Array.of(1, 0, 1)), NULL);
  return sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(numbers));
}

function spl256(): Uint8Array {
  return extension('1.3.6.1.4.1.3704.1.3.1', unsigned(Uint8Array.of(1, 0)), 'plain');
}

describe('evidence that is not what it claims to be', () => {
  it.each(cases)('%s: %s at %s', async (_, code, checkId, changes) => {
    const verdict = await verifySnp(snpEvidence(changes));
    expect(verdict).toMatchObject({ verdict: 'malformed', code });
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed).toEqual([checkId]);
  });

  it.each([0, 1, 1183, 1185])('S1 %s bytes', async (length) => {
    const report = concatBytes(snpReport(), new Uint8Array(16)).subarray(0, length);
    const verdict = await verifySnp({ ...snpEvidence(), report });
    expect(verdict).toMatchObject({ verdict: 'malformed', code: 'report_length' });
  });

  it('says which certificate and where', async () => {
    const certificates = [...snpCertificates().slice(0, 2), Uint8Array.of(0x30, 0x80)];
    const verdict = await verifySnp({ ...snpEvidence(), certificates });
    expect(verdict.checks.find(({ outcome }) => outcome === 'failed')).toMatchObject({
      detail: 'indefinite length in certificate 2 at byte 0',
      place: { certificate: 2, offset: 0 },
    });
  });

  it('reads a list with entries and their reasons', () => {
    const reason = extension('2.5.29.21', der(0x0a, Uint8Array.of(1)), 'plain');
    const list = revocationList('Genoa', {
      revoked: [revocationEntry(unsigned(5), [reason]), revocationEntry(unsigned(Uint8Array.of(0x80)))],
      extensions: null,
    });
    const parsed = parseRevocationList(list);
    expect(parsed.revoked).toEqual([Uint8Array.of(5), Uint8Array.of(0, 0x80)]);
    expect([parsed.thisUpdate, parsed.nextUpdate]).toEqual([NOW - 86_400_000, NOW + 86_400_000]);
  });
});

const GUIDS = {
  ark: 'c0b406a4a803495297433fb6014cd0ae',
  ask: '4ab7b379bbac4fe4a02f05aef327c782',
  vcek: '63da758de6644564adc5f4b93be8accd',
  vlek: 'a8074bc2a25a483eaae639c045a0b8a1',
  crl: '92f81bc358114d3d97ffd19f88dc67ea',
  other: 'ecae0c0f950243b1afa20ae2e0d565b6',
} as const;

type TableEntry = readonly [guid: keyof typeof GUIDS, contents: Uint8Array];

function tableOf(entries: readonly TableEntry[]): Uint8Array {
  let at = 24 * (entries.length + 1);
  const heads = entries.map(([guid, contents]) => {
    const head = concatBytes(fromHex(GUIDS[guid]), le(at, 4), le(contents.length, 4));
    at += contents.length;
    return head;
  });
  return concatBytes(...heads, new Uint8Array(24), ...entries.map(([, contents]) => contents));
}

const [root, intermediate, endorsement] = snpCertificates() as [Uint8Array, Uint8Array, Uint8Array];
const list = revocationList('Genoa');
const table = tableOf([
  ['ark', root],
  ['ask', intermediate],
  ['vcek', endorsement],
  ['crl', list],
  ['other', Uint8Array.of(8)],
]);

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(VerifierError);
    return (error as VerifierError).code;
  }
  return 'read';
}

function patched(offset: number, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(table);
  copy.set(bytes, offset);
  return copy;
}

describe('the table of certificates beside an extended report', () => {
  it('is read into certificates and lists, and verifies', async () => {
    const { certificates, revocationLists } = parseSnpCertificateTable(table);
    expect(certificates).toEqual([root, intermediate, endorsement]);
    expect(revocationLists).toEqual([list]);
    const verdict = await verifySnp({ report: snpReport(), certificates, revocationLists });
    expect(verdict.verdict).toBe('accepted');
    expect(parseSnpCertificateTable(tableOf([['vlek', endorsement]])).certificates).toEqual([endorsement]);
    expect(parseSnpCertificateTable(new Uint8Array(4096))).toEqual({ certificates: [], revocationLists: [] });
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['less than an entry', table.subarray(0, 23)],
    ['no end of the list', table.subarray(0, 48)],
    ['an entry outside', patched(20, le(table.length, 4))],
    ['an offset of all ones', patched(16, le(0xffff_ffff, 4))],
    ['an empty entry', patched(20, le(0, 4))],
    ['an entry over the list of entries', patched(16, le(24, 4))],
    ['an entry over the end of the list', patched(16, le(24 * 6 - 1, 4))],
    [
      'a GUID twice',
      tableOf([
        ['ark', root],
        ['ark', root],
      ]),
    ],
    [
      'too many entries',
      concatBytes(
        ...Array.from({ length: 17 }, (_, index) =>
          concatBytes(new Uint8Array(15), Uint8Array.of(index + 1), le(480, 4), le(1, 4)),
        ),
        new Uint8Array(128),
      ),
    ],
    ['more than a table can have', new Uint8Array(65_537)],
  ])('is refused with %s', (_, bytes) => {
    expect(refusal(() => parseSnpCertificateTable(bytes))).toBe('certificate_table_invalid');
  });
});

function pem(label: string, contents: Uint8Array, line = 64): string {
  const digits =
    Buffer.from(contents)
      .toString('base64')
      .match(new RegExp(`.{1,${line}}`, 'g')) ?? [];
  return `-----BEGIN ${label}-----\n${digits.join('\n')}\n-----END ${label}-----\n`;
}

describe('PEM text', () => {
  const chain = pem('CERTIFICATE', root) + pem('CERTIFICATE', intermediate);

  it('is read with comments, either line end and any length of line', () => {
    const contents = { certificates: [root, intermediate], revocationLists: [] };
    expect(parsePem(utf8(chain))).toEqual(contents);
    expect(parsePem(utf8(`# AMD\n${chain}\n`))).toEqual(contents);
    expect(parsePem(utf8(chain.replaceAll('\n', '\r\n')))).toEqual(contents);
    expect(parsePem(utf8(pem('CERTIFICATE', root, 76)))).toEqual({ certificates: [root], revocationLists: [] });
    expect(parsePem(utf8(pem('X509 CRL', list)))).toEqual({ certificates: [], revocationLists: [list] });
    for (const length of [1, 2, 3, 4]) {
      expect(parsePem(utf8(pem('CERTIFICATE', root.subarray(0, length)))).certificates[0]).toHaveLength(length);
    }
  });

  const one = pem('CERTIFICATE', Uint8Array.of(1, 2, 3, 4));
  it.each([
    ['nothing', ''],
    ['no block', 'hello'],
    ['a private key', pem('PRIVATE KEY', root)],
    ['a certificate and a private key', chain + pem('EC PRIVATE KEY', root)],
    ['a block without an end', `${chain}-----BEGIN CERTIFICATE-----\nAAAA\n`],
    ['an end without a block', `${chain}-----END CERTIFICATE-----\n`],
    ['another name at the end', one.replace('END CERTIFICATE', 'END X509 CRL')],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['a letter outside the alphabet', one.replace('AQID', 'AQ*D')],
    ['the alphabet for URLs', one.replace('AQID', 'AQ-D')],
    ['no padding', one.replaceAll('=', '')],
    ['padding in the middle', one.replace('AQID', 'A=ID')],
    ['three signs of padding', one.replace('BA==', 'B===')],
    ['unused bits that are set', one.replace('BA==', 'BB==')],
    ['headers inside', one.replace('AQID', 'Proc-Type: 4\n\nAQID')],
    ['more than a file can have', chain + ' '.repeat(65_536)],
    ['too many blocks', one.repeat(17)],
  ])('is refused with %s', (_, source) => {
    expect(refusal(() => parsePem(utf8(source)))).toBe('pem_invalid');
  });
});

/** A few bytes of a real structure replaced, cut out or doubled. */
function mutated(base: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({ at: fc.nat(base.length - 1), remove: fc.nat(4), insert: fc.uint8Array({ maxLength: 6 }) });
  return fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
    let bytes = [...base];
    for (const { at, remove, insert } of edits) bytes = [...bytes.slice(0, at), ...insert, ...bytes.slice(at + remove)];
    return Uint8Array.from(bytes);
  });
}

describe('any bytes', () => {
  const good = snpEvidence({ revocationLists: [list] });
  /** Signature checks say yes, so that parsers and rules meet everything. */
  const gullible = { ...nodeSuite, verifyP384: (): boolean => true, verifyRsaPss384: (): boolean => true };
  const flipped = fc
    .tuple(fc.nat(good.report.length - 1), fc.integer({ min: 1, max: 255 }))
    .map(([index, mask]) => Uint8Array.from(good.report, (byte, at) => (at === index ? byte ^ mask : byte)));
  const evidence = fc.oneof(
    fc.oneof(flipped, fc.uint8Array({ minLength: 1184, maxLength: 1184 })).map((report) => ({ ...good, report })),
    mutated(endorsement).map((bytes) => ({ ...good, certificates: [root, intermediate, bytes] })),
    mutated(intermediate).map((bytes) => ({ ...good, certificates: [root, bytes, endorsement] })),
    mutated(list).map((bytes) => ({ ...good, revocationLists: [bytes] })),
  );

  it('get a verdict that lists every check', async () => {
    const ids = (await verifySnp(good)).checks.map(({ id }) => id);
    await fc.assert(
      fc.asyncProperty(evidence, async (bytes) => {
        const verdict = await verifySnp(bytes, { suite: gullible });
        expect(verdict.checks.map(({ id }) => id)).toEqual(ids);
        expect(verdict.checks.some(({ outcome }) => outcome === 'failed')).toBe(verdict.verdict !== 'accepted');
      }),
      { numRuns: 400 },
    );
  });

  it('are never accepted where the report differs and a real signature check runs', async () => {
    await fc.assert(
      fc.asyncProperty(flipped, async (report) => {
        expect((await verifySnp({ ...good, report })).verdict).not.toBe('accepted');
      }),
      { numRuns: 200 },
    );
  });

  it('are read or refused with a VerifierError by the readers of tables, PEM text and lists', () => {
    const text = utf8(pem('CERTIFICATE', endorsement));
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated(table), mutated(text), mutated(list)),
        (bytes) => {
          for (const parse of [parseSnpCertificateTable, parsePem, parseRevocationList]) refusal(() => parse(bytes));
        },
      ),
      { numRuns: 600 },
    );
  });
});

describe('certificates of other shapes', () => {
  it('are refused whatever stands where a key or name should be', async () => {
    for (const spki of [sequence(), sequence(sequence(), NULL), octets(root)]) {
      const verdict = await verifySnp(snpEvidence({ chain: { leaf: { spki } } }));
      expect(verdict).toMatchObject({ verdict: 'malformed', code: 'der_invalid' });
    }
    const verdict = await verifySnp(snpEvidence({ chain: { leaf: { subject: sequence(set()) } } }));
    expect(verdict).toMatchObject({ verdict: 'malformed', code: 'der_invalid' });
  });
});
