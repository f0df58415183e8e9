import type { WorkerRefusalCode } from '../../wire/message/link.ts';

/** The worker will not do what a frame asks, and no receipt comes of it. */
export class Refusal extends Error {
  readonly code: WorkerRefusalCode;

  constructor(code: WorkerRefusalCode, detail: string) {
    super(detail);
    this.name = 'Refusal';
    this.code = code;
  }
}
