import { sha256 } from '../../wire/crypto/node.ts';
import { drawPreimage, type SampleFields, samplePreimage } from '../../wire/message/finding.ts';
import { readUint } from '../../wire/words.ts';

export function sampleSeed(fields: SampleFields): Uint8Array {
  return sha256(samplePreimage(fields));
}

/** So many different leaves of a tree, in the order in which they are drawn; all of a tree that has no more. */
export function drawIndexes(seed: Uint8Array, size: number, samples: number): readonly number[] {
  const wanted = Math.min(samples, size);
  const drawn = new Set<number>();
  // A number of 256 bits modulo one of 48: nobody can tell it from an even draw.
  for (let draw = 0; drawn.size < wanted; draw++) {
    drawn.add(Number(readUint(sha256(drawPreimage(seed, draw))) % BigInt(size)));
  }
  return [...drawn];
}
