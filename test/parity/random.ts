import { createHash } from 'node:crypto';

/** Numbers that follow from a name: a case is the same wherever and whenever it is made again. */
export interface Random {
  readonly below: (bound: number) => number;
  readonly between: (least: number, most: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly bytes: (length: number) => Uint8Array;
  /** True once in `times`. */
  readonly once: (times: number) => boolean;
  readonly shuffled: <T>(list: readonly T[]) => readonly T[];
}

export function randomOf(name: string): Random {
  let block = 0;
  let pool: number[] = [];
  const byte = (): number => {
    if (pool.length === 0) pool = [...createHash('sha256').update(`parity ${name} ${block++}`).digest()];
    return pool.pop() as number;
  };
  // 48 bits over a bound below 2^24: what the division favours is less than one case in sixteen million.
  const below = (bound: number): number => {
    let value = 0;
    for (let i = 0; i < 6; i++) value = value * 256 + byte();
    return value % bound;
  };
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new RangeError('nothing to pick from');
      return list[below(list.length)] as T;
    },
    bytes: (length) => Uint8Array.from({ length }, byte),
    once: (times) => below(times) === 0,
    shuffled: <T>(list: readonly T[]): readonly T[] => {
      const rest = [...list];
      return list.map(() => rest.splice(below(rest.length), 1)[0] as T);
    },
  };
}
