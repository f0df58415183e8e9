import { concatBytes, utf8 } from '../../wire/bytes.ts';

/** Writes DER, and on request things that are almost DER. For tests only. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...contents);
  return concatBytes(Uint8Array.of(tag), derLength(body.length), body);
}

function derLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  if (length < 0x100) return Uint8Array.of(0x81, length);
  return Uint8Array.of(0x82, length >> 8, length & 0xff);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => der(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Uint8Array => der(0x31, ...parts);
export const octets = (bytes: Uint8Array): Uint8Array => der(0x04, bytes);
export const bits = (bytes: Uint8Array, unused = 0): Uint8Array => der(0x03, Uint8Array.of(unused), bytes);
export const text = (value: string): Uint8Array => der(0x0c, utf8(value));
export const TRUE: Uint8Array = Uint8Array.of(0x01, 0x01, 0xff);
export const NULL: Uint8Array = Uint8Array.of(0x05, 0x00);

/** A non-negative INTEGER from its magnitude. */
export function unsigned(magnitude: Uint8Array | number): Uint8Array {
  const bytes = typeof magnitude === 'number' ? Uint8Array.of(magnitude) : magnitude;
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const minimal = bytes.subarray(start);
  return (minimal[0] as number) >= 0x80 ? der(0x02, Uint8Array.of(0), minimal) : der(0x02, minimal);
}

export function oid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  const bytes = [40 * first + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(0x06, Uint8Array.from(bytes));
}

/** UTCTime or GeneralizedTime as RFC 5280 chooses. */
export function time(milliseconds: number): Uint8Array {
  const digits = new Date(milliseconds).toISOString().replaceAll(/[-T:]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050 ? der(0x17, utf8(digits.slice(2))) : der(0x18, utf8(digits));
}

export function name(commonName: string): Uint8Array {
  const attribute = (type: string, value: Uint8Array): Uint8Array => set(sequence(oid(type), value));
  return sequence(attribute('2.5.4.10', text('Tests')), attribute('2.5.4.3', text(commonName)));
}
