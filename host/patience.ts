/** How long the host waits for a worker, in milliseconds. */
export interface Patience {
  /** Between two attempts to connect: doubles from the first to the second. */
  readonly reconnectMs: readonly [number, number];
  readonly stateMs: number;
  readonly configureMs: number;
  readonly attestMs: number;
  readonly releaseMs: number;
  readonly handshakeMs: number;
  /** Beyond what the configuration allows the model itself: waiting for its turn, and the way there and back. */
  readonly queueMs: number;
  /** Before a release whose key KMS could not give is offered again. */
  readonly keyRetryMs: number;
}

export const patience: Patience = {
  reconnectMs: [50, 2_000],
  stateMs: 5_000,
  configureMs: 30_000,
  attestMs: 10_000,
  releaseMs: 60_000,
  handshakeMs: 5_000,
  queueMs: 20_000,
  keyRetryMs: 30_000,
};
