export const findingIds = [
  'node',
  'platform',
  'checkout',
  'worker',
  'express',
  'lmdb',
  'node-forge',
  'onnxruntime-node',
  'engine',
  'viem',
  'aws-kms',
  'bubblewrap',
  'libraries',
  'namespaces',
  'system-call-filter',
  'setpriv',
  'emulator',
  'firmware',
  'kvm',
  'image-inputs',
  'image-tools',
  'compiler',
  'chain',
  'nitro-module',
  'nitro-parent',
  'vsock',
  'snp-reports',
  'snp-device',
  'snp-host',
  'snp-emulator',
  'snp-firmware',
  'random',
  'memory',
  'scratch',
  'state',
  'disk',
  'port-host',
  'port-hub',
  'open-files',
  'locked-memory',
  'clock',
] as const;

export type FindingId = (typeof findingIds)[number];

/** `limited` can be used, with a catch. `unknown` is what a look found no answer to, and counts as not there. */
export type State = 'good' | 'limited' | 'lacking' | 'unknown';

/** What one look found. Where all is good there is nothing to do about it. */
export type Look =
  | { readonly state: 'good'; readonly found: string }
  | { readonly state: 'limited' | 'lacking'; readonly found: string; readonly todo: string };

export interface Finding {
  readonly id: FindingId;
  readonly title: string;
  readonly state: State;
  readonly found: string;
  /** What depends on it. */
  readonly means: string;
  readonly todo: string | null;
}

export type Findings = Readonly<Record<FindingId, Finding>>;

export const good = (found: string): Look => ({ state: 'good', found });

export const limited = (found: string, todo: string): Look => ({ state: 'limited', found, todo });

export const lacking = (found: string, todo: string): Look => ({ state: 'lacking', found, todo });
