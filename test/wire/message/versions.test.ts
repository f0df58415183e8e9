import { describe, expect, it } from 'vitest';
import { compareVersions, isVersion } from '../../../wire/message/versions.ts';

describe('versions', () => {
  it('come in the order of Semantic Versioning, section 11', () => {
    const order = [
      '0.9.0',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.9',
      '1.0.10',
      '1.9.0',
      '1.10.0',
      '2.0.0',
    ];
    for (const [one, a] of order.entries()) {
      for (const [other, b] of order.entries()) {
        expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(one - other));
      }
    }
  });

  it.each(['1', '1.0', '1.0.0.0', 'v1.0.0', '1.0.0+build', '', 'latest', '1.0.0-'])('%j is none', (text) => {
    expect(isVersion(text)).toBe(false);
  });
});
