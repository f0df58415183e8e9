import { describe, expect, it } from 'vitest';
import { createLeaving } from '../../host/leaving.ts';

describe('a client that leaves', () => {
  it('is told to whoever listens by then, once', () => {
    const { signal, abort } = createLeaving();
    const heard: string[] = [];
    const second = (): void => void heard.push('second');
    signal.addEventListener('abort', () => heard.push('first'));
    signal.addEventListener('abort', second);
    signal.addEventListener('abort', () => heard.push('third'));
    signal.removeEventListener('abort', second);
    expect(signal.aborted).toBe(false);
    abort();
    abort();
    signal.addEventListener('abort', () => heard.push('late'));
    expect(heard).toEqual(['first', 'third']);
    expect(signal.aborted).toBe(true);
  });

  it('is gone before its listeners hear of it, and one of them may say so again', () => {
    const { signal, abort } = createLeaving();
    const seen: boolean[] = [];
    signal.addEventListener('abort', () => {
      seen.push(signal.aborted);
      abort();
    });
    abort();
    expect(seen).toEqual([true]);
  });
});
