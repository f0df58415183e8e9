import { gunzipSync } from 'node:zlib';
import { utf8 } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError } from '../errors.ts';
import { startsWith } from './bytes.ts';

/** A kernel's `.config`. An option that is missing or "is not set" is off. */
export interface KernelConfig {
  /** Major and minor from the comment at its top, "# Linux/x86 6.8.0 Kernel Configuration"; null without one. */
  readonly release: { readonly major: number; readonly minor: number } | null;
  /** By names without CONFIG_: `y`, `m`, a number, or quoted text. */
  readonly options: ReadonlyMap<string, string>;
}

const OPTION = /^CONFIG_([A-Za-z0-9_]{1,128})=(y|m|-?[0-9]{1,20}|0x[0-9A-Fa-f]{1,16}|"(?:[^"\\]|\\.)*")$/;
const UNSET = /^# CONFIG_([A-Za-z0-9_]{1,128}) is not set$/;
const RELEASE = /^# Linux\/\S+ (\d{1,3})\.(\d{1,3})(?!\d)\S* Kernel Configuration$/;

/** Every line is an option, an option that is off, a comment or empty; an option occurs once. */
export function parseKernelConfig(bytes: Uint8Array): KernelConfig {
  if (bytes.length > limits.kernelConfigBytes) throw malformed(`${bytes.length} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed('not UTF-8');
  }
  const options = new Map<string, string>();
  const seen = new Set<string>();
  let release: KernelConfig['release'] = null;
  for (const [index, line] of text.split('\n').entries()) {
    const unset = UNSET.exec(line);
    const set = OPTION.exec(line);
    const name = unset?.[1] ?? set?.[1];
    if (name !== undefined) {
      if (seen.has(name)) throw malformed('an option occurs twice', name);
      seen.add(name);
      if (set?.[2] !== undefined) options.set(name, set[2]);
      continue;
    }
    const [, major, minor] = RELEASE.exec(line) ?? [];
    if (major !== undefined) {
      if (release !== null) throw malformed('it is for two kernels');
      release = { major: Number(major), minor: Number(minor) };
    } else if (line !== '' && (!line.startsWith('#') || line.startsWith('# CONFIG_'))) {
      throw malformed(`line ${index + 1} is no line of a configuration`);
    }
  }
  if (options.size === 0) throw malformed('no option is set');
  return { release, options };
}

const START = utf8('IKCFG_ST');
const END = utf8('IKCFG_ED');
const GZIP = Uint8Array.of(0x1f, 0x8b);

/**
 * The configuration that a kernel built with IKCONFIG carries (kernel/configs.c): a gzip file between two marks. Null
 * when there is none. The first mark counts only with gzip behind it, because tools that look for it hold it too.
 */
export function findEmbeddedConfig(kernel: Uint8Array): Uint8Array | null {
  const haystack = Buffer.from(kernel.buffer, kernel.byteOffset, kernel.length);
  const found: number[] = [];
  for (let mark = haystack.indexOf(START); mark !== -1; mark = haystack.indexOf(START, mark + 1)) {
    if (startsWith(kernel, GZIP, mark + START.length)) found.push(mark + START.length);
  }
  const [start] = found;
  if (start === undefined) return null;
  if (found.length > 1) throw malformed('two configurations in one kernel');
  const end = haystack.indexOf(END, start);
  if (end === -1) throw malformed('the embedded configuration has no end');
  try {
    const config = gunzipSync(kernel.subarray(start, end), { maxOutputLength: limits.kernelConfigBytes });
    return new Uint8Array(config.buffer, config.byteOffset, config.length);
  } catch (error) {
    throw malformed(`the embedded configuration: ${(error as Error).message}`);
  }
}

function malformed(detail: string, name?: string): ImageError {
  return new ImageError('kernel_config_malformed', detail, name === undefined ? {} : { name });
}
