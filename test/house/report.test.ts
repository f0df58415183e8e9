import { describe, expect, it } from 'vitest';
import { createReport, time } from '../bench/report.ts';

describe('bench report', () => {
  it.each(['', 'meta.cpu', 'plain', 'wire..x', 'Wire.x', 'wire.x y'])('refuses the key %j', (key) => {
    expect(() => createReport().report.add(key, 1)).toThrow('key_invalid');
  });

  it('refuses a repeated key and a number that is none', () => {
    const { report } = createReport();
    report.add('wire.frame.encode_ms', 1);
    expect(() => report.add('wire.frame.encode_ms', 2)).toThrow('key_repeated');
    expect(() => report.add('wire.frame.decode_ms', Number.NaN)).toThrow('value_invalid');
  });

  it('keeps four digits', () => {
    const { report, numbers } = createReport();
    report.add('wire.frame.encode_ms', 1.234567);
    expect(numbers.get('wire.frame.encode_ms')).toBe(1.235);
  });

  it('orders median and p95', async () => {
    const { medianMs, p95Ms } = await time(20, () => undefined);
    expect(medianMs).toBeGreaterThanOrEqual(0);
    expect(p95Ms).toBeGreaterThanOrEqual(medianMs);
  });
});
