import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rmdir } from 'node:fs/promises';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { SNP_REPORT_BYTES, type SnpReportRequest } from '../../wire/message/snp-guest.ts';
import { type Attestation, AttesterError } from './attester.ts';
import { deviceError, oneAtATime } from './attester-exchange.ts';
import type { ReportSource } from './snp-attester.ts';

/**
 * Linux's configfs-tsm, usually /sys/kernel/config/tsm/report (6.7 and later; Documentation/ABI/testing/
 * configfs-tsm-report): a directory that one makes becomes one's own request, and its files are its fields.
 */
export interface ReportDirectory {
  create(entry: string): Promise<void>;
  write(entry: string, attribute: string, bytes: Uint8Array): Promise<void>;
  /** Fails where there is more than `maxBytes`. */
  read(entry: string, attribute: string, maxBytes: number): Promise<Uint8Array>;
  remove(entry: string): Promise<void>;
}

const PROVIDER = 'sev_guest';
const TEXT_BYTES = 32;
const HIGHEST_LEVEL = 3;
/** privlevel and inblob. */
const WRITES = 2n;
/** An `unsigned long` of the kernel. */
const GENERATION_BITS = 64;

export async function openReportDirectory(path: string): Promise<ReportSource> {
  return openReports(kernelDirectory(path));
}

export async function openReports(directory: ReportDirectory): Promise<ReportSource> {
  const vmpl = await withEntry(directory, (entry) => readLevel(directory, entry));
  return {
    vmpl,
    report: oneAtATime((request: SnpReportRequest) =>
      withEntry(directory, (entry) => reportOnce(directory, entry, request)),
    ),
  };
}

/** Of the vendor's driver, so that no other vendor's blob is taken for a report, and where this guest runs. */
async function readLevel(directory: ReportDirectory, entry: string): Promise<number> {
  const provider = await readLine(directory, entry, 'provider');
  if (provider !== PROVIDER) throw new AttesterError('device_unreachable', 'the provider of reports is another one');
  const level = await readNumber(directory, entry, 'privlevel_floor');
  if (level > HIGHEST_LEVEL) throw new AttesterError('device_protocol', 'an unknown privilege level');
  return Number(level);
}

/**
 * The kernel tells of conflicting writers by its count of writes alone; it also swallows an error of `inblob`, whose
 * bytes it takes when the file is closed. Either way the count is not what our own two writes make it.
 */
async function reportOnce(
  directory: ReportDirectory,
  entry: string,
  { reportData, vmpl }: SnpReportRequest,
): Promise<Attestation> {
  const before = await readNumber(directory, entry, 'generation');
  await directory.write(entry, 'privlevel', utf8(`${vmpl}`));
  await directory.write(entry, 'inblob', reportData);
  const document = await directory.read(entry, 'outblob', SNP_REPORT_BYTES);
  const table = await directory.read(entry, 'auxblob', limits.snpTableBytes);
  const after = await readNumber(directory, entry, 'generation');
  if (after !== BigInt.asUintN(GENERATION_BITS, before + WRITES)) {
    // Tried again with an entry of another name, a few times.
    throw new AttesterError('device_busy', 'another process wrote into this request');
  }
  if (document.length !== SNP_REPORT_BYTES) {
    throw new AttesterError('device_protocol', `a report of ${document.length} bytes`);
  }
  return { document, certificateTable: table.length === 0 ? null : table };
}

/** Entries hold kernel memory until they are removed, so one that stays is an error even after a good report. */
async function withEntry<T>(directory: ReportDirectory, use: (entry: string) => Promise<T>): Promise<T> {
  const entry = `proofmark-${toHex(new Uint8Array(randomBytes(8)))}`;
  try {
    await directory.create(entry);
    const result = await use(entry).catch(async (error: unknown) => {
      await directory.remove(entry).catch(() => {});
      throw error;
    });
    await directory.remove(entry);
    return result;
  } catch (error) {
    throw deviceError(error);
  }
}

async function readNumber(directory: ReportDirectory, entry: string, attribute: string): Promise<bigint> {
  const line = await readLine(directory, entry, attribute);
  if (!/^\d{1,20}$/.test(line)) throw new AttesterError('device_protocol', `${attribute} is no number`);
  return BigInt(line);
}

async function readLine(directory: ReportDirectory, entry: string, attribute: string): Promise<string> {
  const text = new TextDecoder().decode(await directory.read(entry, attribute, TEXT_BYTES));
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

export function kernelDirectory(path: string): ReportDirectory {
  const fileOf = (entry: string, attribute: string): string => `${path}/${entry}/${attribute}`;
  return {
    create: async (entry) => void (await mkdir(`${path}/${entry}`)),
    remove: (entry) => rmdir(`${path}/${entry}`),
    write: (entry, attribute, bytes) =>
      // Neither created nor cut to length: an attribute is there or it is not.
      withFile(fileOf(entry, attribute), constants.O_WRONLY, async (file) => {
        const { bytesWritten } = await file.write(bytes);
        if (bytesWritten !== bytes.length) throw new AttesterError('device_protocol', `${attribute} took a part only`);
      }),
    read: (entry, attribute, maxBytes) =>
      withFile(fileOf(entry, attribute), constants.O_RDONLY, (file) => readAll(file, attribute, maxBytes)),
  };
}

async function withFile<T>(path: string, flags: number, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags | constants.O_NOFOLLOW);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** These files have no size: they end where a read gives nothing. */
async function readAll(file: FileHandle, attribute: string, maxBytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.slice(0, length);
    length += bytesRead;
  }
  throw new AttesterError('device_protocol', `${attribute} has more than ${maxBytes} bytes`);
}
