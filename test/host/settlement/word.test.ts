import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Request, Response } from 'express';
import { describe, expect, it } from 'vitest';
import { settlementReader } from '../../../host/console/page/views/receipts/settlement-word.ts';
import { settlementRoute } from '../../../host/http/routes/settlement.ts';
import { createEntry, type Entry } from '../../../host/settlement/in-flight.ts';
import { headWordsOf, type SettlementWord, transactionWords } from '../../../host/settlement/word.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { parseJson } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../attestations/schemas/proofmark-settlement.schema.json', import.meta.url), 'utf8'),
) as object;
const isWord = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

const hash = (digit: string): `0x${string}` => `0x${digit.repeat(64)}`;
const entry = (nonce: number, changes: Partial<Pick<Entry, 'what' | 'hashes' | 'mined'>> = {}): Entry =>
  createEntry({
    what: 'claim',
    key: `${nonce}`,
    version: '',
    nonce,
    to: `0x${'11'.repeat(20)}`,
    data: '0x',
    gas: 1n,
    fee: { max: 1n, tip: 1n },
    now: 0,
    ...changes,
  });

const word: SettlementWord = {
  chainId: '31337',
  settlement: '0d'.repeat(20),
  unpostedLeaves: 3,
  quietSeconds: 0,
  heads: headWordsOf(new Map([[hash('a'), 7]])),
  transactions: transactionWords([
    entry(1, { what: 'postHead', hashes: [hash('1'), hash('2')], mined: { hash: hash('1'), block: 12n } }),
    entry(2, { hashes: [hash('3'), hash('4')] }),
    entry(3),
  ]),
};

function answered(said: SettlementWord | undefined): unknown {
  let body: unknown;
  const response = {
    json: (value: unknown) => {
      body = value;
    },
  } as Response;
  void settlementRoute(() => said)({} as Request, response, () => undefined);
  return body;
}

describe('what a host says of its settling', () => {
  it('is the transactions that are not final, newest first: the mined one of a number, or the last that was sent', () => {
    expect(word.transactions).toEqual([
      { what: 'claim', hash: null, block: null },
      { what: 'claim', hash: '4'.repeat(64), block: null },
      { what: 'postHead', hash: '1'.repeat(64), block: '12' },
    ]);
  });

  it('is of the published form, which the console reads', () => {
    for (const said of [word, undefined]) {
      const body = answered(said);
      expect(isWord(body), JSON.stringify(isWord.errors)).toBe(true);
      const read = settlementReader(parseJson(utf8(JSON.stringify(body)), limits.bundleBytes), 'settlement');
      expect(read.settlement?.unpostedLeaves).toBe(said?.unpostedLeaves);
    }
    expect(isWord({ settlement: { ...word, unclaimed: '5' } })).toBe(false);
    expect(() => settlementReader({ settlement: { ...word, unclaimed: '5' } }, 'settlement')).toThrow('unclaimed');
  });

  it('is bounded, as what the console reads of it is', () => {
    const many = transactionWords(Array.from({ length: limits.chainUnfinal + 9 }, (_, nonce) => entry(nonce)));
    expect(many).toHaveLength(limits.chainUnfinal);
    const heads = headWordsOf(
      new Map(Array.from({ length: 100 }, (_, at) => [hash('a').slice(0, -3) + String(at + 100), at])),
    );
    expect(heads).toHaveLength(limits.watchedHeads);
    expect(heads.at(-1)?.size).toBe(99);
  });
});
