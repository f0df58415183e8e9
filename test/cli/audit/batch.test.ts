import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { NOW, validity } from '../../support/certificates.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { evidence, policyJson, sha256Hex } from '../../support/nitro-evidence.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

interface Line {
  readonly id: string;
  readonly verdict: string;
  readonly code: string | null;
}

async function batch(
  list: unknown,
  ...rest: readonly string[]
): Promise<{ readonly lines: readonly Line[]; readonly err: string }> {
  const cases = folder.file('cases.json', JSON.stringify(list));
  const { code, out, err } = await command('audit', '--batch', cases, '--json', ...rest);
  expect(code, err).toBe(0);
  return {
    lines: out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line),
    err,
  };
}

const at = new Date(NOW).toISOString();
const document = evidence();
folder.file('document.cbor', document);
folder.file('document.hex', toHex(document));
folder.file('framed.bin', concatBytes(new Uint8Array(4), document, new Uint8Array(9)));
const policy = folder.file('policy.json', JSON.stringify(policyJson()));
const nitro = { id: 'n', tee: 'nitro', file: 'document.cbor', at };

describe('proofmark audit --batch', () => {
  it('prints one line of three members for each case, in order', async () => {
    const { lines, err } = await batch(
      [
        { ...nitro, id: 'plain', sha256: sha256Hex(document) },
        { ...nitro, id: 'hex', file: 'document.hex', encoding: 'hex' },
        { ...nitro, id: 'sliced', file: 'framed.bin', slice: [4, 4 + document.length] },
        { ...nitro, id: 'framed', file: 'framed.bin' },
        { ...nitro, id: 'late', at: '2032-01-01T00:00:00Z' },
        { ...nitro, id: 'not hex', encoding: 'hex' },
        { ...nitro, id: 'no such encoding', encoding: 'rot13' },
        { id: 'other hardware', tee: 'tdx', file: 'absent' },
        { ...nitro, id: 'the other vendor', tee: 'sev-snp' },
        { ...nitro, id: 'no certificate', leaf: 'document.cbor' },
      ],
      '--policy',
      policy,
    );
    expect(err).toBe('');
    expect(lines).toEqual([
      { id: 'plain', verdict: 'accepted', code: null },
      { id: 'hex', verdict: 'accepted', code: null },
      { id: 'sliced', verdict: 'accepted', code: null },
      { id: 'framed', verdict: 'malformed', code: 'cbor_invalid' },
      { id: 'late', verdict: 'untrusted', code: 'certificate_expired' },
      { id: 'not hex', verdict: 'malformed', code: 'input_encoding' },
      { id: 'no such encoding', verdict: 'malformed', code: 'input_encoding' },
      { id: 'other hardware', verdict: 'malformed', code: 'unsupported_tee' },
      { id: 'the other vendor', verdict: 'malformed', code: 'tee_mismatch' },
      { id: 'no certificate', verdict: 'malformed', code: 'chain_unreadable' },
    ]);
  });

  it('judges one second after the leaf begins where no time is named', async () => {
    const { at: _, ...undated } = nitro;
    // A leaf begins an hour before the document that it signs, so its age is what refuses.
    const { lines } = await batch([undated], '--policy', policy);
    expect(lines).toEqual([{ id: 'n', verdict: 'refused', code: 'document_from_future' }]);
  });

  it('survives a leaf that began before 1970', async () => {
    const old = evidence({ chain: { 4: { validity: validity(-600_000_000_000, NOW) } } });
    const { at: _, ...undated } = { ...nitro, file: 'old.cbor' };
    folder.file('old.cbor', old);
    const { lines } = await batch([undated], '--policy', policy);
    expect(lines).toEqual([{ id: 'n', verdict: 'untrusted', code: 'certificate_not_yet_valid' }]);
  });

  it('trusts vendors only without a policy', async () => {
    const { lines } = await batch([nitro]);
    expect(lines).toEqual([{ id: 'n', verdict: 'untrusted', code: 'root_not_trusted' }]);
  });

  it('gives the same lines whatever the list expects', async () => {
    const silent = await batch([nitro], '--policy', policy);
    for (const expectation of ['valid', 'debug_mode', 7, null]) {
      expect(await batch([{ ...nitro, expect: expectation }], '--policy', policy)).toEqual(silent);
    }
  });

  it('tells of files that are absent or others than listed, and goes on', async () => {
    const { lines, err } = await batch(
      [
        { ...nitro, id: 'absent', file: 'absent.cbor' },
        { ...nitro, id: 'changed', sha256: '00'.repeat(32) },
      ],
      '--policy',
      policy,
    );
    expect(lines.map(({ code }) => code)).toEqual(['input_unreadable', null]);
    expect(err).toMatch(/^absent: cannot read [^\n]+\nchanged: document.cbor is not the file that the list names\n$/);
  });

  it('finds the files under --root', async () => {
    const elsewhere = temporaryFolder();
    try {
      elsewhere.file('document.cbor', document);
      const { lines } = await batch([nitro], '--policy', policy, '--root', elsewhere.path('.'));
      expect(lines[0]?.verdict).toBe('accepted');
    } finally {
      elsewhere.remove();
    }
  });

  it.each<[string, unknown]>([
    ['no list', {}],
    ['a case that is no object', ['x']],
    ['a case without a file', [{ id: 'a', tee: 'nitro' }]],
    ['a slice that runs backwards', [{ ...nitro, slice: [9, 3] }]],
    ['VMPLs that are words', [{ ...nitro, vmpl: ['0'] }]],
  ])('ends with 1 for %s', async (_, list) => {
    const { code, out } = await command('audit', '--batch', folder.file('bad.json', JSON.stringify(list)), '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'failed' }, exit: 1 });
  });

  it('ends with 2 for a time that is none', async () => {
    const list = folder.file('bad.json', JSON.stringify([{ ...nitro, at: 'noon' }]));
    expect((await command('audit', '--batch', list, '--json')).code).toBe(2);
  });
});

/** Real evidence lies beside the repository, never in it. */
const vectors = fileURLToPath(new URL('../../../../shared/vectors/', import.meta.url));
const listed = existsSync(`${vectors}cases.json`);

const VERDICTS: Readonly<Record<string, string>> = {
  valid: 'accepted',
  debug_mode: 'refused debug_mode',
  debug_policy: 'refused guest_debug',
  cose_signature_invalid: 'untrusted document_signature',
  certificate_expired: 'untrusted certificate_expired',
  certificate_not_yet_valid: 'untrusted certificate_not_yet_valid',
  chain_invalid: 'untrusted certificate_signature',
  malformed_cbor: 'malformed cbor_invalid',
};

interface ListedCase {
  readonly id: string;
  readonly tee: string;
  readonly expect: string;
}

describe.skipIf(!listed)('proofmark audit --batch, over real evidence (needs ../shared/vectors)', () => {
  it('has the verdict and the cause that each case expects', async () => {
    const { code, out, err } = await command('audit', '--batch', `${vectors}cases.json`, '--json');
    expect([code, err]).toEqual([0, '']);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const found = lines.map(
      ({ id, verdict, code: cause }) => `${id}: ${cause === null ? verdict : `${verdict} ${cause}`}`,
    );
    const cases = JSON.parse(readFileSync(`${vectors}cases.json`, 'utf8')) as readonly ListedCase[];
    const expected = cases.map(({ id, tee, expect: cause }) => {
      const supported = tee === 'nitro' || tee === 'sev-snp';
      return `${id}: ${supported ? VERDICTS[cause] : 'malformed unsupported_tee'}`;
    });
    expect(found).toEqual(expected);
  });

  it('keeps to the VMPLs that a case names', async () => {
    const cases = JSON.parse(readFileSync(`${vectors}cases.json`, 'utf8')) as readonly ListedCase[];
    const vlek = cases.find(({ id }) => id === 'snp-milan-v3-vlek-1');
    const { lines } = await batch(
      [
        { ...vlek, vmpl: [1] },
        { ...vlek, vmpl: [0] },
        { ...vlek, vmpl: 1 },
      ],
      '--root',
      vectors,
    );
    expect(lines.map(({ verdict }) => verdict)).toEqual(['accepted', 'refused', 'accepted']);
  });
});
