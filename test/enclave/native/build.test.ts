import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  buildNative,
  buildSandboxFilter,
  compilerVersions,
  nativeTargets,
  prebuiltBy,
  prebuiltFolder,
  SANDBOX_FILTER,
} from '../../../enclave/native/build.ts';
import { refusedSyscalls } from '../../../enclave/native/refused-syscalls.ts';
import { syscalls } from '../../../enclave/worker/confine/syscalls.ts';

const scratch = mkdtempSync(join(tmpdir(), 'proofmark-native-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const found = await compilerVersions();
const same = found?.compiler === prebuiltBy.compiler && found.linker === prebuiltBy.linker;
const HEADER = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';

describe('what is committed', () => {
  it.each(nativeTargets)('$output is small, runnable and without a trace of where it was built', ({ output, kind }) => {
    const path = join(prebuiltFolder, output);
    const bytes = readFileSync(path);
    expect(bytes.subarray(0, 4)).toEqual(Buffer.from('\x7fELF', 'latin1'));
    expect(bytes.length).toBeLessThan(32_768);
    if (kind === 'program') expect(statSync(path).mode & 0o111).toBe(0o111);
    expect(bytes.toString('latin1')).not.toMatch(/\/(home|root|work|tmp)\/|GCC:|GLIBC|libc\.so/);
  });

  it('the call filter of the sandbox is what its description assembles to', async () => {
    await buildSandboxFilter(scratch);
    expect(readFileSync(join(scratch, SANDBOX_FILTER))).toEqual(readFileSync(join(prebuiltFolder, SANDBOX_FILTER)));
  });
});

describe.skipIf(!same)(
  `built again (skipped without gcc ${prebuiltBy.compiler} and ld ${prebuiltBy.linker})`,
  { timeout: 60_000 },
  () => {
    it.each(nativeTargets)('$output has the committed bytes', async (target) => {
      await buildNative(target, scratch);
      expect(readFileSync(join(scratch, target.output))).toEqual(readFileSync(join(prebuiltFolder, target.output)));
    });
  },
);

describe.skipIf(!existsSync(HEADER))('the table of system calls (skipped without the kernel’s headers)', () => {
  it('is the kernel’s', () => {
    const header = new Map(
      [...readFileSync(HEADER, 'utf8').matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name, value]) => [
        name,
        Number(value),
      ]),
    );
    for (const [name, value] of Object.entries({ ...syscalls, ...refusedSyscalls }))
      expect([name, header.get(name)]).toEqual([name, value]);
  });
});
