import type { WorkerPolicy } from '../verifier/policy/worker-policy.ts';
import { nodeSuite } from '../wire/crypto/node.ts';
import { type Client, createClient } from './client.ts';
import type { PaymentOptions } from './payment/payer.ts';
import type { MomentSource } from './session.ts';
import { fetchTransport } from './transport.ts';

export { floatTensor, type Tensor, tensorValues } from '../wire/message/tensor.ts';
export { type Client, type ClientOptions, createClient, type InferCall, type InferResult } from './client.ts';
export { ClientError, type ClientErrorCode } from './errors.ts';
export { fileStore } from './payment/file-store.ts';
export type { PaymentOptions } from './payment/payer.ts';
export { memoryStore, type PaymentStore, type Tab } from './payment/store.ts';
export type { MomentSource } from './session.ts';
export { fetchTransport, type HostTransport } from './transport.ts';

export interface ConnectOptions {
  readonly policy: WorkerPolicy;
  readonly timeoutMs?: number;
  readonly moments?: MomentSource;
  readonly payment?: PaymentOptions;
}

/** A client for a host at `url` whose workers must satisfy `policy`. Nothing is sent before the first call. */
export function connect(url: string, options: ConnectOptions): Client {
  return createClient({
    host: fetchTransport({ url, timeoutMs: options.timeoutMs ?? 30_000 }),
    policy: options.policy,
    suite: nodeSuite,
    now: () => Date.now(),
    ...(options.moments === undefined ? {} : { moments: options.moments }),
    ...(options.payment === undefined ? {} : { payment: options.payment }),
  });
}
