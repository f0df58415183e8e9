import type { ShownHead } from '../../../../../client/watch/fetch.ts';
import { toBase64url, toHex, utf8 } from '../../../../../wire/bytes.ts';
import { array, base64urlBytes, hexBytes, object, type Reader } from '../../../../../wire/codec/fields.ts';
import { parseJson } from '../../../../../wire/codec/json.ts';
import { WireError } from '../../../../../wire/errors.ts';
import { limits } from '../../../../../wire/limits.ts';
import { HEAD_BYTES } from '../../../../../wire/message/receipt.ts';
import type { TextStore } from '../../connection/policy.ts';

interface Kept extends ShownHead {
  readonly log: Uint8Array;
}

const KEPT_AS = 'proofmark.heads';

const reader: Reader<readonly Kept[]> = array(
  object<Kept>({ log: hexBytes(32), head: base64urlBytes(HEAD_BYTES), signature: base64urlBytes(64) }),
  { min: 0, max: limits.watchedHeads },
);

/** The newest head of each log that this browser was shown: without it, a log rewritten since the last visit is not noticed. */
export function rememberedHeads(store: TextStore, log: Uint8Array): readonly ShownHead[] {
  const wanted = toHex(log);
  return load(store)
    .filter((kept) => toHex(kept.log) === wanted)
    .map(({ head, signature }) => ({ head, signature }));
}

/** Replaces what was kept of that log. The logs that were looked at last stay. */
export function rememberHead(store: TextStore, log: Uint8Array, { head, signature }: ShownHead): void {
  const others = load(store).filter((kept) => toHex(kept.log) !== toHex(log));
  const heads = [...others, { log, head, signature }].slice(-limits.watchedHeads);
  const written = heads.map((kept) => ({
    log: toHex(kept.log),
    head: toBase64url(kept.head),
    signature: toBase64url(kept.signature),
  }));
  store.save(KEPT_AS, JSON.stringify(written));
}

/** What cannot be read is as good as nothing: it is only ever used against a host. */
function load(store: TextStore): readonly Kept[] {
  const text = store.load(KEPT_AS);
  if (text === undefined) return [];
  try {
    return reader(parseJson(utf8(text), limits.bundleBytes), 'heads');
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}
