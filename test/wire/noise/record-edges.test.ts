import { describe, expect, it } from 'vitest';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { WireError } from '../../../wire/errors.ts';
import { LAST_COUNTER, openRecord, type RecordPlace, sealRecord } from '../../../wire/noise/record.ts';

const key = new Uint8Array(32).fill(1);
const hash = new Uint8Array(32).fill(2);
const place: RecordPlace = { direction: 'to-worker', request: LAST_COUNTER, chunk: LAST_COUNTER, final: true };
const data = Uint8Array.of(7);

const seal = (at: RecordPlace): Promise<Uint8Array> => sealRecord(nodeSuite, key, hash, at, data, 'stream');

describe('a record at the edge', () => {
  it('may have the last numbers of a session', async () => {
    const opened = await openRecord(nodeSuite, key, hash, 'to-worker', await seal(place));
    expect(opened).toEqual({ place, data });
  });

  it.each(['request', 'chunk'] as const)('may not have a %s number after the last', async (counter) => {
    await expect(seal({ ...place, [counter]: LAST_COUNTER + 1 })).rejects.toMatchObject({ code: 'record_exhausted' });
  });

  it('is refused at the byte that says whether it is final', async () => {
    const record = await seal(place);
    record[8] = 2;
    const refusal = await openRecord(nodeSuite, key, hash, 'to-worker', record).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(WireError);
    expect(refusal).toMatchObject({ code: 'record_invalid', place: { offset: 8 } });
  });
});
