import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fromHex, utf8 } from '../../wire/bytes.ts';
import { encodeEvidence } from '../../wire/message/evidence.ts';
import { answerPolicy } from '../support/accept-answer.ts';
import { answer, plain } from '../support/answer.ts';
import { command, type Outcome, temporaryFolder } from '../support/command.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
let occasions = 0;

const accepting = folder.file('accepting.json', JSON.stringify(answerPolicy()));
const refusing = folder.file('refusing.json', JSON.stringify(answerPolicy({ configurations: ['00'.repeat(32)] })));

/** A host whose worker answers every challenge. */
async function collected(
  policy: string,
  serve: (challenge: Uint8Array) => Uint8Array = (nonce) => encodeEvidence(answer({ document: { nonce } }).evidence),
): Promise<Outcome & { readonly out: string; readonly folder: string }> {
  const server = createServer((request, response) => {
    const challenge = new URL(request.url ?? '', 'http://host').searchParams.get('challenge') ?? '';
    response.end(serve(fromHex(challenge, 32)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const out = folder.path(`bundle-${occasions++}`);
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const outcome = await command('evidence', url, '--policy', policy, '--out', out, '--note', 'made in a test');
    return { ...outcome, folder: out };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function changed(from: string, file: string, change: (text: string) => string): string {
  const to = folder.path(`changed-${occasions++}`);
  cpSync(from, to, { recursive: true });
  writeFileSync(join(to, file), change(readFileSync(join(to, file), 'utf8')));
  return to;
}

describe('proofmark evidence', () => {
  it('saves what somebody else needs to judge it again', async () => {
    const saved = await collected(accepting);
    expect(saved).toMatchObject({ code: 0, err: '' });
    expect(readdirSync(saved.folder).sort()).toEqual(['audit.json', 'evidence.json', 'occasion.json', 'policy.json']);
    expect(JSON.parse(readFileSync(join(saved.folder, 'audit.json'), 'utf8'))).toMatchObject({ verdict: 'accepted' });
    expect(JSON.parse(readFileSync(join(saved.folder, 'occasion.json'), 'utf8'))).toMatchObject({
      at: '2030-05-17T12:00:00.000Z',
      verdict: 'accepted',
      code: null,
      note: 'made in a test',
    });
    const again = await command('evidence', '--check', saved.folder);
    expect(again).toMatchObject({ code: 0, out: 'accepted  as the folder says\n', err: '' });
  });

  it('saves what is refused too, and ends with its code', async () => {
    const saved = await collected(refusing);
    expect(saved.code).toBe(30);
    expect(saved.out).toContain('refused (configuration_refused)');
    expect((await command('evidence', '--check', saved.folder)).code).toBe(30);
  });

  it('saves evidence for another challenge as what it is', async () => {
    const saved = await collected(accepting, () => encodeEvidence(plain.evidence));
    expect(saved.code).toBe(30);
    expect(saved.out).toContain('challenge_mismatch');
  });

  it('saves what is no evidence, as malformed', async () => {
    const saved = await collected(accepting, () => utf8('<html>'));
    expect(saved.code).toBe(10);
    expect((await command('evidence', '--check', saved.folder)).code).toBe(10);
  });

  it('finds a folder out that says more than its evidence', async () => {
    const refused = (await collected(refusing)).folder;
    const lying = changed(refused, 'occasion.json', (text) =>
      text.replace('"refused"', '"accepted"').replace('"configuration_refused"', 'null'),
    );
    const found = await command('evidence', '--check', lying);
    expect(found.code).toBe(20);
    expect(found.err).toContain('says accepted, and its evidence is refused (configuration_refused)');
  });

  it.each([
    ['another challenge', 'occasion.json', (text: string) => text.replace(/"challenge": "../, '"challenge": "00')],
    ['another time', 'occasion.json', (text: string) => text.replace('2030-05-17', '2030-06-17')],
    ['other evidence', 'evidence.json', (text: string) => text.replace('"document":"hE', '"document":"hU')],
  ])('finds out a folder with %s', async (_, file, change) => {
    const accepted = (await collected(accepting)).folder;
    expect((await command('evidence', '--check', changed(accepted, file, change))).code).toBe(20);
  });

  it.each([
    ['no JSON', () => '{'],
    ['an unknown member', (text: string) => text.replace('{', '{"more":1,')],
    ['another format', (text: string) => text.replace('bundle v1', 'bundle v2')],
    ['a time that is none', (text: string) => text.replace('2030-05-17', '2030-02-31')],
  ])('ends in one line where the occasion is %s', async (_, change) => {
    const broken = changed((await collected(accepting)).folder, 'occasion.json', change);
    const { code, err } = await command('evidence', '--check', broken);
    expect([1, 2]).toContain(code);
    expect(err).toMatch(/^proofmark: [^\n]+\n$/);
  });

  it('never writes into a folder that is there', async () => {
    const { folder: taken } = await collected(accepting);
    const before = readFileSync(join(taken, 'evidence.json'));
    const server = createServer((_, response) => void response.end(encodeEvidence(plain.evidence)));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code } = await command('evidence', url, '--policy', accepting, '--out', taken);
    server.closeAllConnections();
    server.close();
    expect(code).toBe(1);
    expect(readFileSync(join(taken, 'evidence.json'))).toEqual(before);
  });

  it.each([
    [[]],
    [['http://127.0.0.1:1']],
    [['http://127.0.0.1:1', '--policy', accepting]],
    [['http://127.0.0.1:1', '--policy', accepting, '--out', 'x', '--note', 'n'.repeat(1_025)]],
    [['one', 'two', '--policy', accepting, '--out', 'x']],
    [['--check', 'x', '--out', 'y']],
  ])('ends with 2 for %j', async (args) => {
    expect((await command('evidence', ...args)).code).toBe(2);
    expect(existsSync('x')).toBe(false);
  });
});
