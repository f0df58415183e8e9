import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { measureInstance, measureRole, measureSections } from '../../../../enclave/image/formats/pcr.ts';
import { toHex, utf8 } from '../../../../wire/bytes.ts';

const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha384');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const zeros = new Uint8Array(48);
const [kernel, commandLine, boot, app, more] = ['kernel', 'cmdline', 'boot', 'app', 'more'].map(utf8) as [
  ...[Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array],
];

describe('the registers of an image', () => {
  it('are the arithmetic that they claim, written down a second time', () => {
    const { pcr0, pcr1, pcr2 } = measureSections({ kernel, commandLine, ramdisks: [boot, app, more] });
    expect(toHex(pcr0)).toBe(toHex(sha384(zeros, sha384(kernel, commandLine, boot, app, more))));
    expect(toHex(pcr1)).toBe(toHex(sha384(zeros, sha384(kernel, commandLine, boot))));
    expect(toHex(pcr2)).toBe(toHex(sha384(zeros, sha384(app, more))));
  });

  it('have the PCR2 that every published image with one ramdisk has', () => {
    // nitro-cli and eif_build print it for such images: qos (tkhq), Nautilus (MystenLabs) and others publish it.
    const { pcr0, pcr1, pcr2 } = measureSections({ kernel, commandLine, ramdisks: [boot] });
    expect(toHex(pcr2)).toBe(
      '21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a',
    );
    expect(pcr0).toEqual(pcr1);
  });

  it('keep ramdisks apart from one another only by what follows the first', () => {
    const split = measureSections({ kernel, commandLine, ramdisks: [boot, utf8('ap'), utf8('p')] });
    const whole = measureSections({ kernel, commandLine, ramdisks: [boot, app] });
    expect(split).toEqual(whole);
    expect(measureSections({ kernel, commandLine, ramdisks: [app, boot] })).not.toEqual(whole);
  });
});

describe('the registers of a parent instance', () => {
  it("has AWS's own example for PCR3", () => {
    // AWS Nitro Enclaves User Guide, "Cryptographic attestation", PCR3.
    expect(toHex(measureRole('arn:aws:iam::123456789012:role/Webserver'))).toBe(
      '78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6',
    );
  });

  it('hashes the id of an instance in the same way', () => {
    const id = 'i-1234567890abcdef0';
    expect(toHex(measureInstance(id))).toBe(toHex(sha384(zeros, utf8(id))));
  });
});
