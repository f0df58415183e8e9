import { describe, expect, it } from 'vitest';
import { siblingDistance } from '../../../cli/circuit/sibling.ts';
import { onnxType, writeOnnx } from '../../../cli/demo-model/onnx-writer.ts';
import { exitCode } from '../../../cli/exit-codes.ts';
import { parseProgram } from '../../../contracts/integer/program.ts';
import { pathIn } from '../../models/drafts.ts';
import { command, temporaryFolder } from '../../support/command.ts';

/** y = 3 a - 2 b. */
const program = parseProgram({
  inputs: { count: 2, range: { least: 0n, most: 255n } },
  layers: [{ kind: 'dense', weights: [[3n, -2n]], bias: [0n], rectify: 'none' }],
});

/** y = first a + second b, in floats. */
function linear(first: number, second: number, columns = 2): Uint8Array {
  const data = new Uint8Array(new Float32Array([first, second]).buffer);
  return writeOnnx({
    producer: 'test',
    irVersion: 8,
    operatorSets: { '': 17 },
    graph: {
      name: 'linear',
      nodes: [{ operator: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
      initializers: [{ name: 'w', type: onnxType.float32, dimensions: [columns, 2 / columns], data }],
      inputs: [{ name: 'x', type: onnxType.float32, dimensions: ['batch', columns] }],
      outputs: [{ name: 'y', type: onnxType.float32, dimensions: ['batch', 2 / columns] }],
    },
  });
}

const options = { scale: { input: 0.5, output: 0.5 }, samples: 200 };

describe('the distance to a float sibling', () => {
  it('is nothing where the floats compute the same', async () => {
    const same = await siblingDistance(program, { name: 'same', onnx: linear(3, -2) }, options);
    expect(same).toMatchObject({ sibling: 'same', samples: 200, median: 0, percentile95: 0, most: 0 });
    expect(same.answersMedian).toBeGreaterThan(0);
  });

  it('is what the floats differ by, in their unit', async () => {
    // Off by a tenth of a, which is half of up to 255.
    const { median, percentile95, most } = await siblingDistance(
      program,
      { name: 'other', onnx: linear(3.1, -2) },
      options,
    );
    expect(most).toBeGreaterThan(0.1 * 0.5 * 240);
    expect(most).toBeLessThanOrEqual(0.1 * 0.5 * 255 + 1e-4);
    expect([median < percentile95, percentile95 <= most]).toEqual([true, true]);
  });

  it('sibling_not_comparable: it takes or gives something else', async () => {
    const other = siblingDistance(program, { name: 'narrow', onnx: linear(3, -2, 1) }, options);
    await expect(other).rejects.toMatchObject({ code: 'sibling_not_comparable', exit: exitCode.refused });
  });
});

describe('proofmark circuit make --sibling', () => {
  const folder = temporaryFolder();

  it('tells the distance of volatility-1h-int8 to volatility-1h', { timeout: 60_000 }, async () => {
    const scales = ['--input-scale', '0.0001', '--output-scale', '0.000003125', '--samples', '500'];
    const sibling = ['--sibling', pathIn('volatility-1h', '')];
    const args = [pathIn('volatility-1h-int8', ''), '--out', folder.path('out'), ...sibling, ...scales, '--json'];
    const { code, out, err } = await command('circuit', 'make', ...args);
    expect([code, err]).toEqual([exitCode.accepted, '']);
    const { distance } = JSON.parse(out) as { distance: { median: number; answersMedian: number; samples: number } };
    expect(distance.samples).toBe(500);
    expect(distance.median).toBeGreaterThan(0);
    expect(distance.median).toBeLessThan(distance.answersMedian / 4);
    folder.remove();
  });

  it.each([
    [['--samples', '5'], '--samples belongs to --sibling'],
    [['--sibling', 'x', '--samples', '5'], '--sibling goes with'],
    [['--sibling', 'x', '--input-scale', '1', '--output-scale', '0', '--samples', '5'], '--sibling goes with'],
    [['--sibling', 'x', '--input-scale', '1', '--output-scale', '1', '--samples', '1e9'], '--sibling goes with'],
  ])('%j is a wrong command line', async (args, said) => {
    const { code, err } = await command('circuit', 'make', 'a', '--out', 'b', ...args);
    expect([code, err]).toEqual([exitCode.usage, expect.stringContaining(said)]);
  });
});
