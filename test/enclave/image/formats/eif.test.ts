import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageError } from '../../../../enclave/image/errors.ts';
import { describeEif, minimumMemoryMib } from '../../../../enclave/image/formats/eif-describe.ts';
import { readEif } from '../../../../enclave/image/formats/eif-read.ts';
import { type EifContent, writeEif } from '../../../../enclave/image/formats/eif-write.ts';
import { concatBytes, toHex, utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import { runs } from '../../../support/runs.ts';
import { commandLine, content, kernel, type RawEif, ramdisk, rawEif, withChecksum } from './support/eif.ts';
import { refusalOf } from './support/refusal.ts';
import signed from './support/signed-eif.json' with { type: 'json' };

/** Made by another program: Python's struct, hashlib and zlib, cbor2 and cryptography. */
const independent = new Uint8Array(Buffer.from(signed.eif, 'base64'));

describe('an image that another writer made', () => {
  it('has the registers and the checksum that the other writer computed', () => {
    const { pcr0, pcr1, pcr2, pcr8 } = describeEif(independent);
    expect([pcr0, pcr1, pcr2, pcr8 ?? new Uint8Array(0)].map(toHex)).toEqual([
      ...[signed.pcr0, signed.pcr1, signed.pcr2, signed.pcr8],
    ]);
    expect(new DataView(independent.buffer, independent.byteOffset).getUint32(544)).toBe(signed.checksum);
  });

  it('is what this writer makes of the same content, to the byte', () => {
    const { signature } = readEif(independent);
    expect(toHex(writeEif({ ...content, signature }))).toBe(toHex(independent));
  });

  it('is described in full', () => {
    const description = describeEif(independent);
    expect(description).toMatchObject({
      version: 4,
      architecture: 'x86_64',
      fileBytes: independent.length,
      defaultMemoryBytes: 2n ** 30n,
      defaultCpus: 2n,
      commandLine: content.commandLine,
      minimumMemoryMib: 4,
      metadata: content.metadata,
      signature: { verdict: 'valid', algorithm: 'ES384', subject: 'CN=image signer' },
    });
    expect(description.sections.map(({ type }) => type)).toEqual([
      ...['kernel', 'command-line', 'metadata', 'ramdisk', 'ramdisk', 'ramdisk', 'signature'],
    ]);
  });
});

describe('writing and reading', () => {
  const bytes = fc.uint8Array({ maxLength: 64 });
  const anyContent: fc.Arbitrary<EifContent> = fc.record({
    architecture: fc.constantFrom('x86_64', 'aarch64'),
    defaultMemoryBytes: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    defaultCpus: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    kernel: bytes,
    commandLine: fc.stringMatching(/^[ -~]{0,64}$/),
    ramdisks: fc.array(bytes, { minLength: 1, maxLength: 29 }),
    metadata: fc.constant(content.metadata),
    signature: fc.constant(null),
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(anyContent, (wanted) => {
        const eif = readEif(writeEif(wanted));
        expect(eif).toMatchObject({
          version: 4,
          architecture: wanted.architecture,
          defaultMemoryBytes: wanted.defaultMemoryBytes,
          defaultCpus: wanted.defaultCpus,
        });
        expect(eif.kernel).toEqual(wanted.kernel);
        expect(eif.commandLine).toEqual(utf8(wanted.commandLine));
        expect(eif.ramdisks).toEqual(wanted.ramdisks);
        expect(eif.signature).toBeNull();
      }),
      { numRuns: runs(200) },
    );
  });

  it.each<readonly [string, Partial<EifContent>, string]>([
    ['no ramdisk', { ramdisks: [] }, 'eif_section_order'],
    [
      'more sections than the header has places',
      { ramdisks: Array.from({ length: 30 }, () => utf8('r')) },
      'eif_section_count',
    ],
    ['a line feed in its command line', { commandLine: 'a\nb' }, 'eif_command_line'],
    [
      'a command line that a kernel would cut',
      { commandLine: 'x'.repeat(limits.eifCommandLineBytes) },
      'eif_command_line',
    ],
    ['memory beyond 64 bits', { defaultMemoryBytes: 2n ** 64n }, 'eif_header'],
    ['a negative number of CPUs', { defaultCpus: -1n }, 'eif_header'],
    [
      'more metadata than a reader takes',
      { metadata: { ...content.metadata, CustomMetadata: 'x'.repeat(limits.eifMetadataBytes) } },
      'eif_metadata',
    ],
  ])('makes no image with %s', (_, change, code) => {
    expect(refusalOf(() => writeEif({ ...content, ...change }))).toBe(code);
  });

  it('makes no image larger than what is read', () => {
    const half = Object.defineProperty(new Uint8Array(0), 'length', { value: limits.eifBytes / 2 + 1 });
    expect(refusalOf(() => writeEif({ ...content, ramdisks: [half, half] }))).toBe('eif_too_large');
  });
});

