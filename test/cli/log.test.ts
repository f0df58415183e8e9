import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openJournal } from '../../host/journal/index.ts';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../wire/codec/frame.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { decodeEntries, encodeEntries } from '../../wire/message/link.ts';
import { decodeTreeHead } from '../../wire/message/receipt.ts';
import { command, temporaryFolder } from '../support/command.ts';
import { createFakeLog } from '../support/fake-log.ts';

const folder = temporaryFolder();
const state = folder.path('state');
const log = createFakeLog();
const name = toHex(log.log);
let root: string;

beforeAll(async () => {
  const journal = openJournal(join(state, 'journal'), { maxBytes: 2 ** 28 });
  await journal.openLog(log.ready);
  for (const count of [3, 40]) {
    const { entries } = log.grow(Array.from({ length: count }, () => ({})));
    await journal.append(log.log, entries).durable;
    root = toHex(decodeTreeHead(entries.head).root);
  }
  await journal.saveEvidence(log.log, Uint8Array.of(1, 2, 3));
  await journal.close();
});

afterAll(() => folder.remove());

/** As a liar would write it, with an end that fits. */
function otherSignature(exported: Uint8Array): Uint8Array {
  const frames: Frame[] = [];
  createFrameReader(limits.frameBytes, (frame) => frames.push(frame)).push(exported);
  const changed = frames.slice(0, -1).map((frame) => {
    if (frame.kind !== 4) return encodeFrame(frame);
    const entries = decodeEntries(frame.payload);
    const signature = entries.signature.map((byte, place) => (place === 7 ? byte ^ 1 : byte));
    return encodeFrame({ ...frame, payload: encodeEntries({ ...entries, signature }) });
  });
  const before = concatBytes(...changed);
  return concatBytes(before, encodeFrame({ id: 0, kind: 5, payload: sha256(before) }));
}

describe('proofmark log', () => {
  it('writes a log to a file that is verified by itself', async () => {
    const out = folder.path('whole');
    const written = await command('log', 'export', state, name, '--out', out);
    expect(written).toMatchObject({ code: 0, err: '' });
    for (const shown of [name, root, '43', '3 bytes, not judged']) expect(written.out).toContain(shown);
    expect(await command('log', 'verify', out)).toEqual(written);
    const json = await command('log', 'verify', out, '--json');
    expect(JSON.parse(json.out)).toEqual({
      ...{ verdict: 'accepted', code: null },
      ...{ log: name, size: 43, root, evidenceBytes: 3 },
    });
  });

  it('writes over nothing, and leaves no half of a file', async () => {
    const out = folder.file('there', 'mine');
    expect(await command('log', 'export', state, name, '--out', out)).toMatchObject({ code: 1 });
    expect(readFileSync(out, 'utf8')).toBe('mine');
    const missing = folder.path('missing');
    const unknown = await command('log', 'export', state, '00'.repeat(32), '--out', missing);
    expect(unknown).toMatchObject({ code: 1, out: '' });
    expect(unknown.err).toContain(name);
    expect(existsSync(missing)).toBe(false);
  });

  it('makes no journal where there is none', async () => {
    const empty = folder.path('empty');
    mkdirSync(empty);
    const refused = await command('log', 'export', empty, name, '--out', folder.path('none'));
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('holds no journal');
    expect(existsSync(join(empty, 'journal'))).toBe(false);
  });

  it.skipIf(!existsSync('/proc/locks'))('leaves a journal alone that a host has open (needs /proc/locks)', async () => {
    const journal = openJournal(join(state, 'journal'), { maxBytes: 2 ** 28 });
    const out = folder.path('running');
    const refused = await command('log', 'export', state, name, '--out', out);
    await journal.close();
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('stop its host first');
    expect(existsSync(out)).toBe(false);
  });

  it('tells a damaged file from one that does not hold together', async () => {
    const out = folder.path('to-change');
    await command('log', 'export', state, name, '--out', out);
    const bytes = readFileSync(out);
    const cut = folder.file('cut', bytes.subarray(0, -1));
    const damaged = await command('log', 'verify', cut, '--json');
    expect(damaged).toMatchObject({ code: 10 });
    expect(JSON.parse(damaged.out)).toEqual({ verdict: 'malformed', code: 'export_invalid' });
    const lie = folder.file('lie', otherSignature(Uint8Array.from(bytes)));
    expect(await command('log', 'verify', lie)).toMatchObject({ code: 20, out: '' });
  });

  it.each<readonly string[]>([
    [],
    ['import'],
    ['export', state, name],
    ['export', state, 'abc', '--out', 'x'],
    ['export', state, '--out', 'x'],
    ['verify'],
    ['verify', 'a', 'b'],
  ])('%s %s %s is refused', async (...args) => {
    expect(await command('log', ...args)).toMatchObject({ code: 2, out: '' });
  });

  it('says what it cannot read', async () => {
    expect(await command('log', 'verify', folder.path('nowhere'))).toMatchObject({ code: 1 });
  });
});
