import { describe, expect, it } from 'vitest';
import { releaseVersion } from '../../../wire/message/registrations.ts';
import { refusalOf } from '../codec/support.ts';

describe('a version that a registry lists', () => {
  it.each([
    ['0.0.0', 0, 0, 0],
    ['1.2.3', 1, 2, 3],
    ['10.203.3040', 10, 203, 3_040],
    ['999999999.0.0', 999_999_999, 0, 0],
    ['0.999999999.0', 0, 999_999_999, 0],
    ['0.0.999999999', 0, 0, 999_999_999],
  ])('%s has three numbers', (version, major, minor, patch) => {
    expect(releaseVersion(version)).toEqual({ major, minor, patch });
  });

  it.each([
    ...['1.2', '1.2.3.4', '1.2.3-rc.1', '1.2.3+build', ' 1.2.3', '1.2.3\n', 'v1.2.3', '1x2.3', '1.2x3', ''],
    ...['01.2.3', '1.02.3', '1.2.03', '1.a.3', '1.2a.3', '-1.2.3'],
    ...['1000000000.0.0', '0.1000000000.0', '0.0.1000000000'],
  ])('is not %j', (version) => {
    expect(refusalOf(() => releaseVersion(version))).toEqual({ code: 'field_invalid', place: { field: 'version' } });
  });
});
