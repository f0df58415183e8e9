import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerLines,
  chainLines,
  checkLines,
  heading,
  jsonLine,
  notProvenLines,
  outcomeCounts,
  printable,
  workerLines,
} from '../../cli/report.ts';
import type { InferResult } from '../../client/index.ts';
import { type Check, requireAccepted, verifyRelease } from '../../verifier/index.ts';
import { concatBytes, u32, utf8 } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { policyFor, provenWorker } from '../support/accept-answer.ts';
import { answer, plain, publisher } from '../support/answer.ts';
import { judgeReceipt } from '../support/judge-receipt.ts';

const quiet = { colours: false };

/** What could move the cursor, colour or hide text, turn its direction, or break the line. */
const hostile = '\u001b[2J\u009b31m\r\n\u202e\u2066\u200b\u2028\ufeff\u{e0041}\u0000';
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function expectTame(text: string): void {
  expect(text.replaceAll('\n', '')).not.toMatch(DANGEROUS);
}

const check = (change: Partial<Check>): Check => ({
  id: 'X1',
  title: 'a rule',
  outcome: 'passed',
  detail: '',
  ...change,
});

describe('printable', () => {
  it('replaces every character that a terminal obeys, and no other', () => {
    expect(printable(`a${hostile}b`)).toBe(`a\ufffd[2J\ufffd31m${'\ufffd'.repeat(9)}b`);
    expect(printable('Größe 模型 ✓ 👍 e\u0301 — ok')).toBe('Größe 模型 ✓ 👍 e\u0301 — ok');
    expect(printable('\ud800')).toBe('\ufffd');
  });

  it('holds for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => expectTame(printable(text))));
  });
});

describe('jsonLine', () => {
  it('escapes what a terminal obeys and changes no value', () => {
    const value = { [`key${hostile}`]: [`text${hostile}`, 1, null] };
    const line = jsonLine(JSON.stringify(value));
    expectTame(line);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual(value);
  });

  it('holds for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const line = jsonLine(JSON.stringify(text));
        expectTame(line);
        expect(JSON.parse(line)).toBe(text);
      }),
    );
  });
});

describe('the list of checks', () => {
  it('has one line each, with a mark for each outcome', () => {
    const lines = checkLines(
      (['passed', 'failed', 'not-asked', 'not-reached'] as const).map((outcome) => check({ outcome, detail: outcome })),
      quiet,
    );
    expect(lines).toBe(
      '  ✓ X1   a rule  passed\n  ✗ X1   a rule  failed\n  · X1   a rule  not-asked\n  – X1   a rule  not-reached\n',
    );
  });

  it('keeps a detail to its line, whatever it holds', () => {
    const lines = checkLines([check({ detail: `${hostile}${'x'.repeat(500)}` })], quiet);
    expectTame(lines);
    expect(lines.split('\n')).toHaveLength(2);
    expect(lines.length).toBeLessThan(130);
    expect(lines).toContain('…');
  });

  it('is coloured only where that was asked for', () => {
    expect(checkLines([check({ outcome: 'failed' })], quiet)).not.toContain('\u001b');
    expect(checkLines([check({ outcome: 'failed' })], { colours: true })).toContain('\u001b[31m✗\u001b[0m');
    expect(heading('Checks', quiet)).toBe('\nChecks\n');
  });

  it('is counted by outcome', () => {
    const checks = [check({}), check({}), check({ outcome: 'failed' }), check({ outcome: 'not-asked' })];
    expect(outcomeCounts(checks)).toBe('2 passed, 1 failed, 1 not asked by the policy, 0 not reached');
  });

  it('is followed by what was not proven, in lines of their own', () => {
    const lines = notProvenLines(
      [
        { id: 'A', reason: `one${hostile}` },
        { id: 'B', reason: 'two' },
      ],
      quiet,
    );
    expectTame(lines);
    expect(lines.split('\n')).toHaveLength(3);
  });
});

describe('the facts of a worker', () => {
  it('are one to a line', async () => {
    const lines = workerLines(await provenWorker(), quiet);
    expect(lines).toContain('level               simulated: nobody vouches for it');
    expect(lines).toContain(`  PCR0              ${'01'.repeat(48)}`);
    expect(lines).toContain('key accepted until  2030-05-17T12:10:00.000Z');
    expect(lines).toContain('chain             none');
    expect(chainLines(await provenWorker()).split('\n')).toHaveLength(6);
  });

  it('cannot rewrite the report: names come from the evidence', async () => {
    const { evidence } = answer({
      runtime: { engine: `e${hostile}`, version: `v${hostile}`, provider: `p${hostile}` },
    });
    const worker = await provenWorker(evidence, policyFor({ runtimes: 'any' }));
    expect(worker.runtime.engine).toContain('\u001b');
    const lines = workerLines(worker, quiet);
    expectTame(lines);
    expect(lines.split('\n')).toHaveLength(workerLines(await provenWorker(), quiet).split('\n').length);
  });
});

describe('the facts of an answer', () => {
  it('cannot rewrite the report: outputs come from the model, the processor from the host', async () => {
    const made = answer({ execution: { cpuFamily: `cpu${hostile}`, layout: `l${hostile}` } });
    const text = utf8(`bytes${hostile}`);
    const release = await verifyRelease(plain.release, {
      modelId: plain.modelId,
      publishers: [publisher],
      suite: nodeSuite,
    });
    const result: Pick<InferResult, 'receipt' | 'release' | 'response'> = {
      receipt: requireAccepted(await judgeReceipt(made)),
      release: requireAccepted(release),
      response: {
        modelName: 'demo',
        modelVersion: '1.0.0',
        id: null,
        outputs: [
          {
            name: `out${hostile}`,
            datatype: 'BYTES',
            shape: [1],
            data: concatBytes(u32(text.length).reverse(), text),
          },
          { name: 'logits', datatype: 'FP32', shape: [12], data: new Uint8Array(48) },
        ],
      },
    };
    const lines = answerLines(result as InferResult);
    expectTame(lines);
    expect(lines).toContain('BYTES[1] "bytes');
    expect(lines).toContain('FP32[12] 0.00000 ');
    expect(lines).toContain('  status              ok\n');
    expect(lines).toContain('  model               demo 1.0.0\n');
    expect(lines.split('\n')).toHaveLength(12);
  });
});
