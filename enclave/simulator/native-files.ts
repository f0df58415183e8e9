import { fileURLToPath } from 'node:url';

/** Our own native code lies at one place, of which a compiled copy of this file is one folder deeper than its source. */
const UP = import.meta.url.endsWith('.ts') ? '../..' : '../../..';

export function nativeFile(name: 'confine' | 'sandbox.bpf'): string {
  return fileURLToPath(new URL(`${UP}/enclave/native/prebuilt/linux-x64/${name}`, import.meta.url));
}