describe('images of older writers', () => {
  it('has versions without metadata and without signature', () => {
    expect(readEif(rawEif({ version: 2, sections: [kernel, commandLine, ramdisk] }))).toMatchObject({
      version: 2,
      metadata: null,
    });
    const three = rawEif({ version: 3, sections: [kernel, commandLine, ramdisk, [4, utf8('s')]] });
    expect(readEif(three).signature).toEqual(utf8('s'));
  });

  it('takes a command line as AWS ships it, with a line feed at its end', () => {
    const eif = rawEif({ sections: [kernel, [2, utf8('quiet\n')], ramdisk] });
    expect(describeEif(eif).commandLine).toBe('quiet\n');
  });
});

const u64 = (offset: number, value: bigint) => (header: DataView) => header.setBigUint64(offset, value);
const sound: RawEif = { sections: [kernel, commandLine, ramdisk] };

describe('an image is refused', () => {
  it.each<readonly [string, Uint8Array, string]>([
    ['empty', new Uint8Array(0), 'eif_truncated'],
    ['of another format', utf8(`.elf${'x'.repeat(600)}`), 'eif_magic'],
    ['of version 1, which has no checksum', rawEif({ ...sound, version: 1 }), 'eif_version'],
    ['of a version to come', rawEif({ ...sound, version: 5 }), 'eif_version'],
    ['with flags that nobody defined', rawEif({ ...sound, edit: (header) => header.setUint16(6, 2) }), 'eif_header'],
    [
      'with something in the reserved bytes',
      rawEif({ ...sound, edit: (header) => header.setUint16(24, 1) }),
      'eif_header',
    ],
    [
      'with something in the unused bytes',
      rawEif({ ...sound, edit: (header) => header.setUint32(540, 1) }),
      'eif_header',
    ],
    [
      'with more sections than places',
      rawEif({ ...sound, edit: (header) => header.setUint16(26, 33) }),
      'eif_section_count',
    ],
    ['with a place in use that is not counted', rawEif({ ...sound, edit: u64(28 + 24, 1n) }), 'eif_section_place'],
    ['with a size in use that is not counted', rawEif({ ...sound, edit: u64(284 + 24, 1n) }), 'eif_section_size'],
    ['with a gap', rawEif({ ...sound, edit: u64(28 + 8, 567n) }), 'eif_section_place'],
    ['with an overlap', rawEif({ ...sound, edit: u64(28 + 8, 560n) }), 'eif_section_place'],
    ['with sections out of order in its table', rawEif({ ...sound, edit: u64(28, 566n) }), 'eif_section_place'],
    ['with an offset beyond 2^53', rawEif({ ...sound, edit: u64(28, 2n ** 63n) }), 'eif_section_place'],
    ['whose table gives another size', rawEif({ ...sound, edit: u64(284, 5n) }), 'eif_section_size'],
    [
      'with a section of type 0',
      rawEif({ sections: [kernel, commandLine, ramdisk, [0, utf8('')]] }),
      'eif_section_type',
    ],
    [
      'with a section of type 6',
      rawEif({ sections: [kernel, commandLine, ramdisk, [6, utf8('')]] }),
      'eif_section_type',
    ],
    [
      'of version 2 with a signature',
      rawEif({ version: 2, sections: [kernel, commandLine, ramdisk, [4, utf8('')]] }),
      'eif_section_type',
    ],
    [
      'of version 3 with metadata',
      rawEif({ version: 3, sections: [kernel, commandLine, ramdisk, [5, utf8('')]] }),
      'eif_section_type',
    ],
    ['without sections', rawEif({ sections: [] }), 'eif_section_order'],
    ['without a kernel', rawEif({ sections: [commandLine, ramdisk] }), 'eif_section_order'],
    ['without a command line', rawEif({ sections: [kernel, ramdisk] }), 'eif_section_order'],
    ['without a ramdisk', rawEif({ sections: [kernel, commandLine] }), 'eif_section_order'],
    ['with two kernels', rawEif({ sections: [kernel, commandLine, kernel, ramdisk] }), 'eif_section_order'],
    ['with the command line last', rawEif({ sections: [kernel, ramdisk, commandLine] }), 'eif_section_order'],
    [
      'with two of metadata',
      rawEif({ sections: [kernel, commandLine, ramdisk, [5, utf8('1')], [5, utf8('1')]] }),
      'eif_section_order',
    ],
    ['with something behind its end', withChecksum(concatBytes(rawEif(sound), utf8('x'))), 'eif_trailing_bytes'],
    ['with a NUL in its command line', rawEif({ sections: [kernel, [2, utf8('a\0b')], ramdisk] }), 'eif_command_line'],
    [
      'with metadata that is no JSON',
      rawEif({ sections: [kernel, commandLine, [5, utf8('{')], ramdisk] }),
      'eif_metadata',
    ],
    [
      'with a signature that is none',
      rawEif({ sections: [kernel, commandLine, ramdisk, [4, utf8('x')]] }),
      'eif_signature',
    ],
  ])('%s', (_, eif, code) => {
    expect(refusalOf(() => describeEif(eif))).toBe(code);
  });

  it('whose sections have flags', () => {
    const eif = rawEif(sound);
    eif[548 + 3] = 1;
    expect(refusalOf(() => readEif(withChecksum(eif)))).toBe('eif_header');
  });

  it('whose checksum is another', () => {
    const eif = rawEif(sound);
    eif[544] = (eif[544] as number) ^ 1;
    expect(refusalOf(() => readEif(eif))).toBe('eif_checksum');
  });

  it('too large to be read in one piece', () => {
    const huge = Object.defineProperty(new Uint8Array(0), 'length', { value: limits.eifBytes + 1 });
    expect(refusalOf(() => readEif(huge))).toBe('eif_too_large');
  });

  it('wherever it is cut off', () => {
    for (let length = 0; length < independent.length; length++) {
      const code = refusalOf(() => describeEif(independent.subarray(0, length)));
      expect(code, `${length} bytes`).toMatch(/^eif_(truncated|section_order|section_place)$/);
    }
  });
});

