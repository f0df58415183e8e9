import { boolean, object, oneOf, optional, type Reader, text } from '../../../../wire/codec/fields.ts';

/** What the server of the page says of itself in `console.json`, beside the page. */
export interface ConsoleSettings {
  /** Whose code this page is: the host's that is judged here, or that of the user's own package. */
  readonly servedBy: 'host' | 'package';
  /** Under which path of the page's own origin the host's API is reached. */
  readonly base: string;
  /** Whether `policy.json` beside the page is the policy that the user named. */
  readonly policy: boolean;
  /** Whether `/chain` passes on questions to a chain. */
  readonly chain: boolean;
  /** Whether `/hub` passes on questions to a hub; null where the server says nothing of one. */
  readonly hub: boolean | null;
  /** The host that is looked at, as the user named it; empty where it is the page's own origin. */
  readonly target: string;
  /** Of the package that the page was built in. */
  readonly version: string;
  /** SHA-256 over all files of the page, as `proofmark console` prints it. */
  readonly digest: string;
}

const read: Reader<ConsoleSettings> = object<ConsoleSettings>({
  servedBy: oneOf(['host', 'package']),
  base: text({ min: 0, max: 64, pattern: /^(\/[a-z]+)?$/ }),
  policy: boolean(),
  chain: boolean(),
  hub: optional(boolean()),
  target: text({ min: 0, max: 2_048 }),
  version: text({ min: 1, max: 64 }),
  digest: text({ min: 64, max: 64, pattern: /^[0-9a-f]{64}$/ }),
});

export const SETTINGS_BYTES = 8_192;

export function parseSettings(value: unknown): ConsoleSettings {
  return read(value, 'console.json');
}
