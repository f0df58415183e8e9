import { utf8 } from '../../../wire/bytes.ts';
import { canonicalJson } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError } from '../errors.ts';
import { viewOf } from './bytes.ts';
import {
  at,
  checksumOf,
  type EifArchitecture,
  type EifSectionType,
  FLAG_ARM64,
  HEADER_BYTES,
  MAGIC,
  SECTION_HEADER_BYTES,
  SECTIONS,
  sectionTypes,
} from './eif.ts';
import type { EifMetadata } from './eif-metadata.ts';
import { requireCommandLine } from './eif-read.ts';

const VERSION = 4;

export interface EifContent {
  readonly architecture: EifArchitecture;
  readonly defaultMemoryBytes: bigint;
  readonly defaultCpus: bigint;
  readonly kernel: Uint8Array;
  readonly commandLine: string;
  readonly ramdisks: readonly Uint8Array[];
  readonly metadata: EifMetadata;
  /** The content of a signature section, as AWS's tools make it: Proofmark signs no images. */
  readonly signature: Uint8Array | null;
}

/** Sections in the order of AWS's own builder, so that the same content gives the bytes that `eif_build` would write. */
export function writeEif(content: EifContent): Uint8Array {
  const commandLine = utf8(content.commandLine);
  requireCommandLine(commandLine);
  const metadata = canonicalJson({ ...content.metadata });
  if (metadata.length > limits.eifMetadataBytes) throw new ImageError('eif_metadata', `${metadata.length} bytes`);
  for (const value of [content.defaultMemoryBytes, content.defaultCpus]) {
    if (BigInt.asUintN(64, value) !== value) throw new ImageError('eif_header', `${value} has no form in 64 bits`);
  }
  if (content.ramdisks.length === 0) throw new ImageError('eif_section_order', 'no ramdisk');
  const sections: readonly (readonly [EifSectionType, Uint8Array])[] = [
    ['kernel', content.kernel],
    ['command-line', commandLine],
    ['metadata', metadata],
    ...content.ramdisks.map((ramdisk) => ['ramdisk', ramdisk] as const),
    ...(content.signature === null ? [] : [['signature', content.signature] as const]),
  ];
  if (sections.length > SECTIONS) throw new ImageError('eif_section_count', `${sections.length} sections`);
  const total = sections.reduce((sum, [, { length }]) => sum + SECTION_HEADER_BYTES + length, HEADER_BYTES);
  if (total > limits.eifBytes) throw new ImageError('eif_too_large', `${total} bytes`);

  const out = new Uint8Array(total);
  const view = viewOf(out);
  out.set(MAGIC, 0);
  view.setUint16(at.version, VERSION);
  view.setUint16(at.flags, content.architecture === 'aarch64' ? FLAG_ARM64 : 0);
  view.setBigUint64(at.defaultMemory, content.defaultMemoryBytes);
  view.setBigUint64(at.defaultCpus, content.defaultCpus);
  view.setUint16(at.sectionCount, sections.length);
  let offset = HEADER_BYTES;
  for (const [index, [type, bytes]] of sections.entries()) {
    view.setBigUint64(at.sectionOffsets + 8 * index, BigInt(offset));
    view.setBigUint64(at.sectionSizes + 8 * index, BigInt(bytes.length));
    view.setUint16(offset, sectionTypes[type]);
    view.setBigUint64(offset + 4, BigInt(bytes.length));
    out.set(bytes, offset + SECTION_HEADER_BYTES);
    offset += SECTION_HEADER_BYTES + bytes.length;
  }
  view.setUint32(at.checksum, checksumOf(out));
  return out;
}
