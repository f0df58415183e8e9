import { describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../../wire/message/checkpoint.ts';
import { encodeTreeHead } from '../../../wire/message/receipt.ts';

const log = new Uint8Array(32).fill(0xab);
const checkpoint: Checkpoint = {
  head: encodeTreeHead({
    chainId: 31_337n,
    settlement: new Uint8Array(20).fill(0x5e),
    log,
    size: 70_000,
    root: Uint8Array.from({ length: 32 }, (_, i) => 255 - i),
  }),
  signature: new Uint8Array(64).fill(0xfb),
  keyId: Uint8Array.of(1, 2, 3, 4),
};
const text = encodeCheckpoint(checkpoint);

describe('a head as a signed note', () => {
  it('has the lines of a checkpoint, and gives the head back word by word', () => {
    const lines = text.split('\n');
    expect(lines.slice(0, 6)).toEqual([
      toHex(log),
      '70000',
      '//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=',
      'chain 31337',
      `settlement ${'5e'.repeat(20)}`,
      '',
    ]);
    expect(lines[6]).toMatch(new RegExp(`^\u2014 ${toHex(log)} [A-Za-z0-9+/]+=$`));
    expect(lines.slice(7)).toEqual(['']);
    expect(decodeCheckpoint(text)).toEqual(checkpoint);
  });

  it.each([
    ['nothing', ''],
    ['no last line feed', text.slice(0, -1)],
    ['one too many', `${text}\n`],
    ['carriage returns', text.replaceAll('\n', '\r\n')],
    ['a leading zero', text.replace('70000', '070000')],
    ['a size that no tree has', text.replace('70000', '999999999999999')],
    ['a chain with a leading zero', text.replace('chain 3', 'chain 03')],
    ['a chain beyond a word', text.replace('chain 31337', `chain ${'9'.repeat(78)}`)],
    ['upper case', text.replaceAll('abab', 'ABAB')],
    ['another name beside the signature', text.replace('\u2014 ab', '\u2014 cd')],
    ['a hyphen for the dash', text.replace('\u2014', '-')],
    ['bits that base64 does not use', text.replace('4eA=', '4eB=')],
    ['a second signature', `${text}${text.split('\n')[6]}\n`],
    ['a line between', text.replace('chain', 'time 1\nchain')],
    ['a megabyte', text + 'x'.repeat(1_000_000)],
  ])('refuses %s', (_, changed) => {
    expect(() => decodeCheckpoint(changed)).toThrow();
  });

  it('is not written with a signature or key id of another length', () => {
    expect(() => encodeCheckpoint({ ...checkpoint, signature: new Uint8Array(63) })).toThrow('signature_format');
    expect(() => encodeCheckpoint({ ...checkpoint, keyId: new Uint8Array(3) })).toThrow('field_invalid');
  });
});
