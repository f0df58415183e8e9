import { limits } from '../../../wire/limits.ts';
import { ImageError, type ImageErrorCode } from '../errors.ts';
import { startsWith, viewOf } from './bytes.ts';
import {
  at,
  checksumOf,
  type EifArchitecture,
  type EifSection,
  type EifSectionType,
  FLAG_ARM64,
  HEADER_BYTES,
  MAGIC,
  SECTION_HEADER_BYTES,
  SECTIONS,
  sectionTypes,
} from './eif.ts';

/** An image whose structure is sound. Nothing says who made it. The parts are views of the bytes that were read. */
export interface Eif {
  readonly version: 2 | 3 | 4;
  readonly architecture: EifArchitecture;
  /** What its builder thought that it needs; nitro-cli takes both from its own arguments. */
  readonly defaultMemoryBytes: bigint;
  readonly defaultCpus: bigint;
  readonly sections: readonly EifSection[];
  readonly kernel: Uint8Array;
  /** The bytes that are measured; some builders leave a line feed at their end. */
  readonly commandLine: Uint8Array;
  readonly ramdisks: readonly Uint8Array[];
  /** Neither is measured. */
  readonly signature: Uint8Array | null;
  readonly metadata: Uint8Array | null;
}

/**
 * Readers of this format disagree: nitro-cli walks the sections one after the other and believes their own headers,
 * others follow the table. Here both must say the same, section by section without a gap, so that every reader boots
 * and measures the same bytes. The kernel comes first, then the command line, then the ramdisks: the order in which
 * they are measured. Signature and metadata may lie anywhere behind the command line, once each.
 */
export function readEif(bytes: Uint8Array): Eif {
  if (bytes.length > limits.eifBytes) refuse('eif_too_large', `${bytes.length} bytes`, 0);
  if (bytes.length >= MAGIC.length && !startsWith(bytes, MAGIC)) refuse('eif_magic', 'not an enclave image', 0);
  if (bytes.length < HEADER_BYTES) refuse('eif_truncated', `a header has ${HEADER_BYTES} bytes`, bytes.length);
  const header = readHeader(bytes);
  const sections = readSections(bytes, header.version);
  // Structure first: a truncated file is called so, and not a wrong checksum.
  if (viewOf(bytes).getUint32(at.checksum) !== checksumOf(bytes)) {
    refuse('eif_checksum', 'the checksum is another', at.checksum);
  }
  const contents = (type: EifSectionType): readonly Uint8Array[] =>
    sections
      .filter((section) => section.type === type)
      .map(({ offset, size }) => bytes.subarray(offset, offset + size));
  const [kernel] = contents('kernel') as [Uint8Array];
  const [commandLine] = contents('command-line') as [Uint8Array];
  requireCommandLine(commandLine);
  return {
    ...header,
    sections,
    kernel,
    commandLine,
    ramdisks: contents('ramdisk'),
    signature: contents('signature')[0] ?? null,
    metadata: contents('metadata')[0] ?? null,
  };
}

function readHeader(bytes: Uint8Array): Pick<Eif, 'version' | 'architecture' | 'defaultMemoryBytes' | 'defaultCpus'> {
  const view = viewOf(bytes);
  const version = view.getUint16(at.version);
  if (version !== 2 && version !== 3 && version !== 4) {
    refuse('eif_version', `version ${version}; 2, 3 and 4 are known`, at.version);
  }
  const flags = view.getUint16(at.flags);
  if ((flags & ~FLAG_ARM64) !== 0) refuse('eif_header', `flags ${flags}`, at.flags);
  if (view.getUint16(at.reserved) !== 0) refuse('eif_header', 'reserved bytes are not zero', at.reserved);
  if (view.getUint32(at.unused) !== 0) refuse('eif_header', 'unused bytes are not zero', at.unused);
  return {
    version,
    architecture: (flags & FLAG_ARM64) === 0 ? 'x86_64' : 'aarch64',
    defaultMemoryBytes: view.getBigUint64(at.defaultMemory),
    defaultCpus: view.getBigUint64(at.defaultCpus),
  };
}

