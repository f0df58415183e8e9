import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArchiveFile, archiveFolder } from '../../client/index.ts';
import { parsePolicy, verifyArchive } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { decodeArchive } from '../../wire/message/archive.ts';
import { status } from '../../wire/message/receipt.ts';
import { createWorld, refusalOf, type World } from './world.ts';

const ask = { model: 'demo-chat', messages: [{ role: 'user', content: 'Say hello' }] } as const;

let world: World;
let folder: string;
beforeEach(async () => {
  world = await createWorld();
  folder = await mkdtemp(join(tmpdir(), 'proofmark-archives-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function accepted(bytes: Uint8Array): Promise<unknown> {
  const purpose = { kind: 'live', now: world.now } as const;
  const options = { policy: parsePolicy(world.rules), purpose, suite: nodeSuite, cache: 'none' } as const;
  return verifyArchive(decodeArchive(bytes), options);
}

describe('with one option', () => {
  it('every verified answer leaves a file that a stranger accepts', async () => {
    const client = world.client({}, { archive: archiveFolder(folder) });
    const { receipt } = await client.infer(world.call);
    await client.chat(ask);
    for await (const _ of client.streamChat(ask)) {
      // Only the end counts.
    }
    await client.fetch('http://nobody.invalid/v1/chat/completions', { method: 'POST', body: JSON.stringify(ask) });
    const names = await readdir(folder);
    expect(names).toHaveLength(4);
    expect(names).toContain(`${toHex(receipt.requestId)}.proofmark`);
    for (const name of names) {
      expect(await accepted(Uint8Array.from(await readFile(join(folder, name))))).toMatchObject({
        verdict: 'accepted',
      });
    }
  });

  it('whoever takes the files has each before its answer is handed out', async () => {
    const files: ArchiveFile[] = [];
    const archive = async (file: ArchiveFile): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      files.push(file);
    };
    const result = await world.client({}, { archive }).infer(world.call);
    expect(files.map(({ bytes }) => bytes)).toEqual([result.archive()]);
  });

  it('what is no result leaves none', async () => {
    const client = world.client({}, { archive: archiveFolder(folder) });
    world.script.failure = { at: 0, status: status.refused, code: 'input_invalid' };
    await refusalOf(client.chat(ask));
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    await refusalOf(client.infer(world.call));
    expect(await readdir(folder)).toEqual([]);
  });

  it('an answer whose file cannot be written is not handed out', async () => {
    const client = world.client({}, { archive: archiveFolder(join(folder, 'missing')) });
    expect(await refusalOf(client.infer(world.call))).toMatch(/^archive_failed\//);
  });
});

describe('a folder of archives', () => {
  it('has whole files only: a draft that was left is none, and is not written over', async () => {
    const write = archiveFolder(folder);
    await write({ name: 'a.proofmark', bytes: Uint8Array.of(1, 2, 3) });
    expect(await readdir(folder)).toEqual(['a.proofmark']);
    expect(Uint8Array.from(await readFile(join(folder, 'a.proofmark')))).toEqual(Uint8Array.of(1, 2, 3));
  });
});
