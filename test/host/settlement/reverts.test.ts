import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeErrorResult, type Hex, parseAbi, toFunctionSelector } from 'viem';
import { describe, expect, it } from 'vitest';
import { artifact } from '../../../contracts/tools/artifacts.ts';
import { revertReason } from '../../../host/settlement/reverts.ts';

const SOURCES = join(import.meta.dirname, '../../../contracts/src');
/** What no call of a settler reaches. */
const OTHERS = ['consumer', 'examples', 'models', 'policy', 'proved', 'results'];
const plain = parseAbi(['error Error(string said)', 'error Panic(uint256 code)']);

/** By their signatures, as the sources have them. */
function declaredErrors(): readonly string[] {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sol') && !OTHERS.some((folder) => name.startsWith(`${folder}/`)))
    .flatMap((name) => [...readFileSync(join(SOURCES, name), 'utf8').matchAll(/^\s*error (\w+)\(([^)]*)\);/gm)])
    .map(([, name, given = '']) => {
      const types = given.split(',').map((argument) => argument.trim().split(' ')[0]);
      return `${name}(${types.join(',')})`;
    });
}

describe('why a contract said no', () => {
  it('is told by the name of each error that the sources declare', () => {
    const declared = declaredErrors();
    expect(declared.length).toBeGreaterThan(100);
    for (const signature of declared) {
      expect(revertReason(toFunctionSelector(signature))).toBe(signature.replace(/\(.*/, ''));
    }
  });

  it.each(['Settlement', 'WorkerRegistry', 'NitroVerifier', 'SevSnpVerifier'])(
    'is told by the name of each error that the compiler knows in %s',
    async (name) => {
      for (const item of (await artifact(name)).abi) {
        if (item.type !== 'error') continue;
        const args = item.inputs.map(({ type }) => (type === 'address' ? `0x${'11'.repeat(20)}` : 7n));
        expect(revertReason(encodeErrorResult({ abi: [item], args }))).toBe(item.name);
      }
    },
  );

  it.each<[string, Hex, string]>([
    ['nothing', '0x', 'not_told'],
    ['less than a selector', '0x112233', 'not_told'],
    ['an error of a stranger', '0xdeadbeef00', '0xdeadbeef'],
    ['a sentence', encodeErrorResult({ abi: plain, errorName: 'Error', args: ['too little'] }), 'Error: too little'],
    ['half a sentence', '0x08c379a000', 'Error: not readable'],
    ['a fault of arithmetic', encodeErrorResult({ abi: plain, errorName: 'Panic', args: [17n] }), 'Panic: 17'],
  ])('is told in its own form: %s', (_, data, reason) => {
    expect(revertReason(data)).toBe(reason);
  });

  it('brings no text of a stranger into a log that is long, or more than one line', () => {
    const said = `x\n{"event":"forged"}\u2028${'y'.repeat(5_000)}`;
    const reason = revertReason(encodeErrorResult({ abi: plain, errorName: 'Error', args: [said] }));
    expect(reason).toMatch(/^Error: x\?\{"event":"forged"\}\?y+$/);
    expect(reason.length).toBeLessThan(120);
  });
});