function readSections(bytes: Uint8Array, version: Eif['version']): readonly EifSection[] {
  const view = viewOf(bytes);
  const count = view.getUint16(at.sectionCount);
  if (count > SECTIONS)
    refuse('eif_section_count', `${count} sections; the header has ${SECTIONS} places`, at.sectionCount);
  const sections: EifSection[] = [];
  let offset = HEADER_BYTES;
  for (let index = 0; index < SECTIONS; index++) {
    const places = { offset: at.sectionOffsets + 8 * index, size: at.sectionSizes + 8 * index };
    const listed = { offset: view.getBigUint64(places.offset), size: view.getBigUint64(places.size) };
    if (index >= count) {
      if (listed.offset !== 0n) refuse('eif_section_place', 'a place that is not counted is in use', places.offset);
      if (listed.size !== 0n) refuse('eif_section_size', 'a place that is not counted is in use', places.size);
      continue;
    }
    if (listed.offset !== BigInt(offset)) {
      refuse('eif_section_place', `section ${index} should begin at ${offset}: no gap, no overlap`, places.offset);
    }
    const section = readSection(bytes, offset);
    if (listed.size !== BigInt(section.size)) {
      refuse('eif_section_size', `section ${index} has ${section.size} bytes by its own header`, places.size);
    }
    requireTurn(section, sections, version);
    sections.push(section);
    offset = section.offset + section.size;
  }
  for (const type of ['kernel', 'command-line', 'ramdisk'] as const) {
    if (!sections.some((section) => section.type === type)) refuse('eif_section_order', `no ${type}`, at.sectionCount);
  }
  if (offset !== bytes.length) refuse('eif_trailing_bytes', 'something follows the last section', offset);
  return sections;
}

function readSection(bytes: Uint8Array, offset: number): EifSection {
  const content = offset + SECTION_HEADER_BYTES;
  if (content > bytes.length) refuse('eif_truncated', 'a section is cut off', offset);
  const view = viewOf(bytes);
  const number = view.getUint16(offset);
  const type = typeNames.get(number);
  if (type === undefined) refuse('eif_section_type', `type ${number}`, offset);
  if (view.getUint16(offset + 2) !== 0) refuse('eif_header', 'flags of a section are not zero', offset + 2);
  const size = view.getBigUint64(offset + 4);
  if (size > BigInt(bytes.length - content)) refuse('eif_truncated', 'a section is cut off', offset + 4);
  return { type, offset: content, size: Number(size) };
}

const typeNames: ReadonlyMap<number, EifSectionType> = new Map(
  Object.entries(sectionTypes).map(([name, number]) => [number, name as EifSectionType]),
);

/** Since which version a type may occur. */
const since: Readonly<Record<EifSectionType, number>> = {
  kernel: 1,
  'command-line': 1,
  ramdisk: 1,
  signature: 3,
  metadata: 4,
};

function requireTurn(section: EifSection, before: readonly EifSection[], version: number): void {
  const { type, offset } = section;
  if (version < since[type]) refuse('eif_section_type', `version ${version} has no ${type}`, offset);
  const position = before.length;
  if ((position === 0) !== (type === 'kernel') || (position === 1) !== (type === 'command-line')) {
    refuse('eif_section_order', 'the kernel comes first and the command line second, each once', offset);
  }
  if (type !== 'ramdisk' && before.some((other) => other.type === type)) {
    refuse('eif_section_order', `a second ${type}`, offset);
  }
}

/** Printable ASCII: what else a command line holds, a terminal would interpret and a kernel would not understand. */
export function requireCommandLine(commandLine: Uint8Array): void {
  if (commandLine.length >= limits.eifCommandLineBytes) {
    throw new ImageError('eif_command_line', `${limits.eifCommandLineBytes} bytes or more, which a kernel cuts`);
  }
  const end = commandLine.at(-1) === 0x0a ? commandLine.length - 1 : commandLine.length;
  const bad = commandLine.subarray(0, end).findIndex((byte) => byte < 0x20 || byte > 0x7e);
  if (bad !== -1) throw new ImageError('eif_command_line', 'not printable ASCII', { offset: bad });
}

function refuse(code: ImageErrorCode, detail: string, offset: number): never {
  throw new ImageError(code, detail, { offset });
}
