import { afterAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../wire/codec/json.ts';
import { encodeArchive } from '../../wire/message/archive.ts';
import { answerPolicy } from '../support/accept-answer.ts';
import { type AnswerChanges, answer } from '../support/answer.ts';
import { command, type Outcome, temporaryFolder } from '../support/command.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const policyFile = (changes: Readonly<Record<string, JsonValue>> = {}): string =>
  folder.file('policy.json', JSON.stringify(answerPolicy(changes)));
const archiveFile = (changes: AnswerChanges = {}): string =>
  folder.file('answer.proofmark', encodeArchive(answer(changes).archive));

function audit(file: string, ...rest: readonly string[]): Promise<Outcome> {
  return command('audit', file, '--policy', policyFile(), ...rest);
}

interface Json {
  readonly verdict: string;
  readonly code: string | null;
  readonly checks: readonly { readonly id: string; readonly outcome: string }[];
}

const other = new Uint8Array(32).fill(9);

describe('proofmark audit, for a saved answer', () => {
  it('ends with 0 for an accepted one, and says what was checked', async () => {
    const { code, out, err } = await audit(archiveFile());
    expect(code).toBe(0);
    expect(err).toBe('');
    for (const id of ['N7', 'W1', 'F1', 'R3', 'R17', 'M4']) expect(out).toMatch(new RegExp(`✓ ${id}\\s`));
    expect(out).toContain('accepted');
    expect(out).not.toContain('\u001b');
  });

  it.each<[number, string, string, AnswerChanges, readonly string[]]>([
    [10, 'malformed', 'header_invalid', { header: { jsonLength: 99n } }, []],
    [20, 'untrusted', 'response_mismatch', { receipt: { responseHash: other } }, []],
    [30, 'refused', 'unsealed_refused', { header: { flags: 0n } }, []],
    [40, 'undetermined', 'not_anchored', {}, ['--purpose', 'archive']],
    [40, 'undetermined', 'payload_missing', { archive: { request: null } }, []],
  ])('ends with %i for %s %s, as text and as JSON', async (expected, verdict, code, changes, rest) => {
    const file = archiveFile(changes);
    const text = await audit(file, ...rest);
    expect(text.code).toBe(expected);
    expect(text.out).toContain(verdict);
    expect(text.out).toContain(code);
    const json = await audit(file, ...rest, '--json');
    expect(json.code).toBe(expected);
    expect(JSON.parse(json.out)).toMatchObject({ verdict, code });
  });

  it('prints one line of JSON with every check', async () => {
    const { code, out } = await audit(archiveFile(), '--json');
    expect(code).toBe(0);
    expect(out.indexOf('\n')).toBe(out.length - 1);
    const { verdict, code: reason, checks } = JSON.parse(out) as Json;
    expect([verdict, reason]).toEqual(['accepted', null]);
    expect(checks.length).toBeGreaterThan(80);
    const open = checks.filter(({ outcome }) => outcome !== 'passed');
    expect(open.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(
      ['D1', 'D2', 'D3', 'D4', 'D5', 'L1', 'L2'].map((id) => `${id} not-asked`),
    );
  });

  it('judges at the time that it is told', async () => {
    const at = async (time: string): Promise<number> => (await audit(archiveFile(), '--at', time)).code;
    expect(await at('2030-05-17T12:10:00Z')).toBe(0);
    expect(await at('2030-05-17T12:10:00.001Z')).toBe(30);
    expect(await at('2030-06-17T12:00:00Z')).toBe(20);
  });

  it.each(['yesterday', '2030-05-17', '2030-05-17T12:00:00', '2030-05-17T12:00:00+02:00', '2030-02-30T12:00:00Z'])(
    'ends with 2 for --at %s',
    async (time) => {
      const { code, out, err } = await audit(archiveFile(), '--at', time);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).toMatch(/^proofmark: [^\n]*--at[^\n]*\n$/);
    },
  );

  it('ends with 2 for a purpose that is none, and for a time of an archive', async () => {
    expect((await audit(archiveFile(), '--purpose', 'both')).code).toBe(2);
    expect((await audit(archiveFile(), '--purpose', 'archive', '--at', '2030-05-17T12:00:00Z')).code).toBe(2);
  });

  it.each([
    ['a cut archive', (bytes: Uint8Array) => bytes.subarray(0, 1_000)],
    ['other JSON', () => new TextEncoder().encode('{"format":"proofmark archive v1"}')],
  ])('ends with 10 for %s', async (_, change) => {
    const file = folder.file('bad.proofmark', change(encodeArchive(answer().archive)));
    const { code, out } = await audit(file, '--json');
    expect(code).toBe(10);
    expect(JSON.parse(out)).toMatchObject({ verdict: 'malformed', code: 'archive_invalid' });
  });

  it('ends with 1 and one line for what cannot be read', async () => {
    for (const file of [folder.path('absent.proofmark'), folder.path('.')]) {
      const { code, out, err } = await audit(file);
      expect(code).toBe(1);
      expect(out).toBe('');
      expect(err).toMatch(/^proofmark: cannot read [^\n]+\n$/);
    }
  });

  it('ends with 1 and one line for a policy that is none', async () => {
    const file = archiveFile();
    const policies = [
      folder.path('absent.json'),
      folder.file('no.json', 'no'),
      folder.file('partial.json', JSON.stringify({ ...answerPolicy(), sealed: undefined })),
    ];
    for (const policy of policies) {
      const { code, out, err } = await command('audit', file, '--policy', policy);
      expect(code).toBe(1);
      expect(out).toBe('');
      expect(err).toMatch(/^proofmark: [^\n]+\n$/);
    }
  });

  it('lets nothing from the file reach the terminal raw', async () => {
    const hostile = '\u001b[2J\u202e\u009b';
    const file = archiveFile({ runtime: { engine: `e${hostile}` }, execution: { engine: `e${hostile}` } });
    const policy = policyFile({ runtimes: 'any' });
    const { code, out } = await command('audit', file, '--policy', policy);
    expect(code).toBe(0);
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});
