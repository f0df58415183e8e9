import { describe, expect, it } from 'vitest';
import { encodeCbor } from '../../../wire/codec/cbor.ts';
import { WireError } from '../../../wire/errors.ts';
import {
  type Counters,
  counterNames,
  decodeEnd,
  decodeTelemetry,
  describeEnd,
  encodeEnd,
  encodeTelemetry,
  endCodes,
} from '../../../wire/message/telemetry.ts';

function refusalOf(run: () => unknown): { readonly code: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return { code: error.code };
    throw error;
  }
  return { code: 'accepted' };
}

const counters = Object.fromEntries(counterNames.map((name, place) => [name, place * 1_000])) as unknown as Counters;

function frame(values: readonly (number | bigint | string | null)[], version = 1): Uint8Array {
  return encodeCbor(
    new Map<string, number | readonly (number | bigint | string | null)[]>([
      ['version', version],
      ['counters', values],
    ]),
  );
}

describe('counters', () => {
  it('come back as they were, each by its name', () => {
    expect(decodeTelemetry(encodeTelemetry(counters))).toEqual(counters);
  });

  it('fit their limit at their largest', () => {
    const largest = Object.fromEntries(
      counterNames.map((name) => [name, Number.MAX_SAFE_INTEGER]),
    ) as unknown as Counters;
    expect(decodeTelemetry(encodeTelemetry(largest))).toEqual(largest);
  });

  it('are refused with one too few, one too many, a text, or a negative one', () => {
    const values = counterNames.map(() => 0);
    expect(refusalOf(() => decodeTelemetry(frame(values.slice(1)))).code).toBe('field_invalid');
    expect(refusalOf(() => decodeTelemetry(frame([...values, 0]))).code).toBe('field_invalid');
    expect(refusalOf(() => decodeTelemetry(frame(['a prompt', ...values.slice(1)]))).code).toBe('field_invalid');
    expect(refusalOf(() => decodeTelemetry(frame([-1, ...values.slice(1)]))).code).toBe('field_invalid');
    expect(refusalOf(() => decodeTelemetry(frame(values, 2))).code).toBe('field_invalid');
  });

  it('are refused where a frame is longer than any could be', () => {
    expect(refusalOf(() => decodeTelemetry(new Uint8Array(513))).code).toBe('too_large');
  });
});

describe('how a worker ended', () => {
  it.each([0, 1, 70, 137, 255])('is the exit status %s, in one byte', (exitStatus) => {
    expect(decodeEnd(encodeEnd(exitStatus))).toBe(exitStatus);
  });

  it.each([-1, 256, 1.5, Number.NaN])('is not %s', (exitStatus) => {
    expect(refusalOf(() => encodeEnd(exitStatus)).code).toBe('integer_out_of_range');
  });

  it('is nothing in no byte or two', () => {
    expect(refusalOf(() => decodeEnd(new Uint8Array(0))).code).toBe('frame_invalid');
    expect(refusalOf(() => decodeEnd(new Uint8Array(2))).code).toBe('frame_invalid');
  });

  it('has a name where the program ended itself, and a signal where it was ended', () => {
    for (const [code, exitStatus] of Object.entries(endCodes)) {
      expect(describeEnd(exitStatus)).toEqual({ kind: 'ended', code });
    }
    expect(describeEnd(3)).toEqual({ kind: 'exited', status: 3 });
    expect(describeEnd(137)).toEqual({ kind: 'killed', signal: 9 });
    expect(describeEnd(128)).toEqual({ kind: 'exited', status: 128 });
  });
});
