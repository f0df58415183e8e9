import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAuditorKey } from '../../../cli/auditor/key.ts';
import { openFindingStore } from '../../../cli/auditor/store.ts';
import { concatBytes, fromHex, toHex } from '../../../wire/bytes.ts';
import { verifyLowS } from '../../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { auditorMessage, findingVerdict } from '../../../wire/message/finding.ts';
import { auditorWords, encodeFindingRecord } from '../../../wire/message/finding-record.ts';
import { command } from '../../support/command.ts';
import { findingRecord, signer, word } from '../../support/findings.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-auditor-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('proofmark auditor key', () => {
  it('makes a key that only its owner reads, and prints what is to be published', async () => {
    const path = join(folder, 'key.json');
    const { code, out } = await command('auditor', 'key', '--out', path, '--links', '3', '--json');
    expect([code, (await stat(path)).mode & 0o777]).toEqual([0, 0o600]);
    const { auditor, links, anchor, signature } = JSON.parse(out) as Record<string, string>;
    const key = fromHex(auditor as string, 64);
    const message = auditorMessage({
      ...{ ...auditorWords(key), links: 3n, anchor: fromHex(anchor as string, 32) },
    });
    const point = concatBytes(Uint8Array.of(4), key);
    expect([links, await verifyLowS(nodeSuite, point, message, fromHex(signature as string, 64))]).toEqual([3, true]);
    const read = await readAuditorKey(path);
    expect(toHex(sha256(read.linkOf(1)))).toBe(anchor);
    expect(sha256(read.linkOf(3))).toEqual(read.linkOf(2));
    expect(() => read.linkOf(4)).toThrow('3 links');
  });

  it('writes over nothing, and reads nothing that is none', async () => {
    const path = join(folder, 'there.json');
    await writeFile(path, '{"format":"something else"}', { mode: 0o600 });
    expect(await command('auditor', 'key', '--out', path)).toMatchObject({ code: 1 });
    expect(await readFile(path, 'utf8')).toContain('something else');
    await expect(readAuditorKey(path)).rejects.toThrow('there.json');
  });

  it('is not taken from a file that others can read', async () => {
    const path = join(folder, 'open.json');
    expect(await command('auditor', 'key', '--out', path)).toMatchObject({ code: 0 });
    await chmod(path, 0o644);
    await expect(readAuditorKey(path)).rejects.toMatchObject({ code: 'key_open_to_others' });
  });
});

describe('proofmark auditor compare', () => {
  it('tells who is exposed, and exits by it', async () => {
    const [anna, berta, clara] = [signer(), signer(), signer()];
    const index = 2n;
    const records = [
      findingRecord(anna, { finding: { index } }),
      findingRecord(berta, { finding: { index } }),
      findingRecord(clara, { finding: { index, verdict: findingVerdict.other } }),
    ];
    const files = await Promise.all(
      records.map(async (record, place) => {
        const path = join(folder, `${place}.json`);
        await writeFile(path, encodeFindingRecord(record));
        return path;
      }),
    );
    expect(await command('auditor', 'compare', ...files.slice(0, 2))).toMatchObject({ code: 0 });
    const { code, out } = await command('auditor', 'compare', ...files);
    expect([code, out]).toEqual([20, expect.stringContaining(`verdict_differs  ${toHex(clara.auditor).slice(0, 16)}`)]);
  });

  it('says of what is no finding that it is none', async () => {
    const path = join(folder, 'none.json');
    await writeFile(path, '{}');
    expect(await command('auditor', 'compare', path)).toMatchObject({ code: 10 });
    expect(await command('auditor', 'compare')).toMatchObject({ code: 2 });
  });
});

describe('what an auditor is not told', () => {
  const needed = ['--key', 'k', '--host', 'http://127.0.0.1:1', '--state', 's', '--policy', 'p', '--release', 'r'];

  it.each<readonly [string, readonly string[]]>([
    ['sample or index', ['--sample', '1', '--index', '1']],
    ['not URL=KEY', ['--peer', 'http://127.0.0.1:1=abc']],
    ['whole number', ['--sample', '0']],
    ['place of a leaf', ['--index', '-1']],
  ])('is refused: %s', async (_, args) => {
    const { code } = await command('auditor', 'audit', ...needed, ...args);
    // A policy that is not there is found first, or the option is: neither audits anything.
    expect([1, 2]).toContain(code);
  });
});

describe('what an auditor has published', () => {
  it('gives no link twice', async () => {
    const store = openFindingStore(join(folder, 'links'));
    const numbers = await Promise.all(Array.from({ length: 8 }, () => store.nextAudit()));
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await openFindingStore(join(folder, 'links')).nextAudit()).toBe(9);
  });

  it('is read in pages by index, and a commit by its leaf', async () => {
    const store = openFindingStore(join(folder, 'pages'));
    const anna = signer();
    const log = word(3);
    for (let index = 0; index < 70; index++) {
      const leaf = sha256(Uint8Array.of(index));
      const record = findingRecord(anna, { finding: { index: BigInt(index), headSize: 100n, leaf } });
      await store.seal({ log, index, leaf }, record);
      await store.saveFinding({ log, index, leaf }, record);
      const { digest, signature } = record.commit;
      const commit = { format: 'proofmark finding commit v1', auditor: anna.auditor, leaf, digest, signature } as const;
      await store.saveCommit({ log, index, leaf }, commit);
      if (index > 0) await store.unseal({ log, index, leaf });
    }
    expect([(await store.findings(log, -1)).length, (await store.findings(log, 63)).length]).toEqual([64, 6]);
    expect(await store.commits(log, 68)).toHaveLength(1);
    expect((await store.commitOf(log, sha256(Uint8Array.of(5))))?.leaf).toEqual(sha256(Uint8Array.of(5)));
    expect(await store.commitOf(log, word(1))).toBeUndefined();
    // What an audit that was ended had committed to is there for the next one.
    expect(await store.sealed(log)).toHaveLength(1);
    expect(await store.findings(word(9), -1)).toEqual([]);
  });
});
