import { describe, expect, it } from 'vitest';
import { WireError } from '../../wire/errors.ts';

describe('WireError', () => {
  it.each([
    ['json_malformed: why', {}],
    ['json_malformed: why in a.b', { field: 'a.b' }],
    ['json_malformed: why at byte 0', { offset: 0 }],
    ['json_malformed: why in a.b at byte 7', { field: 'a.b', offset: 7 }],
  ])('says %s', (message, place) => {
    const error = new WireError('json_malformed', 'why', place);
    expect(error.message).toBe(message);
    expect(error).toMatchObject({ name: 'WireError', code: 'json_malformed', detail: 'why', place });
  });
});
