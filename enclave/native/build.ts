import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { assembleFilter } from '../worker/confine/seccomp.ts';
import { sandboxFilter } from './sandbox-filter.ts';

/**
 * Builds the native code of an enclave: a few kilobytes of C without a library. The results are committed under
 * prebuilt/, so that nobody needs a compiler; whoever has the compiler below gets the same bytes, and a test compares.
 */
export interface NativeTarget {
  readonly source: string;
  readonly output: string;
  /** `addon` is loaded by node, which resolves its undefined symbols; `program` is started by itself. */
  readonly kind: 'addon' | 'program';
}

export const nativeTargets: readonly NativeTarget[] = [
  { source: 'guard.c', output: 'guard.node', kind: 'addon' },
  { source: 'confine.c', output: 'confine', kind: 'program' },
  { source: 'init.c', output: 'init', kind: 'program' },
  { source: 'nsm-cuse.c', output: 'nsm-cuse', kind: 'program' },
];

export const sourceFolder: string = import.meta.dirname;
export const prebuiltFolder: string = join(sourceFolder, 'prebuilt', 'linux-x64');
/** The filter around the sandbox of the process tier, in the form that bubblewrap takes. */
export const SANDBOX_FILTER = 'sandbox.bpf';
/** The only compiler and linker for which equal bytes are claimed: those of Debian 12. */
export const prebuiltBy = { compiler: '12.2.0', linker: '2.40' } as const;

const COMPILER = 'gcc';
const WARNINGS = ['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wvla'];
const CODE = [
  ...['-std=gnu11', '-O2', '-march=x86-64', '-nostdlib', '-ffreestanding'],
  // No library stands behind these, or the code itself is what they would call.
  ...['-fno-builtin', '-fno-stack-protector', '-fno-tree-loop-distribute-patterns', '-fcf-protection=none'],
  // Tables that only debuggers and C++ read, and the compiler's own name.
  ...['-fno-asynchronous-unwind-tables', '-fno-unwind-tables', '-fno-ident', '-fvisibility=hidden'],
];
const LINK = [
  ...['--build-id=none', '--strip-all', '-z', 'noexecstack', '-z', 'relro', '-z', 'now'],
  // Page-aligned segments would fill most of such small files with zeros.
  ...['-z', 'noseparate-code', '--orphan-handling=place'],
].map((option) => `-Wl,${option}`);
const KIND: Readonly<Record<NativeTarget['kind'], readonly string[]>> = {
  addon: ['-shared', '-fPIC', '-Wl,--hash-style=gnu'],
  program: ['-static', '-no-pie', '-fno-pie'],
};

export async function buildNative(target: NativeTarget, outDir: string): Promise<void> {
  await mkdir(outDir, { recursive: true });
  const output = join(outDir, target.output);
  // The source is named without a folder, from within its folder: no path of this machine can reach the output.
  const args = [...CODE, ...WARNINGS, ...KIND[target.kind], ...LINK, '-o', resolve(output), target.source];
  await promisify(execFile)(COMPILER, args, { cwd: sourceFolder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } });
  await chmod(output, 0o755);
}

export async function buildSandboxFilter(outDir: string): Promise<void> {
  await mkdir(outDir, { recursive: true });
  await writeFile(join(outDir, SANDBOX_FILTER), assembleFilter(sandboxFilter));
}

/** Null where there is none. */
export async function compilerVersions(): Promise<{ readonly compiler: string; readonly linker: string } | null> {
  try {
    const [compiler, linker] = await Promise.all([
      promisify(execFile)(COMPILER, ['-dumpfullversion']),
      promisify(execFile)('ld', ['-v']),
    ]);
    return { compiler: compiler.stdout.trim(), linker: /([\d.]+)\s*$/.exec(linker.stdout)?.[1] ?? 'unknown' };
  } catch {
    return null;
  }
}

if (process.argv[1] === import.meta.filename) {
  for (const target of nativeTargets.filter(({ source }) => existsSync(join(sourceFolder, source)))) {
    await buildNative(target, prebuiltFolder);
    process.stdout.write(`${target.output}\n`);
  }
  await buildSandboxFilter(prebuiltFolder);
  process.stdout.write(`${SANDBOX_FILTER}\n`);
}
