import type { WorkerRefusalCode } from '../../wire/message/link.ts';

const DETAIL_CHARACTERS = 1_024;

/** The worker will not do what a frame asks, and no receipt comes of it. */
export class Refusal extends Error {
  readonly code: WorkerRefusalCode;

  constructor(code: WorkerRefusalCode, detail: string) {
    // A publisher's names may be quoted in it: cut as ASCII, it is a text that the host can read whatever they were.
    super(detail.replace(/[^\x20-\x7e]+/g, '?').slice(0, DETAIL_CHARACTERS));
    this.name = 'Refusal';
    this.code = code;
  }
}
