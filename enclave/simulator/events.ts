import type { SandboxWarning } from './sandbox.ts';

/** What a supervisor tells while it runs. */
export type Role = 'signer' | 'worker' | 'host';

export type SupervisorEvent =
  | { readonly kind: 'warning'; readonly warning: SandboxWarning }
  | { readonly kind: 'started'; readonly role: Role; readonly pid: number | null }
  | { readonly kind: 'exited'; readonly role: Role; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: 'failed'; readonly role: 'enclave' | 'host'; readonly detail: string }
  | { readonly kind: 'restarting'; readonly role: 'enclave' | 'host'; readonly delayMs: number }
  | { readonly kind: 'output'; readonly role: Role; readonly line: string };
