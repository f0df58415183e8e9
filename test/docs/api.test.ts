import { describe, expect, test } from 'vitest';
import * as client from '../../client/index.ts';
import * as web from '../../client/web.ts';
import * as verifier from '../../verifier/index.ts';
import * as wire from '../../wire/index.ts';
import * as wireNode from '../../wire/node.ts';
import { exportsOf } from './api.ts';

describe('the API reference', () => {
  test.each([
    ['verifier/index.ts', verifier],
    ['client/index.ts', client],
    ['client/web.ts', web],
    ['wire/index.ts', wire],
    ['wire/node.ts', wireNode],
  ])('has every name that %s gives at run time', (entry, loaded) => {
    const names = new Set(exportsOf(entry).map(({ name }) => name));
    expect(Object.keys(loaded).filter((name) => !names.has(name))).toEqual([]);
  });

  test('says what each function of verifier and client is for', () => {
    const silent = ['verifier/index.ts', 'client/index.ts', 'client/web.ts']
      .flatMap(exportsOf)
      .filter(({ declaration, comment }) => declaration.startsWith('function ') && comment === '');
    expect([...new Set(silent.map(({ name }) => name))]).toEqual([]);
  });

  test('shows declarations without a body', () => {
    const { declaration } = exportsOf('verifier/index.ts').find(({ name }) => name === 'verifyReceipt') ?? {};
    expect(declaration).toMatch(/^function verifyReceipt\(bundle: ReceiptBundle, options: ReceiptOptions\): .*;$/);
  });
});
