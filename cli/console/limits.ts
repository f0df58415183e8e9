import { limits } from '../../wire/limits.ts';

interface ConsoleLimits {
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly pathCharacters: number;
  readonly chainRequestBytes: number;
  readonly chainAnswerBytes: number;
  readonly idleMilliseconds: number;
  readonly connections: number;
}

/** What the console's own server takes from its page and from the two servers that it asks. */
export const consoleLimits: ConsoleLimits = {
  /** A sealed record of the largest request. */
  requestBytes: limits.frameBytes,
  /** The answer to that, or a whole stream: records and their lengths. */
  answerBytes: 2 * limits.frameBytes,
  /** A path with two digests in it and a query of as many. */
  pathCharacters: 1_024,
  /** One question to a chain: a call with a few words of data. */
  chainRequestBytes: 65_536,
  /** Blocks and logs, as the host's own settlement takes them. */
  chainAnswerBytes: limits.chainAnswerBytes,
  /** Until the next piece of an answer: a worker may generate for a while before its first. */
  idleMilliseconds: 120_000,
  /** Connections at once: a browser keeps six, and a person has a few tabs. */
  connections: 64,
};
