import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../wire/limits.ts';
import {
  createRecordSequence,
  createReplayWindow,
  createRequestCounter,
  type RecordPlace,
} from '../../../wire/noise/index.ts';
import { refusal } from './support.ts';

const WINDOW = limits.sessionWindow;

describe('replay window', () => {
  it('accepts each number once', async () => {
    const window = createReplayWindow();
    for (const request of [0, 1, 5, 3, 2, 4]) window.accept(request);
    for (const request of [0, 1, 2, 3, 4, 5]) {
      expect(await refusal(() => window.accept(request))).toBe('record_replayed');
    }
    window.accept(6);
  });

  it('reaches exactly 1,024 numbers back', async () => {
    expect(WINDOW).toBe(1024);
    const window = createReplayWindow();
    window.accept(5000);
    expect(await refusal(() => window.accept(5000 - WINDOW))).toBe('record_replayed');
    window.accept(5000 - WINDOW + 1);
    expect(await refusal(() => window.accept(5000 - WINDOW + 1))).toBe('record_replayed');
    window.accept(5001);
    expect(await refusal(() => window.accept(5001 - WINDOW))).toBe('record_replayed');
  });

  it('accepts the first numbers late while they are inside', () => {
    const window = createReplayWindow();
    window.accept(WINDOW - 1);
    for (let request = 0; request < WINDOW - 1; request++) window.accept(request);
  });

  it('does not move for a number that it refuses', async () => {
    const window = createReplayWindow();
    window.accept(0);
    expect(await refusal(() => window.accept(0xffff_ffff))).toBe('record_exhausted');
    for (const request of [-1, 0.5, Number.NaN, 2 ** 40, Number.POSITIVE_INFINITY]) {
      expect(await refusal(() => window.accept(request))).not.toBe('accepted');
    }
    window.accept(1);
  });

  it('jumps to the last number at once', async () => {
    const window = createReplayWindow();
    window.accept(17);
    window.accept(0xffff_fffe);
    expect(await refusal(() => window.accept(0xffff_fffe))).toBe('record_replayed');
    expect(await refusal(() => window.accept(17))).toBe('record_replayed');
    window.accept(0xffff_fffd);
  });

  it('remembers nothing of numbers that a jump left behind', () => {
    const window = createReplayWindow();
    for (let request = 0; request < WINDOW; request++) window.accept(request);
    window.accept(3 * WINDOW - 1);
    for (let request = 2 * WINDOW; request < 3 * WINDOW - 1; request++) window.accept(request);
  });

  it('agrees with a set and a maximum for any order of arrival', () => {
    const nearby = fc.array(fc.integer({ min: -1_100, max: 1_100 }), { maxLength: 400 });
    fc.assert(
      fc.property(nearby, fc.integer({ min: 0, max: 10_000 }), (steps, start) => {
        const window = createReplayWindow();
        const seen = new Set<number>();
        let newest = -1;
        let request = start;
        for (const step of steps) {
          request = Math.max(0, request + step);
          const expected = request > newest - WINDOW && !seen.has(request);
          let accepted = true;
          try {
            window.accept(request);
          } catch {
            accepted = false;
          }
          expect(accepted).toBe(expected);
          if (!accepted) continue;
          seen.add(request);
          newest = Math.max(newest, request);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('request counter', () => {
  it('counts from zero and never repeats', () => {
    const counter = createRequestCounter();
    expect([counter.next(), counter.next(), counter.next()]).toEqual([0, 1, 2]);
  });

  it('ends before it wraps, and stays ended', async () => {
    const counter = createRequestCounter(0xffff_fffd);
    expect([counter.next(), counter.next()]).toEqual([0xffff_fffd, 0xffff_fffe]);
    expect(await refusal(() => counter.next())).toBe('record_exhausted');
    expect(await refusal(() => counter.next())).toBe('record_exhausted');
  });

  it('refuses a start that is no number', async () => {
    expect(await refusal(() => createRequestCounter(-1).next())).toBe('integer_out_of_range');
  });
});

describe('record sequence', () => {
  const at = (chunk: number, options: Partial<RecordPlace> = {}): RecordPlace => ({
    direction: 'to-client',
    request: 4,
    chunk,
    final: false,
    ...options,
  });

  it('is complete with the final record only', () => {
    const sequence = createRecordSequence(4);
    sequence.accept(at(0));
    sequence.accept(at(1));
    expect(sequence.complete).toBe(false);
    sequence.accept(at(2, { final: true }));
    expect(sequence.complete).toBe(true);
  });

  it('refuses a gap, a repeat, another request and anything after the end', async () => {
    const sequence = createRecordSequence(4);
    expect(await refusal(() => sequence.accept(at(1)))).toBe('record_invalid');
    sequence.accept(at(0));
    expect(await refusal(() => sequence.accept(at(0)))).toBe('record_invalid');
    expect(await refusal(() => sequence.accept(at(1, { request: 5 })))).toBe('record_invalid');
    sequence.accept(at(1, { final: true }));
    expect(await refusal(() => sequence.accept(at(2)))).toBe('record_invalid');
    expect(sequence.complete).toBe(true);
  });
});
