import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sayLastWord } from '../../../../enclave/worker/last-word.ts';
import { createFrameReader, type Frame } from '../../../../wire/codec/frame.ts';
import { limits } from '../../../../wire/limits.ts';
import { linkKind } from '../../../../wire/message/link.ts';
import { decodeEnd } from '../../../../wire/message/telemetry.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm-word-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Connects as soon as somebody listens, asks something, and returns all frames up to the end. */
function listen(path: string): Promise<readonly Frame[]> {
  return new Promise((resolve) => {
    const frames: Frame[] = [];
    const reader = createFrameReader(limits.frameBytes, (frame) => frames.push(frame));
    const attempt = (): void => {
      const socket = connect(path);
      socket.on('error', () => setTimeout(attempt, 20));
      socket.on('connect', () => {
        socket.on('close', () => resolve(frames));
        socket.write(new Uint8Array(1_000));
      });
      socket.on('data', (chunk: Uint8Array) => reader.push(chunk));
    };
    attempt();
  });
}

describe('the last word', () => {
  it('is said to the next host that connects, where the worker listened before', async () => {
    const path = join(folder, 'said.sock');
    writeFileSync(path, '');
    const ended = new Promise<void>((resolve) => {
      sayLastWord(path, 137, resolve);
    });
    const [frame, ...rest] = await listen(path);
    expect(rest).toEqual([]);
    expect(frame).toMatchObject({ id: 0, kind: linkKind.ended });
    expect(decodeEnd((frame as Frame).payload)).toBe(137);
    await ended;
  });

  it('is given up where no host comes', async () => {
    await new Promise<void>((resolve) => {
      sayLastWord(join(folder, 'alone.sock'), 70, resolve);
    });
  });

  it.each([
    ['where nobody can listen', join(folder, 'no', 'such', 'folder', 'x.sock'), 70],
    ['for a status that is none', join(folder, 'status.sock'), 999],
  ])('does not keep the end from coming %s', async (_, path, exitStatus) => {
    let ends = 0;
    await new Promise<void>((resolve) => {
      sayLastWord(path, exitStatus, () => {
        ends += 1;
        resolve();
      });
    });
    expect(ends).toBe(1);
  });
});
