import { type NitroPolicy, verifyNitroDocument } from '../../verifier/index.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';

const MASKS = [0x01, 0x80, 0xff] as const;

export interface FlipOptions {
  readonly document: Uint8Array;
  readonly policy: NitroPolicy;
  readonly now: number;
  /** Every which byte is changed. */
  readonly stride: number;
  /** All three masks for each byte, or one of them in turn. */
  readonly masks: 'all' | 'in turn';
}

export interface FlipReport {
  readonly tried: number;
  /** Places at which a changed document was not refused: there must be none. */
  readonly accepted: readonly string[];
  readonly codes: ReadonlySet<string>;
}

/** Changes a genuine document byte by byte and verifies each result. */
export async function flipBytes({ document, policy, now, stride, masks }: FlipOptions): Promise<FlipReport> {
  const accepted: string[] = [];
  const codes = new Set<string>();
  let tried = 0;
  for (let at = 0; at < document.length; at += stride) {
    const chosen = masks === 'all' ? MASKS : [MASKS[(at / stride) % MASKS.length] as number];
    for (const mask of chosen) {
      const changed = Uint8Array.from(document);
      changed[at] = (changed[at] as number) ^ mask;
      const verdict = await verifyNitroDocument(changed, {
        policy,
        now,
        challenge: 'any',
        suite: nodeSuite,
        cache: 'none',
      });
      tried += 1;
      if (verdict.verdict === 'accepted') accepted.push(`byte ${at} xor ${mask}`);
      else codes.add(verdict.code);
    }
  }
  return { tried, accepted, codes };
}