describe('a changed byte', () => {
  const whole = describeEif(independent);
  const measured = whole.sections.filter(({ type }) => ['kernel', 'command-line', 'ramdisk'].includes(type));
  const isMeasured = (offset: number): boolean =>
    measured.some((part) => offset >= part.offset && offset < part.offset + part.size);
  const flip = (offset: number): Uint8Array =>
    independent.map((byte, index) => (index === offset ? byte ^ (1 << (offset % 8)) : byte));

  it('is refused, wherever it is', () => {
    for (let offset = 0; offset < independent.length; offset++) {
      expect(
        refusalOf(() => describeEif(flip(offset))),
        `byte ${offset}`,
      ).not.toBe('accepted');
    }
  });

  it('changes PCR0 or is refused, even with a new checksum, unless it is in what nobody measures', () => {
    let accepted = 0;
    for (let offset = 0; offset < independent.length; offset++) {
      if (offset >= 544 && offset < 548) continue;
      const eif = withChecksum(flip(offset));
      try {
        const { pcr0, signature } = describeEif(eif);
        expect(toHex(pcr0) !== signed.pcr0, `byte ${offset}`).toBe(isMeasured(offset));
        if (isMeasured(offset)) expect(signature?.verdict).toBe('other-image');
        accepted++;
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
      }
    }
    expect(accepted).toBeGreaterThan(measured.reduce((sum, { size }) => sum + size, 0) / 2);
  });
});

describe('the memory that an image needs', () => {
  it('is four times its size in whole MiB, as nitro-cli computes it', () => {
    expect([1, 2 ** 20, 2 ** 20 + 1, 130 * 2 ** 20].map(minimumMemoryMib)).toEqual([4, 4, 8, 520]);
  });
});
