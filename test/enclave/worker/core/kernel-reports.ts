import type { ReportDirectory } from '../../../../enclave/worker/snp-attester-configfs.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';

/**
 * Linux's configfs-tsm as drivers/virt/coco/tsm.c has it, for one provider: what an attribute takes and when, what each
 * write does to the generation, what is kept from one read to the next, and errors by name. Reports are made by the test.
 */
export interface KernelReports extends ReportDirectory {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly made: { readonly inblob: Uint8Array; readonly privlevel: number }[];
  provider: string | null;
  floor: number;
  auxblob: Uint8Array | null;
  /** What a new entry counts from: it is zero, but nobody promises that. */
  firstGeneration: bigint;
  report: (inblob: Uint8Array, privlevel: number) => Uint8Array;
  /** Runs before each call: throws what the kernel would, or does what another process could do. */
  before: (call: 'create' | 'write' | 'read' | 'remove', entry: string, attribute: string) => void;
  /** As a write by somebody else: to an entry that exists. */
  interfere(entry: string, inblob: Uint8Array): void;
}

interface Entry {
  writeGeneration: bigint;
  readGeneration: bigint;
  inblob: Uint8Array;
  privlevel: number;
  outblob: Uint8Array | null;
  auxblob: Uint8Array | null;
}

const HIGHEST_LEVEL = 3;
const INBLOB_BYTES = 64;

export function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}

export function createKernelReports(): KernelReports {
  const entries = new Map<string, Entry>();

  function find(name: string): Entry {
    const entry = entries.get(name);
    if (entry === undefined) throw errno('ENOENT');
    return entry;
  }

  function advance(entry: Entry): void {
    // The kernel's guard against writers that wrap the count around.
    if (entry.writeGeneration === BigInt.asUintN(64, entry.readGeneration - 1n)) throw errno('EBUSY');
    entry.writeGeneration = BigInt.asUintN(64, entry.writeGeneration + 1n);
  }

  function writeBlob(entry: Entry, inblob: Uint8Array): void {
    if (inblob.length > INBLOB_BYTES) throw errno('EFBIG');
    advance(entry);
    entry.inblob = Uint8Array.from(inblob);
  }

  function generate(entry: Entry): void {
    if (entry.inblob.length === 0) throw errno('EINVAL');
    if (entry.outblob !== null && entry.readGeneration === entry.writeGeneration) return;
    kernel.made.push({ inblob: entry.inblob, privlevel: entry.privlevel });
    entry.outblob = kernel.report(entry.inblob, entry.privlevel);
    entry.auxblob = kernel.auxblob;
    entry.readGeneration = entry.writeGeneration;
  }

  function readAttribute(entry: Entry, attribute: string): Uint8Array {
    switch (attribute) {
      case 'provider':
        return utf8(`${kernel.provider}\n`);
      case 'generation':
        return utf8(`${entry.writeGeneration}\n`);
      case 'privlevel_floor':
        return utf8(`${kernel.floor}\n`);
      case 'outblob':
        generate(entry);
        return entry.outblob as Uint8Array;
      case 'auxblob':
        generate(entry);
        return entry.auxblob ?? new Uint8Array(0);
      default:
        throw errno('EACCES');
    }
  }

  const kernel: KernelReports = {
    entries,
    made: [],
    provider: 'sev_guest',
    floor: 0,
    auxblob: null,
    firstGeneration: 0n,
    report: (inblob, privlevel) => fakeReport(inblob, privlevel),
    before: () => {},
    interfere: (name, inblob) => writeBlob(find(name), inblob),
    async create(name) {
      kernel.before('create', name, '');
      if (kernel.provider === null) throw errno('ENXIO');
      if (entries.has(name)) throw errno('EEXIST');
      const generation = kernel.firstGeneration;
      entries.set(name, {
        writeGeneration: generation,
        readGeneration: generation,
        inblob: new Uint8Array(0),
        privlevel: 0,
        outblob: null,
        auxblob: null,
      });
    },
    async write(name, attribute, bytes) {
      const entry = find(name);
      if (attribute === 'privlevel') {
        kernel.before('write', name, attribute);
        const level = Number(new TextDecoder().decode(bytes));
        if (!Number.isInteger(level) || level < kernel.floor || level > HIGHEST_LEVEL) throw errno('EINVAL');
        advance(entry);
        entry.privlevel = level;
      } else if (attribute === 'inblob') {
        try {
          kernel.before('write', name, attribute);
          writeBlob(entry, bytes);
        } catch {
          // Taken when the file is closed, and configfs gives no error back from there.
        }
      } else throw errno('EACCES');
    },
    async read(name, attribute, maxBytes) {
      kernel.before('read', name, attribute);
      const bytes = readAttribute(find(name), attribute);
      if (bytes.length > maxBytes) throw errno('EFBIG');
      return Uint8Array.from(bytes);
    },
    async remove(name) {
      kernel.before('remove', name, '');
      find(name);
      entries.delete(name);
    },
  };
  return kernel;
}

/** As long as a report, with the request where a report has it, and no signature that anybody could check. */
export function fakeReport(inblob: Uint8Array, privlevel: number): Uint8Array {
  const report = new Uint8Array(1_184);
  report.set(concatBytes(Uint8Array.of(privlevel), new Uint8Array(3)), 0x30);
  report.set(inblob, 0x50);
  return report;
}
